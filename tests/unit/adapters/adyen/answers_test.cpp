#include "adapters/adyen/answers.hpp"

#include "adapters/adyen/refusals.hpp"
#include "tests/spec/openapi.hpp"
#include "tests/unit/adapters/adyen/support.hpp"

using namespace novapay;
using namespace novapay::adyen;
using namespace novapay::adyen::test;
using enum domain::operation_kind;

namespace {

const json& codes() {
  static const json all = spec::file("adyen/adyen-codes.json");
  return all;
}

verdict judged(operation_kind kind, const runtime::call_result& reply) { return verdict_of(call_of(kind), reply); }
std::string said(operation_kind kind, const runtime::call_result& reply) {
  return text_of(judged(kind, reply).outcome);
}

domain::failure why(const verdict& of) { return std::get<reported::declined>(of.outcome).why; }

verdict refused(json more, const std::string& result = "Refused") {
  auto answer = payment_json(result);
  answer.update(more, true);
  return judged(authorize, answered(200, answer));
}

}  // namespace

TEST_CASE("adyen/answers: every result code has its row, and every row its code") {
  const auto schemas = spec::file("adyen/checkout-v71-trimmed.json").at("components").at("schemas");
  const auto& known = schemas.at("PaymentResponse").at("properties").at("resultCode").at("enum");
  CHECK(known.size() == result_rules().size());
  for (const auto& row : result_rules()) CHECK(std::find(known.begin(), known.end(), row.code) != known.end());

  const std::string own = std::string(payment) + ":authorize:1";
  const json redirect{{"action", {{"type", "redirect"}, {"method", "GET"}, {"url", "https://acs.example/1"}}}};
  const struct {
    const char* code;
    json more;
    std::string expected;
  } rows[] = {
      {"Authorised", {}, "approved NC6HT9CRT65ZGN82"},
      {"Authorised", {{"amount", {{"value", 1099}, {"currency", "EUR"}}}}, "approved NC6HT9CRT65ZGN82"},
      {"Authorised",
       {{"amount", {{"value", 549}, {"currency", "EUR"}}}},
       "declined partially_authorized/insufficient_funds NC6HT9CRT65ZGN82"},
      {"Authorised",
       {{"amount", {{"value", 1099}, {"currency", "USD"}}}},
       "declined partially_authorized/insufficient_funds NC6HT9CRT65ZGN82"},
      {"Authorised", {{"pspReference", ""}}, "unknown unexpected_answer"},
      {"PartiallyAuthorised", {}, "declined partially_authorized/insufficient_funds NC6HT9CRT65ZGN82"},
      {"Refused", {}, "declined card_declined/generic_decline"},
      {"Error", {}, "declined processing_error/processing_error"},
      {"Cancelled", {}, "declined payment_canceled/canceled"},
      {"Received", {}, "accepted NC6HT9CRT65ZGN82"},
      {"Pending", {{"pspReference", ""}}, "accepted " + own},
      {"RedirectShopper", redirect, "needs_action https://acs.example/1 NC6HT9CRT65ZGN82"},
      {"RedirectShopper",
       {{"pspReference", ""}, {"action", redirect["action"]}},
       "needs_action https://acs.example/1 " + own},
      {"RedirectShopper",
       {{"action", {{"type", "redirect"}, {"method", "POST"}, {"url", "https://acs.example/1"}}}},
       "declined authentication_required/authentication_required NC6HT9CRT65ZGN82"},
      {"RedirectShopper", {}, "declined authentication_required/authentication_required NC6HT9CRT65ZGN82"},
      {"IdentifyShopper",
       {{"action", {{"type", "threeDS2"}}}},
       "declined authentication_required/authentication_required NC6HT9CRT65ZGN82"},
      {"ChallengeShopper",
       {{"action", {{"type", "threeDS2"}}}},
       "declined authentication_required/authentication_required NC6HT9CRT65ZGN82"},
      {"PresentToShopper",
       {{"action", {{"type", "voucher"}}}},
       "declined authentication_required/authentication_required NC6HT9CRT65ZGN82"},
      {"AuthenticationFinished", {}, "unknown unexpected_answer"},
      {"AuthenticationNotRequired", {}, "unknown unexpected_answer"},
      {"Success", {}, "unknown unexpected_answer"},
      {"BrandNew", {}, "unknown unexpected_answer"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.code);
    const auto answer = payment_json(row.code, row.more.is_null() ? json::object() : row.more);
    CHECK(said(authorize, answered(200, answer)) == row.expected);
  }
  CHECK(judged(authorize, answered(200, payment_json("BrandNew"))).odd == remarks{"resultCode=BrandNew"});
  CHECK(judged(authorize, answered(200, payment_json("Success"))).alarm == "unexpected_answer");
}

TEST_CASE("adyen/answers: nobody is sent away who could not come back") {
  auto call = call_of(authorize);
  call.return_url.clear();
  const auto answer =
      payment_json("RedirectShopper", {{"action", {{"type", "redirect"}, {"url", "https://acs.example/1"}}}});
  CHECK(text_of(verdict_of(call, answered(200, answer)).outcome) ==
        "declined authentication_required/authentication_required NC6HT9CRT65ZGN82");
}

TEST_CASE("adyen/answers: all refusal codes, with the advice of their class") {
  using domain::advice;
  int seen = 0;
  for (const auto& each : codes().at("refusal_reasons")) {
    const auto code = each.at("code").get<std::string>();
    CAPTURE(code);
    REQUIRE(knows_refusal(code));
    const auto verdict =
        refused({{"refusalReasonCode", code}, {"refusalReason", each.at("reason")}}, each.at("result_code"));
    CHECK(verdict.odd.empty());
    const auto failure = why(verdict);
    CHECK_FALSE(failure.code.empty());
    CHECK_FALSE(failure.decline_code.empty());
    CHECK_FALSE(failure.message.empty());
    CHECK(failure.raw == code);
    const auto kind = each.at("retry_class").get<std::string>();
    if (kind == "later_limited") CHECK(failure.advice == advice::retry_later);
    if (kind == "fix_data_or_other_method") CHECK(failure.advice == advice::other_method);
    if (kind == "authenticate") CHECK(failure.advice == advice::contact_issuer);
    if (kind == "never_same_card") CHECK(failure.advice == advice::do_not_retry);
    CHECK(failure.advice != advice::none);
    // A notification has the reason's name only, and says the same.
    remarks odd;
    const auto told = refusal_of(each.at("reason").get<std::string>(), {}, odd);
    CHECK(told == failure);
    ++seen;
  }
  CHECK(seen == 44);
}

TEST_CASE("adyen/answers: Mastercard's advice wins, what is unknown is reported") {
  using domain::advice;
  const auto advised = [](const char* code) {
    return why(refused({{"refusalReasonCode", "2"}, {"additionalData", {{"merchantAdviceCode", code}}}})).advice;
  };
  CHECK(advised("01") == advice::other_method);
  CHECK(advised("02 : Try again later") == advice::retry_later);
  CHECK(advised("03 : Do not try again") == advice::do_not_retry);
  CHECK(advised("21") == advice::do_not_retry);
  for (const auto* later : {"24", "25", "26", "27", "28", "29", "30"}) CHECK(advised(later) == advice::retry_later);
  CHECK(advised("41") == advice::do_not_retry);

  const auto odd = refused({{"refusalReasonCode", "99"}, {"additionalData", {{"merchantAdviceCode", "77"}}}});
  CHECK(odd.odd == remarks{"refusalReasonCode=99", "merchantAdviceCode=77"});
  CHECK(why(odd).code == "card_declined");
  CHECK(why(odd).raw == "99/77");

  const auto raw =
      refused({{"refusalReasonCode", "12"}, {"additionalData", {{"refusalReasonRaw", "51 : Insufficient funds"}}}});
  CHECK(why(raw).decline_code == "insufficient_funds");
  CHECK(why(raw).raw == "12/51 : Insufficient funds");
}

TEST_CASE("adyen/answers: every error code is known to a table") {
  for (const auto& [code, meaning] : codes().at("error_codes").items()) {
    CAPTURE(code);
    const auto by_code =
        std::find_if(error_rules().begin(), error_rules().end(), [&](const auto& rule) { return rule.code == code; });
    CHECK((by_code != error_rules().end() || knows_error(code)));
    const auto verdict = judged(authorize, answered(422, error_json(422, code)));
    CHECK(verdict.odd.empty());
    CHECK_FALSE(std::holds_alternative<reported::approved>(verdict.outcome));
  }
  CHECK(judged(capture, answered(422, error_json(422, "31_415"))).odd == remarks{"errorCode=31_415"});
}

TEST_CASE("adyen/answers: errors, row by row") {
  const struct {
    int status;
    const char* code;
    bool transient;
    const char* authorize_says;
    const char* capture_says;
  } rows[] = {
      {422, "704", false, "unknown processor_still_working", "unknown processor_still_working"},
      {409, "704", true, "unknown processor_still_working", "unknown processor_still_working"},
      {503, "703", true, "not_executed processor_unavailable", "not_executed processor_unavailable"},
      {503, "703", false, "not_executed processor_unavailable", "not_executed processor_unavailable"},
      {429, "701", true, "not_executed rate_limited", "not_executed rate_limited"},
      {429, "", false, "not_executed rate_limited", "not_executed rate_limited"},
      {401, "000", false, "not_executed processor_credentials", "not_executed processor_credentials"},
      {403, "901", false, "not_executed processor_forbidden", "not_executed processor_forbidden"},
      {404, "", false, "not_executed processor_misconfigured", "not_executed processor_misconfigured"},
      {500, "905", true, "not_executed processor_unavailable", "not_executed processor_unavailable"},
      {500, "", true, "not_executed processor_unavailable", "not_executed processor_unavailable"},
      {500, "905", false, "declined payment_method_not_supported", "unknown processor_error"},
      {500, "905_2", false, "declined payment_method_not_supported", "unknown processor_error"},
      {500, "903", false, "unknown processor_error", "unknown processor_error"},
      {500, "", false, "unknown processor_error", "unknown processor_error"},
      {502, "", false, "unknown processor_error", "unknown processor_error"},
      {503, "", false, "unknown processor_error", "unknown processor_error"},
      {422, "701", false, "unknown processor_error", "unknown processor_error"},
      {409, "", false, "unknown processor_conflict", "unknown processor_conflict"},
      {408, "", false, "unknown processor_conflict", "unknown processor_conflict"},
      {400, "702", false, "declined invalid_request", "declined invalid_request"},
      {422, "101", false, "declined incorrect_number", "declined incorrect_number"},
      {422, "14_030", false, "declined invalid_request", "declined invalid_request"},
      {422, "167", false, "declined authorization_not_found", "declined authorization_not_found"},
      {422, "803", false, "declined payment_method_not_found", "declined payment_method_not_found"},
      {302, "", false, "unknown unexpected_status", "unknown unexpected_status"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.status);
    CAPTURE(row.code);
    CAPTURE(row.transient);
    const auto fields = row.transient ? transient() : runtime::http_fields{};
    const auto body = *row.code == '\0' ? std::string("<html>gateway</html>") : error_json(row.status, row.code).dump();
    CHECK(said(authorize, answered(row.status, body, fields)) == row.authorize_says);
    CHECK(said(capture, answered(row.status, body, fields)) == row.capture_says);
  }
}

TEST_CASE("adyen/answers: every rule of the error table decides something") {
  for (std::size_t n = 0; n < error_rules().size(); ++n) {
    const auto& rule = error_rules()[n];
    CAPTURE(n);
    bool reached = false;
    for (int status = rule.status_first; status <= rule.status_last && !reached; ++status)
      for (const auto kind : {authorize, confirm, capture})
        reached = reached || &rule_for(status, rule.code, rule.transient == transience::yes, kind) == &rule;
    CHECK(reached);
  }
  for (int status = 0; status < 1000; ++status) {
    const auto& rule = rule_for(status, "", false, capture);
    const bool certain = rule.means != error_means::unknown;
    if (certain) CHECK((status >= 400 && status < 500));  // only what Adyen has understood is certain
  }
}

TEST_CASE("adyen/answers: what a customer made up does not end the payment") {
  CHECK(said(confirm, answered(422, error_json(422, "14_018"))) == "not_executed invalid_details");
  CHECK(said(authorize, answered(422, error_json(422, "14_018"))) == "declined invalid_request");
}

TEST_CASE("adyen/answers: errors of the newer kind") {
  const json problem{{"type", "https://docs.adyen.com/errors/validation"},
                     {"title", "Invalid"},
                     {"status", 422},
                     {"detail", "no"},
                     {"requestId", "1"},
                     {"errorCode", "101"}};
  CHECK(said(authorize, answered(422, problem)) == "declined incorrect_number");
  const json bare{{"type", "about:blank"}, {"title", "Internal Server Error"}, {"status", 500}};
  CHECK(said(refund, answered(500, bare)) == "unknown processor_error");
  const auto failure = why(judged(authorize, answered(422, problem)));
  CHECK(failure.raw == "422/101");
  CHECK(failure.advice == domain::advice::other_method);
}

TEST_CASE("adyen/answers: a modification that was received is accepted, and no more") {
  for (const auto kind : {capture, refund, cancel}) {
    CHECK(said(kind, answered(201, received_json())) == "accepted QFQTPCQ8HXSKGK82");
    CHECK(said(kind, answered(200, received_json())) == "accepted QFQTPCQ8HXSKGK82");
    CHECK(said(kind, answered(201, std::string())) == "unknown unreadable_answer");
    CHECK(said(kind, answered(201, std::string("[]"))) == "unknown unreadable_answer");
    CHECK(said(kind, answered(201, received_json(""))) == "unknown unreadable_answer");
    auto other = received_json();
    other["status"] = "done";
    CHECK(said(kind, answered(201, other)) == "unknown unexpected_answer");
    CHECK(judged(kind, answered(201, other)).odd == remarks{"status=done"});
  }
  CHECK(said(authorize, answered(200, std::string("<html>"))) == "unknown unreadable_answer");
}

TEST_CASE("adyen/answers: every published answer is understood") {
  const auto all = spec::file("adyen/checkout-v71-trimmed.json");
  int answers = 0;
  for (const auto& [path, operations] : all.at("paths").items())
    for (const auto& [status, described] : operations.at("post").at("responses").items()) {
      const auto& content = described.at("content").at("application/json");
      const auto examples = content.value("examples", json::object());
      for (const auto& [name, example] : examples.items()) {
        CAPTURE(path);
        CAPTURE(name);
        const auto* value = &example;
        while (value->contains("$ref"))
          value = &all.at(json::json_pointer(value->at("$ref").get<std::string>().substr(1)));
        const auto kind = path.ends_with("/captures")                 ? capture
                          : path.ends_with("/refunds")                ? refund
                          : path.find("details") != std::string::npos ? confirm
                          : path == "/payments"                       ? authorize
                                                                      : cancel;
        auto call = call_of(kind);
        if (kind == authorize && value->at("value").contains("amount"))
          call.amount.minor = value->at("value").at("amount").at("value").get<std::int64_t>();
        const auto verdict = verdict_of(call, answered(std::stoi(status), value->at("value")));
        CHECK(verdict.odd.empty());
        if (status[0] == '2') {
          const auto text = text_of(verdict.outcome);
          const bool modification = kind != authorize && kind != confirm;
          CHECK(text.starts_with("unknown") == false);
          if (modification) CHECK(text.starts_with("accepted"));
        }
        ++answers;
      }
    }
  CHECK(answers > 50);
}
