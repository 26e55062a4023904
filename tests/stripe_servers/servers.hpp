// servers: the Stripe adapter at one server over real HTTP, with every exchange judged. tests/servers/with-stripe-servers starts the servers.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "actors/processor.hpp"
#include "actors/statement.hpp"
#include "adapters/http_client/client.hpp"
#include "adapters/stripe/settings.hpp"
#include "adapters/stripe/stripe_processor.hpp"
#include "adapters/system/system_clock.hpp"
#include "tests/spec/openapi.hpp"
#include "tests/support/silent_ports.hpp"

namespace novapay::stripe::servers {

enum class server : std::uint8_t { simulator, stripe_mock, localstripe };
inline constexpr std::array all_servers{server::simulator, server::stripe_mock, server::localstripe};
const char* name_of(server which);

struct place {
  std::string url;
  std::string key;
  std::string control;                        // the simulator's
  std::map<std::string, std::string> tokens;  // good, declined, must_act
};
const place& place_of(server which);  // throws without NOVAPAY_TEST_STRIPE_SERVERS

// The description we keep, derived from Stripe's types and of the version we pin; and Stripe's own, which stripe-mock is made of: complete,
// somewhat older, and without a word on which members an answer always has.
const spec::openapi& trimmed_description();
const spec::openapi& official_description();

struct exchange {
  std::string method;
  std::string path;  // with its query
  std::string body;
  runtime::call_result result;
};

// Sends through another client and remembers what was said. From the call's end on, an exchange may be looked at.
class recorder final : public runtime::http_client {
 public:
  explicit recorder(runtime::http_client& through) : through_(through) {}
  runtime::call_id send(runtime::outgoing_call what, runtime::call_done done) override;
  void cancel(runtime::call_id which) override { through_.cancel(which); }
  std::vector<exchange> take();  // what was said since the last time

 private:
  runtime::http_client& through_;
  std::mutex mutex_;
  std::vector<exchange> said_;
};

// A payment at a server, and the adapter to talk about it with.
class bench {
 public:
  explicit bench(server which);

  // The next payment; the operations below are its own.
  void begin();
  settings& how() { return how_; }  // of the calls that follow

  processor_call call(domain::operation_kind kind, std::int64_t minor = 1099, std::uint32_t number = 1) const;
  // Ends within 20 s or the test fails. An approved or started authorization becomes the payment's.
  domain::outcome send(processor_call call);
  domain::outcome authorize(std::int64_t minor = 1099) { return send(call(domain::operation_kind::authorize, minor)); }
  std::string lookup(const std::string& reference);
  statement_result statement(domain::timestamp from, domain::timestamp to, const std::string& at);
  settlement_result settlement(const std::string& payout);

  // Not the adapter's: what a browser, or an operator of the server, does. The answer's JSON, or null.
  nlohmann::json raw(const std::string& method, const std::string& url, const std::string& form = {});

  const std::string& payment() const { return payment_; }
  const std::string& intent() const { return intent_; }
  domain::timestamp now() const { return clock_.now(); }
  const place& where() const { return where_; }
  server which() const { return which_; }

  // Judges what was said since the last time: each request fits Stripe's description, each answer was complete and could be read.
  void judge();

 private:
  const server which_;
  const place& where_;
  settings how_;
  adapters::system_clock clock_;
  testing::remembering_log log_;
  testing::silent_metrics metrics_;
  adapters::http_client::client http_;
  recorder client_;
  unsigned payments_ = 0;
  std::string payment_;
  std::string intent_;
};

}  // namespace novapay::stripe::servers
