// webhook_bench: a node's payments and its webhook desk on a real store, with a processor that answers when the test says so and a format
// of the tests' own: lines of text under an HMAC.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <caf/all.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actors/hosted_payments.hpp"
#include "actors/payment_kind.hpp"
#include "actors/webhook_desk.hpp"
#include "adapters/system/system_random.hpp"
#include "runtime/host.hpp"
#include "tests/contract/benches.hpp"
#include "tests/support/silent_ports.hpp"

namespace novapay::test {

// The machine's time, which a test can push forward.
class moving_clock final : public runtime::clock {
 public:
  runtime::timestamp now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()) + ahead_.load();
  }
  void advance(std::chrono::milliseconds by) { ahead_ = ahead_.load() + by; }

 private:
  std::atomic<std::chrono::milliseconds> ahead_{std::chrono::milliseconds{0}};
};

std::string sign(const std::string& secret, const std::string& body);

// Each line of a body is one item: "captured pay_… 1", "settled pay_… 1", "failed pay_… 1" (of a capture), "report NAME",
// "lookup REFERENCE 1", "other". "x-signature" holds the HMAC of the body.
class line_format final : public webhook_format {
 public:
  explicit line_format(std::vector<std::string> secrets) : secrets_(std::move(secrets)) {}
  webhook_verdict verify(const runtime::http_fields& fields, std::string_view body,
                         domain::timestamp now) const override;
  std::optional<std::vector<webhook_item>> read(std::string_view body) const override;
  runtime::http_response acknowledgement() const override { return {200, {{"content-type", "text/plain"}}, "[ok]"}; }

 private:
  std::vector<std::string> secrets_;
};

// Calls wait until the test lets them go; in `prompt` mode they are approved at once.
class held_processor final : public processor {
 public:
  void send(processor_call call, processor_done done) override;
  void listen(notice_sink) override {}
  // Awaits the next call of this kind; answering it is up to the test.
  std::pair<processor_call, processor_done> next(domain::operation_kind kind);
  std::atomic<bool> prompt{false};

 private:
  std::mutex mutex_;
  std::deque<std::pair<processor_call, processor_done>> calls_;
};

// Awaits something that no event tells a test of.
void await(const std::function<bool()>& what, const char* name);

struct webhook_node {
  webhook_node(std::shared_ptr<runtime::journal_store> journal, std::shared_ptr<webhook_inbox_store> inbox,
               unsigned shard_bits = 4);
  ~webhook_node();

  // Another desk on the same store; the one before has died.
  void restart_desk();
  webhook_source source();

  std::string authorized_payment(const std::string& key, std::int64_t amount = 1000);
  void capture(const std::string& payment);  // asks for it; its call is held
  std::vector<history_entry> history(const std::string& payment);
  std::size_t events(const std::string& payment, std::string_view type);
  domain::payment read(const std::string& payment);

  std::future<intake_answer> take(const std::string& body, const std::string& secret = "secret-1",
                                  runtime::http_fields more = {});
  intake_answer taken(const std::string& body, const std::string& secret = "secret-1", runtime::http_fields more = {});
  std::vector<inbox_line> listed(std::optional<inbox_state> state);
  void await_states(std::size_t count, inbox_state state);
  bool replay_all(inbox_state state, std::int64_t count);

  moving_clock clock;
  adapters::system_random random;
  testing::remembering_log log;
  testing::silent_metrics metrics;
  std::shared_ptr<webhook_inbox_store> inbox_store;
  held_processor through;
  line_format format{{"secret-1", "secret-2"}};
  processor_settlement* settlement = nullptr;
  payment_lookup* lookup = nullptr;
  std::function<bool(const std::string& payment, notice_done& done)> before_delivery;  // true: it has taken care of it
  caf::actor_system_config config;
  caf::actor_system system;
  runtime::host host;
  hosted_payments payments;
  std::unique_ptr<webhook_desk> desk;
};

// The stores of a bench, which own themselves.
template <class Store>
std::shared_ptr<Store> borrowed(Store& store) {
  return {std::shared_ptr<void>{}, &store};
}

}  // namespace novapay::test
