#include "tests/contract/webhook_bench.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <sstream>

namespace novapay::test {

using namespace domain;

std::string sign(const std::string& secret, const std::string& body) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest, &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    constexpr char digits[] = "0123456789abcdef";
    text += digits[digest[i] >> 4];
    text += digits[digest[i] & 15];
  }
  return text;
}

webhook_verdict line_format::verify(const runtime::http_fields& fields, std::string_view body, timestamp) const {
  for (const auto& [name, value] : fields) {
    if (name != "x-signature") continue;
    for (const auto& secret : secrets_)
      if (sign(secret, std::string{body}) == value) return {true, {}};
    return {false, "signature_mismatch"};
  }
  return {false, "signature_missing"};
}

std::optional<std::vector<webhook_item>> line_format::read(std::string_view body) const {
  std::vector<webhook_item> items;
  std::istringstream lines{std::string{body}};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    std::string verb;
    std::uint32_t number = 1;
    webhook_item item;
    words >> verb >> item.payment >> number;
    notice what;
    what.about = {operation_kind::capture, number};
    if (verb == "captured") {
      what.what = told::result{reported::approved{"ref-1", std::nullopt}};
    } else if (verb == "settled") {
      what.what = told::settled{};
    } else if (verb == "failed") {
      what.what = told::failed{failure{"capture_failed", "", "It failed."}};
    } else if (verb == "report") {
      item.report = std::exchange(item.payment, {});
    } else if (verb == "lookup") {
      item.lookup = std::exchange(item.payment, {});
      what.what = told::settled{};
    } else if (verb == "throw") {
      throw std::runtime_error("a bug in a format");
    } else if (verb != "other") {
      return std::nullopt;
    }
    if (verb != "report" && verb != "other") item.what = what;
    items.push_back(std::move(item));
  }
  return items;
}

void held_processor::send(processor_call call, processor_done done) {
  if (prompt) return done(reported::approved{"ref-1", std::nullopt});
  const std::lock_guard lock(mutex_);
  calls_.emplace_back(std::move(call), std::move(done));
}

std::pair<processor_call, processor_done> held_processor::next(operation_kind kind) {
  std::pair<processor_call, processor_done> found;
  await(
      [&] {
        const std::lock_guard lock(mutex_);
        for (auto at = calls_.begin(); at != calls_.end(); ++at) {
          if (at->first.operation != kind) continue;
          found = std::move(*at);
          calls_.erase(at);
          return true;
        }
        return false;
      },
      "a call to the processor");
  return found;
}

void await(const std::function<bool()>& what, const char* name) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (!what()) {
    if (std::chrono::steady_clock::now() > end) FAIL("waited in vain for ", name);
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
}

namespace {

runtime::host_settings host_of(unsigned shard_bits) {
  runtime::host_settings how;
  how.shard_bits = shard_bits;
  how.incarnation = 1;
  return how;
}

caller someone(const runtime::clock& clock) {
  caller who{"mrc_a", mode::test, "req", {}};
  who.deadline = clock.now() + std::chrono::seconds{25};
  return who;
}

// What a call with a callback gave. The callback's last copy may die in another thread.
template <class T, class Call>
T result_of(Call call) {
  auto promised = std::make_shared<std::promise<T>>();
  auto future = promised->get_future();
  call([promised](T given) { promised->set_value(std::move(given)); });
  REQUIRE(future.wait_for(std::chrono::seconds{30}) == std::future_status::ready);
  return future.get();
}

}  // namespace

webhook_node::webhook_node(std::shared_ptr<runtime::journal_store> journal, std::shared_ptr<webhook_inbox_store> inbox,
                           unsigned shard_bits)
    : inbox_store(std::move(inbox)),
      system(config),
      host(system, host_of(shard_bits), {clock, random, log, metrics, std::move(journal)}, {make_payment_kind(through)},
           [](const std::string&) {}),
      payments(host, clock, log) {
  host.start();
  await([this] { return host.ready(); }, "the node");
  restart_desk();
}

webhook_node::~webhook_node() {
  desk->stop();
  host.stop();
}

webhook_source webhook_node::source() { return {"lines", &format, settlement, lookup}; }

void webhook_node::restart_desk() {
  if (desk) desk->stop();
  desk = std::make_unique<webhook_desk>(
      system, desk_settings{},
      desk_ports{clock, log, metrics, inbox_store,
                 [this](const std::string& payment, const notice& what, notice_done done) {
                   if (before_delivery && before_delivery(payment, done)) return;
                   payments.deliver(payment, what, std::move(done));
                 }},
      std::vector{source()}, [](const std::string&) {});
  desk->start();
}

std::string webhook_node::authorized_payment(const std::string& key, std::int64_t amount) {
  terms asked;
  asked.merchant = "mrc_a";
  asked.idempotency_key = key;
  asked.amount = {amount, *parse_currency("usd")};
  asked.capture = capture_method::manual;
  asked.method_type = "card";
  asked.token = "tok_visa";
  const bool prompt = through.prompt.exchange(true);
  const auto given = result_of<reply>([&](auto done) { payments.create(someone(clock), asked, done); });
  through.prompt = prompt;
  REQUIRE(std::holds_alternative<answer>(given));
  return std::get<answer>(given).payment.agreed.id;
}

void webhook_node::capture(const std::string& payment) {
  payments.ask(someone(clock), payment, command::capture{"capture-of-" + payment, std::nullopt, true},
               [](const reply&) {});
}

std::vector<history_entry> webhook_node::history(const std::string& payment) {
  const auto given = result_of<history_reply>([&](auto done) { payments.history(someone(clock), payment, done); });
  REQUIRE(std::holds_alternative<std::vector<history_entry>>(given));
  return std::get<std::vector<history_entry>>(given);
}

std::size_t webhook_node::events(const std::string& payment, std::string_view type) {
  const auto all = history(payment);
  return static_cast<std::size_t>(
      std::ranges::count_if(all, [&](const auto& one) { return type_of(one.what) == type; }));
}

domain::payment webhook_node::read(const std::string& payment) {
  const auto given =
      result_of<reply>([&](auto done) { payments.ask(someone(clock), payment, command::query{}, done); });
  REQUIRE(std::holds_alternative<answer>(given));
  return std::get<answer>(given).payment;
}

std::future<intake_answer> webhook_node::take(const std::string& body, const std::string& secret,
                                              runtime::http_fields more) {
  auto promised = std::make_shared<std::promise<intake_answer>>();
  auto future = promised->get_future();
  runtime::http_fields fields{{"x-signature", sign(secret, body)}};
  fields.insert(fields.end(), more.begin(), more.end());
  desk->take("lines", fields, body, [promised](intake_answer given) { promised->set_value(std::move(given)); });
  return future;
}

intake_answer webhook_node::taken(const std::string& body, const std::string& secret, runtime::http_fields more) {
  auto future = take(body, secret, std::move(more));
  REQUIRE(future.wait_for(std::chrono::seconds{30}) == std::future_status::ready);
  return future.get();
}

std::vector<inbox_line> webhook_node::listed(std::optional<inbox_state> state) {
  auto page = inbox_store->open()->list({state, "", std::nullopt, inbox_page_max});
  REQUIRE(page.value.has_value());
  return page.value->lines;
}

void webhook_node::await_states(std::size_t count, inbox_state state) {
  const auto inbox = inbox_store->open();
  await(
      [&] {
        const auto page = inbox->list({state, "", std::nullopt, inbox_page_max});
        return page.value && page.value->lines.size() == count;
      },
      std::string{to_text(state)}.c_str());
}

bool webhook_node::replay_all(inbox_state state, std::int64_t count) {
  const auto done =
      result_of<runtime::read_outcome<std::int64_t>>([&](auto reply) { desk->replay_all(state, "", reply); });
  return done.value == count;
}

}  // namespace novapay::test
