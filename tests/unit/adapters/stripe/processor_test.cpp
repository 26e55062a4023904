#include "adapters/stripe/stripe_processor.hpp"

#include "adapters/stripe/conversation.hpp"
#include "tests/unit/adapters/stripe/support.hpp"

using namespace novapay;
using namespace novapay::stripe;
using namespace novapay::stripe::test;

namespace {

struct world {
  explicit world(std::vector<runtime::call_result> script = {}, settings given = test_settings())
      : how(std::move(given)), client(std::move(script)), processor(how, client, clock, log, metrics) {}

  void send(processor_call call) {
    processor.send(std::move(call), [this](domain::outcome got) { outcomes.push_back(text_of(got)); });
  }

  settings how;
  novapay::testing::fake_clock clock;
  novapay::testing::remembering_log log;
  novapay::testing::silent_metrics metrics;
  scripted_client client;
  stripe_processor processor;
  std::vector<std::string> outcomes;
};

}  // namespace

TEST_CASE("stripe/processor: a call is sent, and answered once") {
  world at({answered(200, intent_json("requires_capture"), {{"request-id", "req_1"}})});
  at.send(call_of(operation_kind::authorize));
  CHECK(at.outcomes == std::vector<std::string>{"approved pi_1"});
  REQUIRE(at.client.sent.size() == 1);
  CHECK(at.client.line(0) == "POST /v1/payment_intents");
  CHECK(at.client.sent[0].total_timeout == at.how.request_timeout);
}

TEST_CASE("stripe/processor: requests follow one another") {
  world at({answered(500, error_json("api_error")), answered(200, list_json({refund_json("succeeded")}))});
  at.send(call_of(operation_kind::refund));
  CHECK(at.outcomes == std::vector<std::string>{"approved re_1"});
  CHECK(at.client.sent.size() == 2);
}

TEST_CASE("stripe/processor: over its bound it is busy, and says so at once") {
  auto how = test_settings();
  how.in_flight_max = 2;
  world at({}, how);
  for (int i = 0; i < 3; ++i) at.send(call_of(operation_kind::authorize));
  CHECK(at.client.sent.size() == 2);
  CHECK(at.outcomes == std::vector<std::string>{"not_executed processor_busy"});
  for (auto& done : at.client.waiting) done(answered(200, intent_json("requires_capture")));
  CHECK(at.outcomes.size() == 3);
  // What was turned away took no place.
  for (int i = 0; i < 3; ++i) at.send(call_of(operation_kind::authorize));
  CHECK(at.client.sent.size() == 4);
}

TEST_CASE("stripe/processor: the deadline is the call's, however many requests it takes") {
  world at;
  at.send(call_of(operation_kind::refund));
  at.clock.advance(50s);
  at.client.waiting.at(0)(answered(500, error_json("api_error")));
  REQUIRE(at.client.sent.size() == 2);
  CHECK(at.client.sent[1].total_timeout == 10s);
  CHECK(at.outcomes.empty());
  at.clock.advance(10s);
  at.client.waiting.at(1)(answered(
      200, list_json({refund_json("succeeded", {{"id", "re_9"}, {"metadata", {{"novapay_operation", "refund:9"}}}})},
                     true)));
  CHECK(at.client.sent.size() == 2);
  CHECK(at.outcomes == std::vector<std::string>{"unknown processor_timeout"});
}

TEST_CASE("stripe/processor: every fate at every step ends in the right class") {
  struct fate_row {
    runtime::call_result reply;
    const char* as_post;
    const char* as_read_after_post;
  };
  const fate_row fates[] = {
      {lost(call_fate::never_sent, "too_many_calls"), "not_executed processor_busy", "unknown processor_busy"},
      {lost(call_fate::never_sent, "queue_timeout"), "not_executed processor_busy", "unknown processor_busy"},
      {lost(call_fate::never_sent, "dns_failed"), "not_executed processor_unavailable",
       "unknown processor_unavailable"},
      {lost(call_fate::never_sent, "shut_down"), "not_executed processor_shutdown", "unknown processor_shutdown"},
      {lost(call_fate::refused, "connect_refused"), "not_executed processor_unavailable",
       "unknown processor_unavailable"},
      {lost(call_fate::refused, "tls_failed"), "not_executed processor_unavailable", "unknown processor_unavailable"},
      {lost(call_fate::may_be_executed, "timeout"), "unknown processor_timeout", "unknown processor_timeout"},
      {lost(call_fate::may_be_executed, "connection_lost"), "unknown connection_lost", "unknown connection_lost"},
      {lost(call_fate::may_be_executed, "truncated"), "unknown connection_lost", "unknown connection_lost"},
      {lost(call_fate::may_be_executed, "answer_too_large"), "unknown unreadable_answer", "unknown unreadable_answer"},
      {lost(call_fate::may_be_executed, "canceled"), "unknown processor_shutdown", "unknown processor_shutdown"},
      {answered(200, std::string("<html>")), "unknown unreadable_answer", "unknown unreadable_answer"},
      {answered(429, error_json("rate_limit_error")), "not_executed rate_limited", "unknown rate_limited"},
      {answered(503, std::string()), "unknown processor_error", "unknown processor_error"},
  };
  using enum operation_kind;
  for (const auto& fate : fates)
    for (const auto kind : {authorize, capture, refund, cancel}) {
      CAPTURE(fate.as_post);
      CAPTURE(static_cast<int>(kind));
      world first({fate.reply});
      first.send(call_of(kind));
      CHECK(first.outcomes == std::vector<std::string>{fate.as_post});

      world second({answered(500, error_json("api_error")), fate.reply});
      second.send(call_of(kind));
      CHECK(second.outcomes == std::vector<std::string>{fate.as_read_after_post});
      CHECK(second.client.left() == 0);
    }
}

TEST_CASE("stripe/processor: a client that answers anything is asked a bounded number of times") {
  world at;
  at.client.by = [](const runtime::outgoing_call& call) {
    const json other{{"id", "re_x"}, {"metadata", {{"novapay_payment", "pay_other"}}}};
    if (call.method == "POST") return answered(500, error_json("api_error"));
    if (call.url.find("/v1/refunds") != std::string::npos)
      return answered(200, list_json({refund_json("succeeded", other)}, true));
    return answered(200, list_json({intent_json("succeeded", other)}, true));
  };
  for (const auto kind : {operation_kind::authorize, operation_kind::refund}) {
    at.client.sent.clear();
    at.send(doubted(call_of(kind), 24h));
    CHECK(at.client.sent.size() <= static_cast<std::size_t>(requests_max));
    CHECK(at.outcomes.back() == "unknown search_incomplete");
  }
}

TEST_CASE("stripe/processor: what nobody knows is logged; keys and tokens never are") {
  world at({answered(200, intent_json("brand_new")), answered(401, error_json("invalid_request_error"))});
  at.send(call_of(operation_kind::authorize));
  at.send(call_of(operation_kind::authorize));
  CHECK(at.log.has("payment_intent.status=brand_new"));
  CHECK(at.log.has("reason=processor_credentials"));
  CHECK_FALSE(at.log.has(secret));
  CHECK_FALSE(at.log.has("pm_card_visa"));
}

TEST_CASE("stripe/processor: a rest that was released is told") {
  auto call = call_of(operation_kind::capture, 500);
  call.final_capture = false;
  world at({answered(200, intent_json("succeeded", {{"latest_charge", "ch_1"}, {"amount_received", 500}}))});
  std::vector<processor_notice> told_of;
  at.processor.listen([&](processor_notice what) { told_of.push_back(std::move(what)); });
  at.send(call);
  CHECK(at.outcomes == std::vector<std::string>{"approved ch_1"});
  REQUIRE(told_of.size() == 1);
  CHECK(told_of[0].payment == payment);
  CHECK(told_of[0].what.about == domain::operation_id{operation_kind::authorize, 0});
  CHECK(told_of[0].what.reference == "pi_1");
  CHECK(std::get<told::voided>(told_of[0].what.what).reason == "released");
  told_of[0].acknowledge();
}

TEST_CASE("stripe/processor: a call under way outlives the processor") {
  novapay::testing::fake_clock clock;
  novapay::testing::remembering_log log;
  novapay::testing::silent_metrics metrics;
  scripted_client client;
  std::string outcome;
  {
    stripe_processor processor(test_settings(), client, clock, log, metrics);
    processor.send(call_of(operation_kind::authorize), [&](domain::outcome got) { outcome = text_of(got); });
  }
  client.waiting.at(0)(lost(call_fate::may_be_executed, "shut_down"));
  CHECK(outcome == "unknown processor_shutdown");
}
