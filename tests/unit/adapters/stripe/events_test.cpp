#include "adapters/stripe/events.hpp"

#include "adapters/stripe/webhooks.hpp"
#include "tests/spec/openapi.hpp"
#include "tests/unit/adapters/stripe/support.hpp"

using namespace novapay;
using namespace novapay::stripe;
using namespace novapay::stripe::test;

namespace {

json event_json(const std::string& type, json about, const std::string& key = {}, json more = json::object()) {
  json event{{"id", "evt_1"},         {"object", "event"},
             {"type", type},          {"created", 1'800'000'000},
             {"livemode", false},     {"api_version", "2026-10-28.endive"},
             {"pending_webhooks", 1}, {"data", {{"object", std::move(about)}}}};
  event["request"] = key.empty() ? json{{"id", nullptr}, {"idempotency_key", nullptr}}
                                 : json{{"id", "req_1"}, {"idempotency_key", key}};
  event.update(more, true);
  return event;
}

std::string text_of_item(const webhook_item& item) {
  struct {
    std::string operator()(const told::result& n) const { return text_of(n.outcome); }
    std::string operator()(const told::settled&) const { return "settled"; }
    std::string operator()(const told::failed& n) const { return "failed " + n.why.code + "/" + n.why.decline_code; }
    std::string operator()(const told::voided& n) const { return "voided " + n.reason; }
    std::string operator()(const told::disputed& n) const {
      return "disputed " + n.what.id + " " + std::to_string(static_cast<int>(n.what.stage)) + " " +
             std::to_string(n.what.amount_minor);
    }
  } name;
  if (!item.what) return item.report.empty() ? item.note : "report " + item.report;
  return operation_text(item.what->about) + " " + std::visit(name, item.what->what) + " @" + item.what->reference;
}

// Everything an event says, in one line.
std::string said(const json& event, remarks* odd_to = nullptr) {
  const auto read = read_event(event.dump());
  if (!read) return "unreadable";
  remarks odd;
  std::string all;
  for (const auto& item : items_of(*read, "stripe", false, odd)) all += (all.empty() ? "" : "; ") + text_of_item(item);
  if (odd_to != nullptr) *odd_to = odd;
  return all;
}

std::string key(const char* operation) { return std::string(payment) + ":" + operation; }

json dispute_json(const std::string& status, json more = json::object()) {
  json dispute{{"id", "dp_1"},
               {"object", "dispute"},
               {"status", status},
               {"reason", "fraudulent"},
               {"amount", 1099},
               {"currency", "usd"},
               {"charge", "ch_1"},
               {"payment_intent", "pi_1"},
               {"metadata", json::object()},
               {"evidence_details", {{"due_by", 1'800'600'000}}}};
  dispute.update(more, true);
  return dispute;
}

}  // namespace

TEST_CASE("stripe/events: authorizations") {
  CHECK(said(event_json("payment_intent.amount_capturable_updated", intent_json("requires_capture"),
                        key("authorize"))) == "authorize:1 approved pi_1 @pi_1");
  // After 3-D Secure no request of ours causes it: the metadata names it.
  CHECK(said(event_json("payment_intent.amount_capturable_updated",
                        intent_json("requires_capture", {{"metadata", {{"novapay_operation", "authorize:2"}}}}))) ==
        "authorize:2 approved pi_1 @pi_1");
  CHECK(said(event_json(
            "payment_intent.requires_action",
            intent_json(
                "requires_action",
                {{"next_action", {{"type", "redirect_to_url"}, {"redirect_to_url", {{"url", "https://3ds"}}}}}}))) ==
        "authorize:1 needs_action https://3ds pi_1 @pi_1");
  CHECK(said(event_json(
            "payment_intent.payment_failed",
            intent_json("requires_payment_method",
                        {{"last_payment_error",
                          {{"type", "card_error"}, {"code", "card_declined"}, {"decline_code", "do_not_honor"}}}}))) ==
        "authorize:1 declined card_declined/do_not_honor pi_1 @pi_1");
  for (const auto* quiet : {"payment_intent.created", "payment_intent.processing"})
    CHECK(said(event_json(quiet, intent_json("processing"))) == "not_of_interest");
  // The snapshot does not bear its type out: nothing is sure.
  CHECK(said(event_json("payment_intent.amount_capturable_updated", intent_json("canceled"))) == "not_of_interest");
  CHECK(said(event_json("payment_intent.payment_failed", intent_json("requires_capture"))) == "not_of_interest");
}

TEST_CASE("stripe/events: the charge brings the authorization's end") {
  const auto read = read_event(event_json("charge.succeeded", charge_json()).dump());
  remarks odd;
  const auto items = items_of(*read, "acme-stripe", false, odd);
  REQUIRE(items.size() == 1);
  CHECK(text_of_item(items[0]) == "authorize:1 approved pi_1 @pi_1");
  const auto& yes = std::get<reported::approved>(std::get<told::result>(items[0].what->what).outcome);
  CHECK(yes.expires_at == domain::timestamp{1'800'500'000s});
  CHECK(items[0].what->processor == "acme-stripe");
  CHECK(items[0].payment == payment);
  CHECK(items[0].identity == "evt_1");
  CHECK(items[0].type == "charge.succeeded");
  CHECK(said(event_json("charge.succeeded", charge_json({{"captured", true}}))) == "not_of_interest");
  CHECK(said(event_json("charge.expired", charge_json())) == "authorize:1 voided expired @pi_1");
  for (const auto* quiet : {"charge.refunded", "charge.updated", "charge.failed", "charge.pending"})
    CHECK(said(event_json(quiet, charge_json())) == "not_of_interest");
}

TEST_CASE("stripe/events: captures, and the rest they release") {
  const auto captured = [](std::int64_t amount, const char* status = "succeeded") {
    return intent_json(
        status,
        {{"latest_charge", "ch_1"}, {"amount_received", amount}, {"metadata", {{"novapay_operation", "capture:2"}}}});
  };
  CHECK(said(event_json("payment_intent.succeeded", captured(1099), key("capture:2"))) ==
        "capture:2 approved ch_1 @ch_1");
  CHECK(said(event_json("payment_intent.succeeded", captured(1099))) == "capture:2 approved ch_1 @ch_1");
  CHECK(said(event_json("payment_intent.succeeded", captured(500))) ==
        "capture:2 approved ch_1 @ch_1; authorize:0 voided released @pi_1");
  CHECK(said(event_json("payment_intent.amount_capturable_updated", captured(500, "requires_capture"),
                        key("capture:2"))) == "capture:2 approved ch_1 @ch_1");
  CHECK(said(event_json("charge.captured", charge_json({{"captured", true}}), key("capture:2"))) ==
        "capture:2 approved ch_1 @ch_1");
  // By somebody else: nothing of ours is confirmed by it.
  CHECK(said(event_json("charge.captured", charge_json({{"captured", true}}))) == "not_of_interest");
  CHECK(said(event_json("payment_intent.succeeded", intent_json("succeeded"))) == "not_of_interest");
  // A key of another payment names nothing here.
  CHECK(said(event_json("charge.captured", charge_json({{"captured", true}}), "pay_other:capture:2")) ==
        "not_of_interest");
}

TEST_CASE("stripe/events: our cancel is told from what ended by itself") {
  CHECK(said(event_json("payment_intent.canceled", intent_json("canceled"), key("cancel:1"))) ==
        "cancel:1 approved pi_1 @pi_1");
  CHECK(said(event_json("payment_intent.canceled", intent_json("canceled", {{"cancellation_reason", "automatic"}}))) ==
        "authorize:1 voided expired @pi_1");
  CHECK(said(event_json("payment_intent.canceled", intent_json("canceled", {{"cancellation_reason", "expired"}}))) ==
        "authorize:1 voided expired @pi_1");
  CHECK(said(event_json("payment_intent.canceled", intent_json("canceled", {{"cancellation_reason", "abandoned"}}),
                        "dashboard-1")) == "authorize:1 voided canceled @pi_1");
}

TEST_CASE("stripe/events: an end without the marks of one is not told") {
  CHECK(said(event_json("payment_intent.canceled", intent_json("canceled", {{"canceled_at", nullptr}}))) ==
        "not_of_interest");
  CHECK(said(event_json("payment_intent.payment_failed", intent_json("requires_payment_method"))) == "not_of_interest");
}

TEST_CASE("stripe/events: refunds; one that had succeeded fails, one that had not is declined") {
  CHECK(said(event_json("refund.created", refund_json("pending"))) == "refund:1 accepted re_1 @re_1");
  CHECK(said(event_json("refund.created", refund_json("succeeded"))) == "refund:1 approved re_1 @re_1");
  CHECK(said(event_json("refund.updated", refund_json("succeeded"))) == "refund:1 approved re_1 @re_1");
  const auto failed = refund_json("failed", {{"failure_reason", "expired_or_canceled_card"}});
  const auto was = [](const char* status) { return json{{"data", {{"previous_attributes", {{"status", status}}}}}}; };
  CHECK(said(event_json("refund.failed", failed)) == "refund:1 declined refund_failed/expired_or_canceled_card @re_1");
  auto returned = failed;
  returned["failure_balance_transaction"] = "txn_2";
  CHECK(said(event_json("refund.failed", returned)) == "refund:1 failed refund_failed/expired_or_canceled_card @re_1");
  CHECK(said(event_json("refund.failed", failed, {}, was("succeeded"))) ==
        "refund:1 failed refund_failed/expired_or_canceled_card @re_1");
  CHECK(said(event_json("refund.failed", failed, {}, was("pending"))) ==
        "refund:1 declined refund_failed/expired_or_canceled_card @re_1");
  CHECK(said(event_json("charge.refund.updated", failed, {}, was("pending"))) ==
        "refund:1 declined refund_failed/expired_or_canceled_card @re_1");
  CHECK(said(event_json("refund.created", refund_json("succeeded", {{"metadata", {{"novapay_operation", "x"}}}}))) ==
        "not_of_interest");
  auto others = refund_json("succeeded");
  others["metadata"] = json::object();
  CHECK(said(event_json("refund.created", others)) == "not_ours");
}

TEST_CASE("stripe/events: disputes name only their intent: the payment has to be looked up") {
  const auto read = read_event(event_json("charge.dispute.created", dispute_json("needs_response")).dump());
  remarks odd;
  const auto items = items_of(*read, "stripe", false, odd);
  REQUIRE(items.size() == 1);
  CHECK(items[0].payment.empty());
  CHECK(items[0].lookup == "pi_1");
  const auto& what = std::get<told::disputed>(items[0].what->what).what;
  CHECK(what.id == "dp_1");
  CHECK(what.stage == domain::dispute_stage::opened);
  CHECK(what.amount_minor == 1099);
  CHECK(what.reason == "fraudulent");
  CHECK(what.respond_by == domain::timestamp{1'800'600'000s});
  CHECK(what.at == domain::timestamp{1'800'000'000s});
  // Named after all.
  const auto named = read_event(
      event_json("charge.dispute.closed", dispute_json("won", {{"metadata", {{"novapay_payment", payment}}}})).dump());
  CHECK(items_of(*named, "stripe", false, odd)[0].payment == payment);
  CHECK(items_of(*named, "stripe", false, odd)[0].lookup.empty());
}

TEST_CASE("stripe/events: every dispute status has a stage; new ones are said") {
  const auto enums = spec::file("stripe/stripe-enums.json");
  for (const auto& status : enums["dispute_statuses"])
    CHECK_MESSAGE(stage_of(status.get<std::string>()).has_value(), status);
  remarks odd;
  CHECK(said(event_json("charge.dispute.updated", dispute_json("brand_new")), &odd) == "not_ours");
  CHECK(odd == remarks{"dispute.status=brand_new"});
  CHECK(said(event_json("charge.dispute.updated", dispute_json("won", {{"currency", "zzz"}})), &odd) == "not_ours");
  CHECK(odd == remarks{"dispute.amount=1099 zzz"});
}

TEST_CASE("stripe/events: payouts announce settlement data") {
  const json payout{{"id", "po_1"}, {"object", "payout"}, {"status", "paid"}, {"automatic", true}};
  CHECK(said(event_json("payout.paid", payout)) == "report po_1");
  CHECK(said(event_json("payout.reconciliation_completed", payout)) == "report po_1");
  CHECK(said(event_json("payout.created", payout)) == "not_of_interest");
  auto manual = payout;
  manual["automatic"] = false;
  CHECK(said(event_json("payout.paid", manual)) == "not_of_interest");
}

TEST_CASE("stripe/events: the other mode's events are ignored, and say why") {
  auto event = event_json("payment_intent.succeeded", intent_json("succeeded"));
  event["livemode"] = true;
  CHECK(said(event) == "livemode_mismatch");
}

TEST_CASE("stripe/events: every event type there is can be read; new statuses in it are said, not fatal") {
  const auto enums = spec::file("stripe/stripe-enums.json");
  for (const auto& type : enums["event_types"])
    for (const auto& about : {intent_json("succeeded"), charge_json(), refund_json("succeeded"), dispute_json("lost"),
                              json{{"object", "brand_new"}}})
      CHECK(said(event_json(type, about)) != "unreadable");
  remarks odd;
  CHECK(said(event_json("payment_intent.brand_new", intent_json("brand_new")), &odd) == "not_of_interest");
  CHECK(odd == remarks{"payment_intent.status=brand_new"});
  CHECK(said(event_json("refund.updated", refund_json("brand_new")), &odd) == "not_of_interest");
  CHECK(odd == remarks{"refund.status=brand_new"});
}

TEST_CASE("stripe/webhooks: what is authentic and no event is kept, not applied") {
  novapay::testing::remembering_log log;
  novapay::testing::silent_metrics metrics;
  const webhooks format(test_settings(), log, metrics);
  for (const std::string body :
       {"", "{}", "[]", "<html>", R"({"object":"event"})", R"({"object":"event","id":"evt_1","type":"x"})"})
    CHECK_MESSAGE(!format.read(body), body);
  REQUIRE(format.read(event_json("refund.updated", refund_json("brand_new")).dump()));
  CHECK(log.has("refund.status=brand_new"));
}
