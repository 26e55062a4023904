#include "adapters/adyen/events.hpp"

#include "adapters/adyen/encoding.hpp"
#include "adapters/adyen/report_url.hpp"
#include "tests/spec/openapi.hpp"
#include "tests/unit/adapters/adyen/support.hpp"

using namespace novapay;
using namespace novapay::adyen;
using namespace novapay::adyen::test;

namespace {

struct heard {
  webhook_item item;
  remarks odd;
};

heard hear(const json& item, bool live = false) {
  heard out;
  const auto read = read_notification(notification_json({item}).dump());
  REQUIRE(read);
  out.item = item_of(read->items.front(), test_settings(), live, out.odd);
  return out;
}

std::string said(const webhook_item& item) { return item.what ? text_of(*item.what) : "(" + item.note + ")"; }

std::string ours(const char* operation) { return std::string(payment) + ":" + operation; }

}  // namespace

TEST_CASE("adyen/events: every code with either success, named by our own reference") {
  // event, our operation it would be about, with success true, with false
  const struct {
    const char* code;
    const char* operation;
    const char* if_true;
    const char* if_false;
  } rows[] = {
      {"AUTHORISATION", "authorize:1", "authorize:1 approved Q", "authorize:1 declined card_declined/generic_decline"},
      {"AUTHORISATION_ADJUSTMENT", "authorize:1", "(not_of_interest)", "(not_of_interest)"},
      {"CANCELLATION", "cancel:2", "cancel:2 approved Q", "cancel:2 declined cancel_failed"},
      {"TECHNICAL_CANCEL", "cancel:2", "cancel:2 approved Q", "cancel:2 declined cancel_failed"},
      {"CANCEL_OR_REFUND", "cancel:2", "(not_understood)", "(not_of_interest)"},
      {"CAPTURE", "capture:3", "capture:3 approved Q", "capture:3 declined capture_failed"},
      {"CAPTURE_FAILED", "capture:3", "capture:3 failed capture_failed", "(not_of_interest)"},
      {"EXPIRE", "authorize:1", "authorize:0 voided expired", "(not_of_interest)"},
      {"OFFER_CLOSED", "authorize:1", "authorize:1 declined authentication_failed/authentication_failed",
       "(not_of_interest)"},
      {"REFUND", "refund:4", "refund:4 approved Q", "refund:4 declined refund_failed"},
      {"REFUND_FAILED", "refund:4", "refund:4 failed refund_failed", "(not_of_interest)"},
      {"REFUNDED_REVERSED", "refund:4", "refund:4 failed refund_failed", "(not_of_interest)"},
      {"POSTPONED_REFUND", "refund:4", "refund:4 accepted Q", "(not_of_interest)"},
      {"REFUND_WITH_DATA", "refund:4", "(not_of_interest)", "(not_of_interest)"},
      {"VOID_PENDING_REFUND", "refund:4", "(not_of_interest)", "(not_of_interest)"},
      {"NOTIFICATION_OF_FRAUD", "authorize:1", "(not_of_interest)", "(not_of_interest)"},
      {"REQUEST_FOR_INFORMATION", "authorize:1", "capture:0 disputed inquiry", "(not_of_interest)"},
      {"NOTIFICATION_OF_CHARGEBACK", "authorize:1", "capture:0 disputed opened", "(not_of_interest)"},
      {"CHARGEBACK", "authorize:1", "capture:0 disputed opened", "(not_of_interest)"},
      {"INFORMATION_SUPPLIED", "authorize:1", "capture:0 disputed under_review", "(not_of_interest)"},
      {"ISSUER_COMMENTS", "authorize:1", "capture:0 disputed under_review", "(not_of_interest)"},
      {"CHARGEBACK_REVERSED", "authorize:1", "capture:0 disputed won", "(not_of_interest)"},
      {"SECOND_CHARGEBACK", "authorize:1", "capture:0 disputed lost", "(not_of_interest)"},
      {"PREARBITRATION_OPEN", "authorize:1", "capture:0 disputed under_review", "(not_of_interest)"},
      {"PREARBITRATION_WON", "authorize:1", "capture:0 disputed won", "(not_of_interest)"},
      {"PREARBITRATION_LOST", "authorize:1", "capture:0 disputed lost", "(not_of_interest)"},
      {"PREARBITRATION_ACCEPTED", "authorize:1", "capture:0 disputed lost", "(not_of_interest)"},
      {"PREARBITRATION_DECLINED", "authorize:1", "capture:0 disputed under_review", "(not_of_interest)"},
      {"PREARBITRATION_ISSUER_WITHDRAWN", "authorize:1", "capture:0 disputed won", "(not_of_interest)"},
      {"SCHEME_ARBITRATION", "authorize:1", "capture:0 disputed under_review", "(not_of_interest)"},
      {"SCHEME_ARBITRATION_WON", "authorize:1", "capture:0 disputed won", "(not_of_interest)"},
      {"SCHEME_ARBITRATION_LOST", "authorize:1", "capture:0 disputed lost", "(not_of_interest)"},
      {"DISPUTE_DEFENSE_PERIOD_ENDED", "authorize:1", "capture:0 disputed under_review", "(not_of_interest)"},
      {"ISSUER_RESPONSE_TIMEFRAME_EXPIRED", "authorize:1", "capture:0 disputed under_review", "(not_of_interest)"},
      {"REPORT_AVAILABLE", "", "(other_report)", "(not_of_interest)"},
      {"RECURRING_CONTRACT", "authorize:1", "(not_of_interest)", "(not_of_interest)"},
      {"MANUAL_REVIEW_ACCEPT", "authorize:1", "(not_of_interest)", "(not_of_interest)"},
      {"MANUAL_REVIEW_REJECT", "authorize:1", "(not_of_interest)", "(not_of_interest)"},
      {"AUTHENTICATION", "authorize:1", "(not_of_interest)", "(not_of_interest)"},
      {"AUTORESCUE", "authorize:1", "(not_of_interest)", "(not_of_interest)"},
      {"CANCEL_AUTORESCUE", "authorize:1", "(not_of_interest)", "(not_of_interest)"},
      {"HANDLED_EXTERNALLY", "authorize:1", "(not_of_interest)", "(not_of_interest)"},
      {"ORDER_OPENED", "authorize:1", "(not_of_interest)", "(not_of_interest)"},
      {"ORDER_CLOSED", "authorize:1", "(not_of_interest)", "(not_of_interest)"},
      {"PAYOUT_DECLINE", "authorize:1", "(not_of_interest)", "(not_of_interest)"},
      {"PAYOUT_EXPIRE", "authorize:1", "(not_of_interest)", "(not_of_interest)"},
      {"PAYOUT_THIRDPARTY", "authorize:1", "(not_of_interest)", "(not_of_interest)"},
  };
  CHECK(std::size(rows) == event_rules().size());
  for (const auto& row : rows) {
    CAPTURE(row.code);
    const json base{{"pspReference", "Q"}, {"merchantReference", *row.operation == '\0' ? "" : ours(row.operation)}};
    auto yes = item_json(row.code, base);
    auto no = item_json(row.code, base);
    no["success"] = "false";
    CHECK(said(hear(yes).item) == row.if_true);
    CHECK(said(hear(no).item) == row.if_false);
    CHECK(hear(yes).item.identity == std::string(row.code) + "/Q/true/" + psp);
    CHECK(hear(no).item.identity == std::string(row.code) + "/Q/false/" + psp);
    if (const auto item = hear(yes).item; item.what) {
      CHECK(item.payment == payment);
      CHECK(item.what->processor == "adyen");
    }
  }
}

TEST_CASE("adyen/events: what Adyen publishes is read, and its codes are all known") {
  const auto published = spec::file("adyen/webhooks-v1-trimmed.json");
  int codes = 0;
  int examples = 0;
  for (const auto& [path, described] : published.at("webhooks").items()) {
    const auto code = path.substr(1);
    CAPTURE(code);
    ++codes;
    CHECK(std::any_of(event_rules().begin(), event_rules().end(), [&](const auto& row) { return row.code == code; }));
  }
  for (const auto& [name, example] : published.at("components").at("examples").items()) {
    CAPTURE(name);
    const auto read = read_notification(example.at("value").dump());
    REQUIRE(read);
    for (const auto& item : read->items) {
      auto how = test_settings();
      how.merchant_account = item.account;
      how.live = read->live == "true";
      remarks odd;
      const auto heard = item_of(item, how, how.live, odd);
      CHECK(odd.empty());
      CHECK(heard.type == item.event);
      CHECK(heard.note != "unknown_event");
      CHECK(heard.payment.empty());  // "YOUR_MERCHANT_REFERENCE" is none of ours
      if (heard.what) CHECK(heard.lookup == item.original_reference);
      ++examples;
    }
  }
  CHECK(codes == 26);
  CHECK(examples >= 25);
  // And every code that any schema of theirs lists.
  const auto& listed = published.at("components")
                           .at("schemas")
                           .at("RefundNotificationRequestItem")
                           .at("properties")
                           .at("eventCode")
                           .at("enum");
  for (const auto& code : listed) {
    CAPTURE(code.get<std::string>());
    CHECK(std::any_of(event_rules().begin(), event_rules().end(), [&](const auto& row) { return row.code == code; }));
  }
}

TEST_CASE("adyen/events: a modification under the payment's name is left to reference and amount") {
  auto item = hear(item_json("CAPTURE", {{"merchantReference", ours("authorize:1")}})).item;
  CHECK(said(item) == "capture:0 approved QFQTPCQ8HXSKGK82");
  CHECK(item.payment == payment);
  CHECK(item.what->reference == "QFQTPCQ8HXSKGK82");
  CHECK(item.what->amount_minor == 1099);
  item = hear(item_json("REFUND_FAILED", {{"merchantReference", payment}})).item;
  CHECK(said(item) == "refund:0 failed refund_failed");
  CHECK(item.what->reference == "QFQTPCQ8HXSKGK82");
  item = hear(item_json("CANCELLATION", {{"merchantReference", ours("authorize:1")}})).item;
  CHECK(said(item) == "authorize:0 voided canceled");
  CHECK(item.what->reference == psp);
  item = hear(item_json("TECHNICAL_CANCEL", {{"merchantReference", ours("authorize:2")}})).item;
  CHECK(said(item) == "authorize:0 voided canceled");
  item = hear(item_json("CANCELLATION", {{"merchantReference", ours("authorize:1")}, {"success", "false"}})).item;
  CHECK(said(item) == "cancel:0 declined cancel_failed");
}

TEST_CASE("adyen/events: what ends an authorization names it") {
  auto item = hear(item_json("EXPIRE", {{"merchantReference", ours("authorize:1")}})).item;
  CHECK(item.what->reference == psp);
  item = hear(item_json("EXPIRE", {{"merchantReference", ours("authorize:1")}, {"originalReference", nullptr}})).item;
  CHECK(item.what->reference == "QFQTPCQ8HXSKGK82");
  item =
      hear(item_json("AUTHORISATION", {{"merchantReference", ours("authorize:2")}, {"amount", {{"value", 549}}}})).item;
  CHECK(said(item) == "authorize:2 approved QFQTPCQ8HXSKGK82");
  CHECK(item.what->amount_minor == 549);
}

TEST_CASE("adyen/events: a reason is read by its name") {
  const auto item =
      hear(item_json("AUTHORISATION", {{"merchantReference", ours("authorize:1")},
                                       {"success", "false"},
                                       {"reason", "Not enough balance"},
                                       {"additionalData", {{"merchantAdviceCode", "03 : Do not try again"}}}}))
          .item;
  const auto& outcome = std::get<told::result>(item.what->what).outcome;
  const auto& why = std::get<reported::declined>(outcome).why;
  CHECK(why.decline_code == "insufficient_funds");
  CHECK(why.advice == domain::advice::do_not_retry);
  CHECK(why.raw == "12/03");
}

TEST_CASE("adyen/events: cancel or refund, by what was modified") {
  const auto modified = [](const char* action) {
    return hear(item_json("CANCEL_OR_REFUND",
                          {{"merchantReference", payment}, {"additionalData", {{"modification.action", action}}}}));
  };
  CHECK(said(modified("cancel").item) == "authorize:0 voided canceled");
  CHECK(said(modified("refund").item) == "refund:0 approved QFQTPCQ8HXSKGK82");
  CHECK(said(modified("other").item) == "(not_understood)");
  CHECK(modified("other").odd == remarks{"modification.action=other"});
}

TEST_CASE("adyen/events: a dispute says what, why and by when") {
  const auto item = hear(item_json("CHARGEBACK", {{"merchantReference", ours("authorize:1")},
                                                  {"amount", {{"value", 1000}}},
                                                  {"eventDate", "2021-01-01T01:00:00+01:00"},
                                                  {"additionalData",
                                                   {{"chargebackReasonCode", " 4853"},
                                                    {"defensePeriodEndsAt", "2021-07-31T03:03:07+02:00"},
                                                    {"disputeStatus", " Undefended"}}}}))
                        .item;
  CHECK(item.what->reference == psp);
  const auto& what = std::get<told::disputed>(item.what->what).what;
  CHECK(what.id == "QFQTPCQ8HXSKGK82");
  CHECK(what.stage == domain::dispute_stage::opened);
  CHECK(what.amount_minor == 1000);
  CHECK(what.reason == "4853");
  CHECK(what.respond_by == parse_date("2021-07-31T01:03:07Z"));
  CHECK(what.at == parse_date("2021-01-01T00:00:00Z"));

  const auto ended = [](const char* code, const char* status) {
    return said(
        hear(item_json(code, {{"merchantReference", payment}, {"additionalData", {{"disputeStatus", status}}}})).item);
  };
  CHECK(ended("DISPUTE_DEFENSE_PERIOD_ENDED", "Lost") == "capture:0 disputed lost");
  CHECK(ended("DISPUTE_DEFENSE_PERIOD_ENDED", "Accepted") == "capture:0 disputed lost");
  CHECK(ended("ISSUER_RESPONSE_TIMEFRAME_EXPIRED", "Won") == "capture:0 disputed won");
  CHECK(ended("INFORMATION_SUPPLIED", "Pending") == "capture:0 disputed under_review");
}

TEST_CASE("adyen/events: other modes, accounts, payments and words are kept and do nothing") {
  CHECK(said(hear(item_json("CAPTURE"), true).item) == "(livemode_mismatch)");
  CHECK(said(hear(item_json("CAPTURE", {{"merchantAccountCode", "NovaPayPOS"}})).item) ==
        "(merchant_account_mismatch)");
  CHECK(said(hear(item_json("CAPTURE", {{"success", "yes"}})).item) == "(not_understood)");
  CHECK(hear(item_json("CAPTURE", {{"amount", {{"currency", "ZZZ"}}}})).odd == remarks{"amount=1099 ZZZ"});
  CHECK(said(hear(item_json("CHARGEBACK", {{"merchantReference", payment}, {"amount", {{"currency", "ZZZ"}}}})).item) ==
        "(not_understood)");

  auto other = hear(item_json("CAPTURE", {{"merchantReference", "order-17"}})).item;
  CHECK(other.payment.empty());
  CHECK(other.lookup == psp);
  CHECK(other.note == "not_ours");
  CHECK(said(other) == "capture:0 approved QFQTPCQ8HXSKGK82");
  other = hear(item_json("AUTHORISATION", {{"merchantReference", "order-17"}, {"originalReference", nullptr}})).item;
  CHECK(said(other) == "(not_ours)");
}

TEST_CASE("adyen/events: a report is fetched from where Adyen keeps reports, and nowhere else") {
  const std::string file = "settlement_detail_report_batch_42.csv";
  const auto report = [&](const std::string& url, const std::string& name) {
    return hear(item_json("REPORT_AVAILABLE", {{"merchantReference", ""},
                                               {"originalReference", nullptr},
                                               {"pspReference", name},
                                               {"reason", url}}))
        .item;
  };
  const auto good = "https://ca-test.adyen.com/reports/download/MerchantAccount/NovaPayECOM/" + file;
  CHECK(report(good, file).report == good);
  CHECK(report(good, "settlement_detail_report_batch_43.csv").note == "report_url_refused");
  CHECK(report(good, "received_payments_report_2026_03_02.csv").note == "other_report");
  for (const auto& bad :
       {"https://evil.example/reports/download/MerchantAccount/NovaPayECOM/" + file,
        "http://ca-test.adyen.com/reports/download/MerchantAccount/NovaPayECOM/" + file,
        "https://ca-live.adyen.com/reports/download/MerchantAccount/NovaPayECOM/" + file,
        "https://ca-test.adyen.com.evil.example/reports/download/MerchantAccount/NovaPayECOM/" + file,
        "https://ca-test.adyen.com@evil.example/reports/download/MerchantAccount/NovaPayECOM/" + file,
        "https://ca-test.adyen.com:8443/reports/download/MerchantAccount/NovaPayECOM/" + file,
        "https://ca-test.adyen.com/other/" + file, "https://ca-test.adyen.com/reports/download/../../x/" + file,
        "https://ca-test.adyen.com/reports/download/x?to=/" + file,
        "https://ca-test.adyen.com/reports/download/%2e/" + file,
        "https://checkout-test.adyen.com/reports/download/x/" + file, file, std::string()}) {
    CAPTURE(bad);
    CHECK(report(bad, file).report.empty());
    CHECK(report(bad, file).note == "report_url_refused");
  }
  auto how = test_settings();
  how.base_url = "http://127.0.0.1:4711/v71";  // not Adyen's: what stands in for it also keeps the reports
  CHECK(is_report_url("http://127.0.0.1:4711/reports/download/MerchantAccount/NovaPayECOM/x.csv", how));
  CHECK_FALSE(is_report_url("http://127.0.0.1:4712/reports/download/MerchantAccount/NovaPayECOM/x.csv", how));
  how.live = true;
  CHECK(is_report_url("https://ca-live.adyen.com/reports/download/x/y.csv", how));
  CHECK_FALSE(is_report_url("https://ca-test.adyen.com/reports/download/x/y.csv", how));
}
