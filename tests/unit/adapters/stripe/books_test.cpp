// What is fetched in the background: settlement, statements, look-ups.
#include "adapters/stripe/lookup.hpp"
#include "adapters/stripe/settlement.hpp"
#include "adapters/stripe/statement.hpp"
#include "tests/spec/openapi.hpp"
#include "tests/unit/adapters/stripe/support.hpp"

using namespace novapay;
using namespace novapay::stripe;
using namespace novapay::stripe::test;

namespace {

json row_json(const std::string& type, json source, json more = json::object()) {
  json row{{"id", "txn_1"},
           {"object", "balance_transaction"},
           {"type", type},
           {"amount", 1099},
           {"fee", 62},
           {"net", 1037},
           {"currency", "usd"},
           {"created", 1'800'000'100},
           {"source", std::move(source)}};
  row.update(more, true);
  return row;
}

json dispute_json() {
  return {{"id", "dp_1"},        {"object", "dispute"},      {"status", "needs_response"},
          {"reason", "general"}, {"amount", 1099},           {"currency", "usd"},
          {"charge", "ch_1"},    {"payment_intent", "pi_1"}, {"metadata", json::object()}};
}

settlement_result settle(scripted_client& client, const std::string& at = {}) {
  settlement by(test_settings(), client);
  settlement_result got;
  by.fetch("po_1", at, [&](settlement_result result) { got = std::move(result); });
  return got;
}

std::string text_of_line(const statement_line& line) {
  return operation_text(line.operation) + " " + std::to_string(line.amount.minor) + " " +
         (line.status == line_status::succeeded ? "ok"
          : line.status == line_status::pending ? "pending"
                                                : "failed") +
         " " + line.reference;
}

std::string lines(const std::vector<statement_line>& all) {
  std::string text;
  for (const auto& line : all) text += (text.empty() ? "" : "; ") + text_of_line(line);
  return text;
}

}  // namespace

TEST_CASE("stripe/settlement: a payout's charges are settled, with net and fee") {
  scripted_client client({answered(
      200, list_json({row_json("charge", charge_json({{"amount_captured", 1099}})), row_json("payout", "po_1"),
                      row_json("refund", refund_json("succeeded")), row_json("stripe_fee", nullptr, {{"id", "txn_9"}})},
                     true))});
  const auto got = settle(client);
  const auto& page = std::get<settlement_page>(got);
  REQUIRE(page.items.size() == 1);
  CHECK(page.items[0].payment == payment);
  CHECK(page.items[0].what.about == domain::operation_id{operation_kind::capture, 0});
  CHECK(page.items[0].what.reference == "ch_1");
  CHECK(page.items[0].what.amount_minor == 1099);
  CHECK(page.items[0].what.processor == "stripe");
  CHECK(std::get<told::settled>(page.items[0].what.what).figures == domain::settlement{"po_1", 1037, 62, "usd"});
  CHECK(page.others == std::vector<std::string>{"txn_9 stripe_fee"});
  CHECK(page.next == "txn_9");
  CHECK(client.line(0) == "GET /v1/balance_transactions?limit=100&payout=po_1&expand[0]=data.source");
}

TEST_CASE("stripe/settlement: another currency than the customer's, and one we cannot express") {
  scripted_client client(
      {answered(200, list_json({row_json("charge", charge_json({{"currency", "jpy"}, {"amount_captured", 1500}}),
                                         {{"currency", "isk"}, {"net", 137'700}, {"fee", 2'300}})})),
       answered(200, list_json({row_json("charge", charge_json(),
                                         {{"currency", "isk"}, {"net", 137'755}, {"fee", 2'300}})}))});
  auto got = settle(client);
  const auto& first = std::get<settlement_page>(got).items.at(0);
  CHECK(first.what.amount_minor == 1500);
  CHECK(std::get<told::settled>(first.what.what).figures == domain::settlement{"po_1", 1377, 23, "isk"});
  CHECK(std::get<settlement_page>(got).next.empty());
  got = settle(client, "txn_1");
  CHECK(client.line(1).find("starting_after=txn_1") != std::string::npos);
  CHECK_FALSE(std::get<told::settled>(std::get<settlement_page>(got).items.at(0).what.what).figures);
}

TEST_CASE("stripe/settlement: failed refunds and disputes are news too; a dispute's payment is looked up") {
  scripted_client client(
      {answered(200, list_json({row_json("refund_failure", refund_json("failed", {{"failure_reason", "declined"}})),
                                row_json("adjustment", dispute_json()),
                                row_json("refund_failure",
                                         refund_json("failed", {{"metadata", {{"novapay_operation", "x"}}}}))})),
       answered(200, intent_json("succeeded"))});
  const auto got = settle(client);
  const auto& page = std::get<settlement_page>(got);
  REQUIRE(page.items.size() == 2);
  CHECK(page.items[0].what.about == domain::operation_id{operation_kind::refund, 1});
  CHECK(std::get<told::failed>(page.items[0].what.what).why.decline_code == "declined");
  CHECK(page.items[1].payment == payment);
  CHECK(std::get<told::disputed>(page.items[1].what.what).what.id == "dp_1");
  CHECK(page.others == std::vector<std::string>{"txn_1 refund_failure"});
  CHECK(client.line(1).starts_with("GET /v1/payment_intents/pi_1"));
}

TEST_CASE("stripe/settlement: a page is had whole or not at all") {
  const auto failure = [](std::vector<runtime::call_result> script) {
    scripted_client client(std::move(script));
    const auto got = settle(client);
    const auto* failed = std::get_if<statement_failure>(&got);
    return failed == nullptr ? std::string("none") : failed->reason + (failed->retryable ? " again" : " never");
  };
  const auto disputed = answered(200, list_json({row_json("adjustment", dispute_json())}));
  CHECK(failure({lost(call_fate::may_be_executed, "timeout")}) == "processor_timeout again");
  CHECK(failure({answered(503, std::string())}) == "processor_error again");
  CHECK(failure({answered(429, error_json("rate_limit_error"))}) == "rate_limited again");
  CHECK(failure({answered(401, error_json("x"))}) == "processor_credentials again");
  CHECK(failure({answered(404, error_json("invalid_request_error", "resource_missing"))}) == "not_found never");
  CHECK(failure({answered(200, std::string("<html>"))}) == "unreadable_answer again");
  CHECK(failure({answered(400, std::string("<html>"))}) == "invalid_request again");  // not Stripe's own refusal
  CHECK(failure({disputed, lost(call_fate::never_sent, "dns_failed")}) == "lookup_failed again");
  CHECK(failure({disputed, answered(200, std::string("{}"))}) == "lookup_failed again");
  CHECK(failure({disputed, answered(404, error_json("invalid_request_error", "resource_missing"))}) == "none");
}

TEST_CASE("stripe/settlement: every type of balance transaction is read; those without an item are shown") {
  const auto enums = spec::file("stripe/stripe-enums.json");
  for (const auto& type : enums["balance_transaction_types"])
    for (const auto& source : {charge_json(), refund_json("failed"), dispute_json(), json(nullptr), json("ch_1")}) {
      scripted_client client(
          {answered(200, list_json({row_json(type, source)})), answered(200, intent_json("succeeded"))});
      CHECK(std::holds_alternative<settlement_page>(settle(client)));
    }
}

TEST_CASE("stripe/lookup: an intent's payment, none, or not now") {
  const auto find = [](std::vector<runtime::call_result> script, const char* reference = "pi_1") {
    scripted_client client(std::move(script));
    intent_lookup by(test_settings(), client);
    std::string got;
    by.find(reference,
            [&](const payment_lookup::answer& found) { got = (found.known ? "known " : "later ") + found.payment; });
    return got;
  };
  CHECK(find({answered(200, intent_json("succeeded"))}) == std::string("known ") + payment);
  CHECK(find({answered(200, intent_json("succeeded", {{"metadata", {{"novapay_payment", "x"}}}}))}) == "known ");
  CHECK(find({answered(404, error_json("invalid_request_error", "resource_missing"))}) == "known ");
  CHECK(find({answered(503, std::string())}) == "later ");
  CHECK(find({lost(call_fate::never_sent, "dns_failed")}) == "later ");
  CHECK(find({}, "") == "known ");
}

TEST_CASE("stripe/statement: an intent is its authorization, its captures and its cancel") {
  const auto of = [](const json& intent) { return lines(lines_of(*read_intent(intent.dump()))); };
  CHECK(of(intent_json("requires_capture")) == "authorize:1 1099 ok pi_1");
  CHECK(of(intent_json("requires_action")) == "authorize:1 1099 pending pi_1");
  CHECK(of(intent_json("requires_payment_method", {{"last_payment_error", {{"type", "card_error"}}}})) ==
        "authorize:1 1099 failed pi_1");
  CHECK(of(intent_json("succeeded", {{"latest_charge", "ch_1"}, {"metadata", {{"novapay_operation", "capture:1"}}}})) ==
        "authorize:0 1099 ok pi_1; capture:1 1099 ok ch_1");
  CHECK(of(intent_json(
            "succeeded",
            {{"latest_charge", "ch_1"},
             {"amount_received", 900},
             {"metadata",
              {{"novapay_operation", "capture:3"}, {"novapay_capture_1", "500"}, {"novapay_capture_3", "400"}}}})) ==
        "authorize:0 1099 ok pi_1; capture:1 500 ok ch_1; capture:3 400 ok ch_1");
  // What does not add up is not told apart.
  CHECK(of(intent_json(
            "succeeded",
            {{"latest_charge", "ch_1"},
             {"amount_received", 1000},
             {"metadata",
              {{"novapay_operation", "capture:3"}, {"novapay_capture_1", "500"}, {"novapay_capture_3", "400"}}}})) ==
        "authorize:0 1099 ok pi_1; capture:3 1000 ok ch_1");
  CHECK(of(intent_json("canceled", {{"latest_charge", charge_json()}})) ==
        "authorize:1 1099 ok pi_1; cancel:0 0 ok pi_1");
  CHECK(of(intent_json("canceled")) == "authorize:1 1099 failed pi_1; cancel:0 0 ok pi_1");
  const auto odd = lines_of(*read_intent(intent_json("requires_capture", {{"currency", "zzz"}}).dump()));
  CHECK(odd[0].amount.minor == 0);
  CHECK(odd[0].raw_amount == "1099 zzz");
}

TEST_CASE("stripe/statement: intents first, then refunds, page by page to the end") {
  scripted_client client({answered(200, list_json({intent_json("requires_capture")}, true)),
                          answered(200, list_json({intent_json("requires_capture", {{"id", "pi_2"}})})),
                          answered(200, list_json({refund_json("pending")}, true)),
                          answered(200, list_json({refund_json("failed", {{"id", "re_2"}})}))});
  statement by(test_settings(), client);
  std::string at, all;
  for (int page = 0; page < 10 && (page == 0 || !at.empty()); ++page)
    by.fetch(noon - 24h, noon, at, [&](statement_result got) {
      const auto& one = std::get<statement_page>(got);
      all += lines(one.lines) + " | ";
      at = one.next;
    });
  CHECK(all ==
        "authorize:1 1099 ok pi_1 | authorize:1 1099 ok pi_2 | refund:1 1099 pending re_1 | refund:1 1099 failed re_2 "
        "| ");
  CHECK(client.sent.size() == 4);
  CHECK(
      client.line(0) ==
      "GET /v1/payment_intents?limit=100&created[gte]=1799913600&created[lt]=1800000000&expand[0]=data.latest_charge");
  CHECK(client.line(1).find("starting_after=pi_1&") != std::string::npos);
  CHECK(client.line(2) == "GET /v1/refunds?limit=100&created[gte]=1799913600&created[lt]=1800000000");
  CHECK(client.line(3).find("starting_after=re_1&") != std::string::npos);
}

TEST_CASE("stripe/statement: what fails can be asked again; a page nobody gave cannot") {
  scripted_client client({lost(call_fate::may_be_executed, "timeout"), answered(200, std::string("x"))});
  statement by(test_settings(), client);
  std::vector<std::string> got;
  for (const auto* at : {"", "refunds:", "somewhere"})
    by.fetch(noon - 24h, noon, at, [&](statement_result result) {
      const auto& failed = std::get<statement_failure>(result);
      got.push_back(failed.reason + (failed.retryable ? " again" : " never"));
    });
  CHECK(got == std::vector<std::string>{"processor_timeout again", "unreadable_answer again", "unknown_page never"});
}
