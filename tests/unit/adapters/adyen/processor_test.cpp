#include "adapters/adyen/adyen_processor.hpp"

#include "adapters/adyen/requests.hpp"
#include "tests/unit/adapters/adyen/support.hpp"

using namespace novapay;
using namespace novapay::adyen;
using namespace novapay::adyen::test;
using enum domain::operation_kind;

namespace {

struct world {
  explicit world(std::vector<runtime::call_result> script = {}, settings how = test_settings())
      : client(std::move(script)), processor(std::move(how), client, clock, log, metrics) {}
  void send(const processor_call& call) {
    processor.send(call, [this](domain::outcome got) { outcomes.push_back(text_of(got)); });
  }
  std::string only() const {
    return outcomes.size() == 1 ? outcomes.front() : std::to_string(outcomes.size()) + " outcomes";
  }

  novapay::testing::fake_clock clock;
  novapay::testing::remembering_log log;
  novapay::testing::silent_metrics metrics;
  scripted_client client;
  adyen_processor processor;
  std::vector<std::string> outcomes;
};

json good_answer(operation_kind kind) {
  return kind == authorize || kind == confirm ? payment_json("Authorised") : received_json();
}

constexpr operation_kind every_kind[] = {authorize, confirm, capture, refund, cancel};

}  // namespace

TEST_CASE("adyen/processor: each operation is one request, and its answer one outcome") {
  for (const auto kind : every_kind) {
    const bool asks_issuer = kind == authorize || kind == confirm;
    world at({answered(asks_issuer ? 200 : 201, good_answer(kind))});
    at.send(call_of(kind));
    CHECK(at.only() == (asks_issuer ? "approved NC6HT9CRT65ZGN82" : "accepted QFQTPCQ8HXSKGK82"));
    CHECK(at.client.sent.size() == 1);
  }
}

TEST_CASE("adyen/processor: every fate of every operation, first asked and asked again") {
  const struct {
    runtime::call_result reply;
    const char* expected;
  } fates[] = {
      {lost(call_fate::never_sent, "too_many_calls"), "not_executed processor_busy"},
      {lost(call_fate::never_sent, "queue_timeout"), "not_executed processor_busy"},
      {lost(call_fate::never_sent, "dns_failed"), "not_executed processor_unavailable"},
      {lost(call_fate::never_sent, "shut_down"), "not_executed processor_shutdown"},
      {lost(call_fate::refused, "connect_refused"), "not_executed processor_unavailable"},
      {lost(call_fate::refused, "tls_failed"), "not_executed processor_unavailable"},
      {lost(call_fate::may_be_executed, "timeout"), "unknown processor_timeout"},
      {lost(call_fate::may_be_executed, "connection_lost"), "unknown connection_lost"},
      {lost(call_fate::may_be_executed, "truncated"), "unknown connection_lost"},
      {lost(call_fate::may_be_executed, "answer_too_large"), "unknown unreadable_answer"},
      {lost(call_fate::may_be_executed, "canceled"), "unknown processor_shutdown"},
      {answered(200, std::string()), "unknown unreadable_answer"},
      {answered(200, std::string("<html>")), "unknown unreadable_answer"},
      {answered(429, std::string()), "not_executed rate_limited"},
      {answered(500, error_json(500, "903"), transient()), "not_executed processor_unavailable"},
      {answered(500, error_json(500, "903")), "unknown processor_error"},
      {answered(503, error_json(503, "703"), transient()), "not_executed processor_unavailable"},
      {answered(504, std::string("<html>")), "unknown processor_error"},
      {answered(422, error_json(422, "704"), transient()), "unknown processor_still_working"},
  };
  for (const auto& fate : fates)
    for (const auto kind : every_kind) {
      CAPTURE(fate.expected);
      CAPTURE(static_cast<int>(kind));
      world first({fate.reply});
      first.send(call_of(kind));
      CHECK(first.only() == fate.expected);

      // Lost once, then asked again: the same bytes under the same key, and its own answer counts.
      world again({lost(call_fate::may_be_executed, "timeout"), fate.reply});
      again.send(call_of(kind));
      again.send(doubted(call_of(kind), 1min));
      REQUIRE(again.client.sent.size() == 2);
      CHECK(again.client.sent[0].body == again.client.sent[1].body);
      CHECK(again.client.sent[0].url == again.client.sent[1].url);
      CHECK(again.client.sent[0].fields == again.client.sent[1].fields);
      CHECK(again.outcomes == std::vector<std::string>{"unknown processor_timeout", fate.expected});
    }
}

TEST_CASE("adyen/processor: a key that may be forgotten is never used again") {
  const auto life = test_settings().key_life;
  for (const auto kind : every_kind) {
    world young({answered(200, good_answer(kind))});
    young.send(doubted(call_of(kind), life - 1ms));
    CHECK(young.client.sent.size() == 1);

    world old({answered(200, good_answer(kind))});
    old.send(doubted(call_of(kind), life));
    CHECK(old.only() == "unknown key_expired");
    CHECK(old.client.sent.empty());

    // Also one that was only accepted, or whose first attempt has no date.
    auto repeated = doubted(call_of(kind), life);
    repeated.doubted = false;
    old.send(repeated);
    repeated.first_attempt_at = {};
    old.send(repeated);
    CHECK(old.client.sent.empty());
    CHECK(old.outcomes.size() == 3);
    for (const auto& outcome : old.outcomes) CHECK(outcome == "unknown key_expired");
  }
  CHECK(life < 24h * 7);
}

TEST_CASE("adyen/processor: what cannot be asked again is not called refused") {
  auto call = call_of(authorize);
  call.token = "test_unknown";
  world at;
  at.send(call);
  at.send(doubted(call, 1min));
  CHECK(at.outcomes == std::vector<std::string>{"declined payment_method_not_found", "unknown cannot_be_asked"});
  CHECK(at.client.sent.empty());
}

TEST_CASE("adyen/processor: calls under way are bounded, and each makes room when it ends") {
  auto how = test_settings();
  how.in_flight_max = 2;
  world at({}, how);
  at.send(call_of(authorize));
  at.send(call_of(capture));
  at.send(call_of(refund));
  CHECK(at.outcomes == std::vector<std::string>{"not_executed processor_busy"});
  CHECK(at.client.sent.size() == 2);
  at.client.waiting.at(0)(lost(call_fate::may_be_executed, "timeout"));
  at.send(call_of(refund));
  CHECK(at.client.sent.size() == 3);

  auto wrong = call_of(cancel);  // what ends at once makes room as well
  wrong.idempotency_key.clear();
  at.client.waiting.at(1)(answered(201, received_json()));
  for (int n = 0; n < 5; ++n) at.send(wrong);
  CHECK(at.outcomes.back() == "declined invalid_request");
}

TEST_CASE("adyen/processor: the other mode is turned away, loudly") {
  auto call = call_of(authorize);
  call.live = true;
  world at;
  at.send(call);
  CHECK(at.only() == "not_executed mode_mismatch");
  CHECK(at.client.sent.empty());
  CHECK(at.log.has("reason=mode_mismatch"));
}

TEST_CASE("adyen/processor: what nobody knows is logged; keys, tokens and cards never are") {
  world at({answered(200, payment_json("BrandNew")), answered(401, error_json(401, "000", "security"))});
  at.send(call_of(authorize));
  auto stored = call_of(authorize);
  stored.token = "CANARYTOKEN00001@canary_shopper";
  at.send(stored);
  CHECK(at.log.has("resultCode=BrandNew"));
  CHECK(at.log.has("reason=processor_credentials 401/000"));
  for (const auto* secret : {api_key, "4111111111111111", "CANARYTOKEN00001", "canary_shopper"})
    CHECK_FALSE(at.log.has(secret));
}

TEST_CASE("adyen/processor: a call under way outlives the processor") {
  novapay::testing::fake_clock clock;
  novapay::testing::remembering_log log;
  novapay::testing::silent_metrics metrics;
  scripted_client client;
  std::string outcome;
  {
    adyen_processor processor(test_settings(), client, clock, log, metrics);
    processor.send(call_of(authorize), [&](domain::outcome got) { outcome = text_of(got); });
  }
  client.waiting.at(0)(lost(call_fate::may_be_executed, "shut_down"));
  CHECK(outcome == "unknown processor_shutdown");
}
