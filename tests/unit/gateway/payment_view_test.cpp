#include "gateway/payment_view.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/gateway/support.hpp"

using namespace novapay;
using namespace novapay::domain;
using namespace novapay::gateway;
using gateway::testing::given;
using gateway::testing::noon;
using gateway::testing::some_terms;
using nlohmann::json;

namespace {

const operation_id authorize{operation_kind::authorize, 1};
const auto week_later = noon + authorization_window;

std::vector<event_type> and_then(std::vector<event_type> events, std::initializer_list<event_type> more) {
  events.insert(events.end(), more);
  return events;
}

const std::vector<event_type> just_created{event::created{some_terms()}};
const auto just_authorized = and_then(just_created, {event::authorized{authorize, "ch_1", week_later}});
const auto fully_captured =
    and_then(just_authorized, {event::capture_requested{1, "", std::nullopt, 1099, true}, event::captured{1, "ca_1"}});

}  // namespace

TEST_CASE("payment_view/payment: a captured payment, byte for byte") {
  CHECK(
      render_payment(given(fully_captured)) ==
      R"({"id":"pay_06fc3v8m2s5k1d9q7w4x0a2b3c","object":"payment","status":"captured","processing_reason":null,)"
      R"("next_check_at":null,"needs_attention":false,)"
      R"("amount":1099,"amount_capturable":0,"amount_captured":1099,"amount_refunded":0,"currency":"usd",)"
      R"("capture_method":"automatic","payment_method":{"type":"card","brand":null,"country":null},"processor":null,)"
      R"("customer":null,"reference":null,"description":null,)"
      R"("statement_descriptor":null,"metadata":{},"return_url":null,"next_action":null,"failure":null,)"
      R"("captures":[{"id":"cap_06fc3v8m2s5k1d9q7w4x0a2b3c_1","object":"capture","amount":1099,"final":true,)"
      R"("status":"succeeded","failure":null,"settled":false,"settlement":null,"created_at":"2026-11-02T12:00:00.125Z"}],"refunds":[],"disputes":[],)"
      R"("expires_at":null,"livemode":false,"created_at":"2026-11-02T12:00:00.123Z",)"
      R"("updated_at":"2026-11-02T12:00:00.126Z"})");
}

TEST_CASE("payment_view/payment: everything that can be set shows, the token never") {
  auto terms = some_terms();
  terms.mode = mode::live;
  terms.capture = capture_method::manual;
  terms.token = "tok_very_secret";
  terms.reference = "order \"7\"";
  terms.description = "two\nlines";
  terms.statement_descriptor = "SHOP";
  terms.metadata = {{"b", "2"}, {"a", "1"}};
  terms.tokens = {{"north", "tok_another_secret"}};
  terms.brand = "visa";
  terms.country = "DE";
  terms.customer = "cus 7";
  terms.return_url = "https://shop.example/back";
  const auto text = render_payment(
      given({event::created{terms, {{"north", "south"}, "eu cards"}},
             event::action_required{authorize, {"redirect", "https://a.example/3ds"}, "ch_1", week_later}}));
  const auto seen = json::parse(text);
  CHECK(seen["status"] == "requires_action");
  CHECK(seen["livemode"] == true);
  CHECK(seen["capture_method"] == "manual");
  CHECK(seen["reference"] == "order \"7\"");
  CHECK(seen["description"] == "two\nlines");
  CHECK(seen["statement_descriptor"] == "SHOP");
  CHECK(seen["payment_method"] == json{{"type", "card"}, {"brand", "visa"}, {"country", "DE"}});
  CHECK(seen["processor"] == "north");
  CHECK(seen["customer"] == "cus 7");
  CHECK(seen["return_url"] == "https://shop.example/back");
  CHECK(text.find(R"("metadata":{"a":"1","b":"2"})") != std::string::npos);
  CHECK(seen["next_action"] == json{{"type", "redirect"}, {"redirect", {{"url", "https://a.example/3ds"}}}});
  CHECK(text.find("secret") == std::string::npos);
}

TEST_CASE("payment_view/payment: failures, doubts and refunds") {
  const auto declined = json::parse(render_payment(
      given(and_then(just_created, {event::declined{authorize,
                                                    {"card_declined", "insufficient_funds", "Too little money.",
                                                     advice::retry_later, "card_declined/insufficient_funds"}}}))));
  CHECK(declined["status"] == "failed");
  CHECK(declined["failure"] == json{{"code", "card_declined"},
                                    {"decline_code", "insufficient_funds"},
                                    {"advice", "retry_later"},
                                    {"message", "Too little money."},
                                    {"processor_code", "card_declined/insufficient_funds"}});

  const auto doubted = json::parse(
      render_payment(given(and_then(just_created, {event::in_doubt{authorize, "processor_timeout", noon}}))));
  CHECK(doubted["status"] == "processing");
  CHECK(doubted["processing_reason"] == "processor_timeout");
  CHECK(doubted["next_check_at"] == "2026-11-02T12:00:00.123Z");
  CHECK(doubted["needs_attention"] == false);
  const auto flagged = json::parse(render_payment(given(and_then(
      just_created, {event::in_doubt{authorize, "processor_timeout", noon}, event::flagged{authorize, "x"}}))));
  CHECK(flagged["needs_attention"] == true);

  const auto refunded = json::parse(render_payment(given(and_then(
      fully_captured, {event::refund_requested{1, "r1", 500, 500, "duplicate"}, event::refunded{1, "re_1"},
                       event::refund_requested{2, "r2", 99, 99, ""}, event::refund_failed{2, {"x", "", "No."}, false},
                       event::refund_requested{3, "r3", 1, 1, ""}}))));
  CHECK(refunded["amount_refunded"] == 500);
  REQUIRE(refunded["refunds"].size() == 3);
  CHECK(refunded["refunds"][0]["status"] == "succeeded");
  CHECK(refunded["refunds"][0]["reason"] == "duplicate");
  CHECK(refunded["refunds"][1]["failure"] == json{{"code", "x"},
                                                  {"decline_code", nullptr},
                                                  {"advice", nullptr},
                                                  {"message", "No."},
                                                  {"processor_code", nullptr}});
  CHECK(refunded["refunds"][1]["reason"].is_null());
  CHECK(refunded["refunds"][2]["status"] == "pending");

  const auto contested = json::parse(
      render_payment(given(and_then(fully_captured, {event::capture_contested{1, {"chargeback", "", "Late."}}}))));
  CHECK(contested["captures"][0]["failure"]["code"] == "chargeback");
}

TEST_CASE("payment_view/payment: settlement figures and disputes, and an action that is only waited for") {
  const dispute contested{"dp_1", dispute_stage::opened, 1099, "fraudulent", noon, noon};
  const auto seen = json::parse(render_payment(given(
      and_then(fully_captured, {event::settled{1, settlement{"po_1", 1067, 32, "usd"}}, event::disputed{contested}}))));
  CHECK(seen["captures"][0]["settlement"] == json{{"payout", "po_1"}, {"net", 1067}, {"fee", 32}, {"currency", "usd"}});
  CHECK(seen["disputes"] == json::array({json{{"object", "dispute"},
                                              {"id", "dp_1"},
                                              {"status", "opened"},
                                              {"amount", 1099},
                                              {"reason", "fraudulent"},
                                              {"respond_by", "2026-11-02T12:00:00.123Z"},
                                              {"updated_at", "2026-11-02T12:00:00.123Z"}}}));
  const auto waiting = json::parse(
      render_payment(given(and_then(just_created, {event::action_required{authorize, {"wait", ""}, "", noon}}))));
  CHECK(waiting["next_action"] == json{{"type", "wait"}, {"redirect", nullptr}});
}

TEST_CASE("payment_view/refund: byte for byte") {
  const auto now = given(and_then(fully_captured, {event::refund_requested{1, "r1", 500, 500, "other"}}));
  CHECK(render_refund(now, *find(now, {operation_kind::refund, 1})) ==
        R"({"id":"ref_06fc3v8m2s5k1d9q7w4x0a2b3c_1","object":"refund","payment":"pay_06fc3v8m2s5k1d9q7w4x0a2b3c",)"
        R"("amount":500,"currency":"usd","status":"pending","reason":"other","failure":null,)"
        R"("created_at":"2026-11-02T12:00:00.127Z"})");
}

TEST_CASE("payment_view/lists: pages and their end") {
  CHECK(render_payments({}) == R"({"object":"list","data":[],"has_more":false,"next_cursor":null})");
  const auto page = json::parse(render_payments({{given(just_created), given(fully_captured)}, true, "pay_x"}));
  CHECK(page["data"].size() == 2);
  CHECK(page["data"][1]["status"] == "captured");
  CHECK(page["has_more"] == true);
  CHECK(page["next_cursor"] == "pay_x");
  CHECK(render_refunds(given(fully_captured)) == R"({"object":"list","data":[],"has_more":false,"next_cursor":null})");
}

TEST_CASE("payment_view/history: every kind of event shows, secrets do not") {
  auto terms = some_terms();
  terms.token = "tok_very_secret";
  const failure why{"c", "d", "m"};
  const operation_id capture{operation_kind::capture, 2}, refund{operation_kind::refund, 3};
  const std::vector<event_type> all{event::created{terms, {{"north", "south"}, "eu cards"}},
                                    event::authorized{authorize, "ch_1", noon},
                                    event::declined{authorize, why},
                                    event::action_required{authorize, {"redirect", "https://x"}, "ch_1", noon},
                                    event::confirm_requested{1, "k", {{"cres", "secret"}}},
                                    event::confirm_failed{1, why},
                                    event::capture_requested{2, "", std::nullopt, 7, true},
                                    event::captured{2, ""},
                                    event::capture_failed{2, why, true},
                                    event::capture_contested{2, why},
                                    event::refund_requested{3, "k", 5, 5, ""},
                                    event::refunded{3, "re"},
                                    event::refund_failed{3, why, false},
                                    event::cancel_requested{1, "k", "changed"},
                                    event::canceled{1},
                                    event::cancel_failed{1, why},
                                    event::settled{2},
                                    event::expired{},
                                    event::late_authorization{"ch_2"},
                                    event::in_doubt{capture, "processor_timeout", noon},
                                    event::deferred{refund, "rate_limited", noon},
                                    event::attempt_started{authorize},
                                    event::answer_deferred{capture, "awaiting_processor"},
                                    event::break_noted{refund, "unknown_operation", why, "failed", "north", "re_9"},
                                    event::accepted{capture, "ca_2", noon},
                                    event::rerouted{authorize, "rate_limited", 2, "south"},
                                    event::voided{"expired"},
                                    event::disputed{{"dp_1", dispute_stage::won, 7, "", std::nullopt, noon}},
                                    event::flagged{capture, "processor_timeout"},
                                    event::authorization_expiring{noon}};
  REQUIRE(all.size() == std::variant_size_v<event_type>);
  std::vector<history_entry> history;
  for (const auto& each : all) history.push_back({history.size() + 1, noon, each});

  const auto text = render_history(gateway::testing::payment_id, history);
  const auto seen = json::parse(text);
  CHECK(text.find("secret") == std::string::npos);
  CHECK(seen["has_more"] == false);
  CHECK(seen["next_cursor"].is_null());
  REQUIRE(seen["data"].size() == all.size());
  for (std::size_t at = 0; at < all.size(); ++at) {
    const auto& entry = seen["data"][at];
    CAPTURE(entry.dump());
    CHECK(entry["object"] == "event");
    CHECK(entry["sequence"] == at + 1);
    CHECK(entry["type"] == std::string{type_of(all[at])});
    CHECK(entry["created_at"] == "2026-11-02T12:00:00.123Z");
    CHECK(entry["data"].is_object());
  }
  CHECK(seen["data"][6]["data"] == json{{"operation", "capture"},
                                        {"number", 2},
                                        {"idempotency_key", nullptr},
                                        {"capture", "cap_06fc3v8m2s5k1d9q7w4x0a2b3c_2"},
                                        {"amount", 7},
                                        {"final", true}});
  CHECK(seen["data"][12]["data"]["refund"] == "ref_06fc3v8m2s5k1d9q7w4x0a2b3c_3");
  CHECK(seen["data"][12]["data"]["failure"] ==
        json{{"code", "c"}, {"decline_code", "d"}, {"advice", nullptr}, {"message", "m"}, {"processor_code", nullptr}});
  CHECK(seen["data"][0]["data"]["route"] == json::array({"north", "south"}));
  CHECK(seen["data"][0]["data"]["rule"] == "eu cards");
  CHECK(seen["data"][23]["data"]["processor_reference"] == "re_9");
  CHECK(seen["data"][25]["data"] == json{{"operation", "authorize"},
                                         {"number", 1},
                                         {"reason", "rate_limited"},
                                         {"processor", "south"},
                                         {"next_number", 2}});
  CHECK(seen["data"][27]["data"]["dispute"]["status"] == "won");
  CHECK(seen["data"][17]["data"] == json::object());
}

TEST_CASE("payment_view/settled: 202 while the outcome is not known") {
  const auto settled = [](const payment& now, std::optional<operation_id> which) {
    return is_settled_answer({now, which, false, {}});
  };
  CHECK_FALSE(settled(given(just_created), authorize));
  CHECK_FALSE(settled(given(and_then(just_created, {event::in_doubt{authorize, "x", noon}})), authorize));
  CHECK_FALSE(settled(given(and_then(just_created, {event::answer_deferred{authorize, "x"}})), authorize));
  CHECK(settled(given(just_authorized), authorize));
  CHECK(settled(given(and_then(just_created, {event::declined{authorize, {}}})), authorize));
  CHECK(settled(given(and_then(just_created, {event::action_required{authorize, {}, "", noon}})), authorize));
  CHECK(settled(given(fully_captured), authorize));
  // The authorization is known, the automatic capture is not.
  CHECK_FALSE(settled(given(and_then(just_authorized, {event::capture_requested{1, "", std::nullopt, 1099, true},
                                                       event::in_doubt{{operation_kind::capture, 1}, "x", noon}})),
                      authorize));
  // A refund's answer is about the refund.
  const auto refunding = and_then(fully_captured, {event::refund_requested{1, "r1", 500, 500, ""}});
  CHECK_FALSE(settled(given(refunding), operation_id{operation_kind::refund, 1}));
  CHECK(settled(given(and_then(refunding, {event::refunded{1, ""}})), operation_id{operation_kind::refund, 1}));
}
