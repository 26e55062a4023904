#include "adapters/stripe/answers.hpp"

#include <set>

#include "adapters/stripe/events.hpp"
#include "tests/spec/openapi.hpp"
#include "tests/unit/adapters/stripe/support.hpp"

using namespace novapay;
using namespace novapay::stripe;
using namespace novapay::stripe::test;

namespace {

error_object error_of(std::string type, std::string code) {
  error_object out;
  out.type = std::move(type);
  out.code = std::move(code);
  return out;
}

const json& enums() {
  static const json loaded = spec::file("stripe/stripe-enums.json");
  return loaded;
}

}  // namespace

TEST_CASE("stripe/answers: every row of the error table is reached, by what it is for") {
  struct row {
    int status;
    const char* type;
    const char* code;
    error_means means;
    const char* reason;
  };
  using enum error_means;
  const row rows[] = {
      {429, "invalid_request_error", "lock_timeout", not_executed, "object_locked"},
      {400, "invalid_request_error", "lock_timeout", not_executed, "object_locked"},
      {429, "rate_limit_error", "", not_executed, "rate_limited"},
      {400, "invalid_request_error", "rate_limit", not_executed, "rate_limited"},
      {401, "authentication_error", "api_key_expired", not_executed, "processor_credentials"},
      {403, "invalid_request_error", "", not_executed, "processor_forbidden"},
      {400, "idempotency_error", "", look, "idempotency_key_mismatch"},
      {409, "idempotency_error", "", look, "idempotency_key_mismatch"},
      {409, "invalid_request_error", "idempotency_key_in_use", unknown, "processor_still_working"},
      {409, "api_error", "", unknown, "processor_conflict"},
      {424, "api_error", "", look, "processor_dependency_failed"},
      {500, "api_error", "", look, "processor_error"},
      {502, "api_error", "", unknown, "processor_error"},
      {503, "api_error", "", unknown, "processor_error"},
      {504, "", "", unknown, "processor_error"},
      {400, "invalid_request_error", "payment_intent_unexpected_state", look, "unexpected_state"},
      {400, "invalid_request_error", "intent_invalid_state", look, "unexpected_state"},
      {400, "invalid_request_error", "charge_already_captured", look, "unexpected_state"},
      {400, "invalid_request_error", "charge_already_refunded", look, "unexpected_state"},
      {402, "card_error", "card_declined", declined, "declined"},
      {400, "card_error", "incorrect_number", declined, "declined"},
      {402, "invalid_request_error", "", declined, "declined"},
      {404, "invalid_request_error", "resource_missing", declined, "not_found"},
      {400, "invalid_request_error", "parameter_unknown", declined, "invalid_request"},
      {400, "brand_new_error", "brand_new_code", declined, "invalid_request"},
      {302, "", "", unknown, "unexpected_status"},
      {600, "api_error", "", unknown, "unexpected_status"},
  };
  std::set<const error_rule*> reached;
  for (const auto& row : rows) {
    CAPTURE(row.status);
    CAPTURE(row.code);
    const auto error = error_of(row.type, row.code);
    const auto& rule = rule_for(row.status, &error);
    CHECK(rule.means == row.means);
    CHECK(rule.reason == row.reason);
    reached.insert(&rule);
  }
  for (const auto& rule : error_rules())
    CHECK_MESSAGE(reached.contains(&rule), rule.status_first << " " << rule.code << " " << rule.reason);
}

TEST_CASE("stripe/answers: nothing is called not executed that may have been") {
  for (const auto& code : enums()["error_codes"])
    for (const auto& type : enums()["error_types_v1"])
      for (int status = 500; status < 600; ++status) {
        const auto error = error_of(type, code);
        const auto means = rule_for(status, &error).means;
        CHECK((means == error_means::look || means == error_means::unknown || code == "lock_timeout"));
      }
}

TEST_CASE("stripe/answers: a body nobody can read leaves the status to speak") {
  CHECK(rule_for(401, nullptr).means == error_means::not_executed);
  CHECK(rule_for(429, nullptr).means == error_means::not_executed);
  CHECK(rule_for(500, nullptr).means == error_means::look);
  CHECK(rule_for(503, nullptr).means == error_means::unknown);
}

TEST_CASE("stripe/declines: every decline code has a row, and an advice that fits") {
  for (const auto& code : enums()["decline_codes"]) {
    remarks odd;
    auto error = error_of("card_error", "card_declined");
    error.decline_code = code;
    const auto why = failure_of(error, odd);
    CAPTURE(error.decline_code);
    CHECK(odd.empty());
    CHECK(why.code == "card_declined");
    CHECK(why.decline_code == error.decline_code);
    CHECK(why.advice != domain::advice::none);
    CHECK_FALSE(why.message.empty());
    CHECK(why.raw == "card_declined/" + error.decline_code);
  }
}

TEST_CASE("stripe/declines: nobody who holds the card is told that it is stolen") {
  for (const auto* code : {"lost_card", "stolen_card", "pickup_card", "fraudulent", "merchant_blacklist"}) {
    remarks odd;
    auto error = error_of("card_error", "card_declined");
    error.decline_code = code;
    const auto why = failure_of(error, odd);
    CHECK(why.advice == domain::advice::do_not_retry);
    CHECK(why.message == "The card was declined.");
  }
}

TEST_CASE("stripe/declines: Stripe's own advice comes before the table") {
  remarks odd;
  auto error = error_of("card_error", "card_declined");
  error.decline_code = "generic_decline";
  CHECK(failure_of(error, odd).advice == domain::advice::retry_later);
  error.advice_code = "do_not_try_again";
  CHECK(failure_of(error, odd).advice == domain::advice::do_not_retry);
  error.advice_code = "confirm_card_data";
  CHECK(failure_of(error, odd).advice == domain::advice::other_method);
  CHECK(odd.empty());
  error.advice_code = "pray";
  CHECK(failure_of(error, odd).advice == domain::advice::retry_later);
  CHECK(odd == remarks{"advice_code=pray"});
}

TEST_CASE("stripe/declines: every error code becomes a failure; unknown ones too") {
  for (const auto& code : enums()["error_codes"]) {
    remarks odd;
    const auto why = failure_of(error_of("invalid_request_error", code), odd);
    CHECK_FALSE(why.code.empty());
    CHECK_FALSE(why.message.empty());
    CHECK(why.raw == code);
    CHECK(odd.empty());
  }
  remarks odd;
  auto error = error_of("card_error", "brand_new");
  error.decline_code = "even_newer";
  const auto why = failure_of(error, odd);
  CHECK(why.code == "brand_new");
  CHECK(why.decline_code == "even_newer");
  CHECK(why.raw == "brand_new/even_newer");
  CHECK(odd == remarks{"decline_code=even_newer"});
  CHECK(failure_of(error_of("card_error", ""), odd).decline_code == "generic_decline");
  CHECK(failure_of(error_of("invalid_request_error", ""), odd).code == "invalid_request");
}

TEST_CASE("stripe/declines: a payment method that does not exist is called so") {
  remarks odd;
  auto error = error_of("invalid_request_error", "resource_missing");
  error.param = "payment_method";
  CHECK(failure_of(error, odd).code == "payment_method_not_found");
  CHECK(failure_of(error, odd).advice == domain::advice::other_method);
  CHECK(failure_of(error, odd).raw == "resource_missing/payment_method");
  error.param = "intent";
  CHECK(failure_of(error, odd).code == "resource_missing");
}

TEST_CASE("stripe/answers: the status table, status by status and operation by operation") {
  using enum operation_kind;
  using m = intent_means;
  struct row {
    const char* status;
    m authorize, capture, cancel;
  };
  const row rows[] = {
      {"requires_payment_method", m::untried, m::too_late, m::not_yet},
      {"requires_confirmation", m::untried, m::too_late, m::not_yet},
      {"requires_action", m::action, m::too_late, m::not_yet},
      {"processing", m::pending, m::pending, m::not_yet},
      {"requires_capture", m::done, m::not_yet, m::not_yet},
      {"succeeded", m::done, m::too_late, m::too_late},
      {"canceled", m::failed, m::too_late, m::done},
      {"brand_new", m::unreadable, m::unreadable, m::unreadable},
  };
  std::set<std::string> walked;
  for (const auto& row : rows) {
    CAPTURE(row.status);
    walked.insert(row.status);
    // Captured by another operation of ours, where that makes a difference.
    const auto intent =
        *read_intent(intent_json(row.status, {{"metadata", {{"novapay_operation", "capture:7"}}}}).dump());
    remarks odd;
    CHECK(meaning_of(intent, call_of(authorize), 1099, false, odd) == row.authorize);
    CHECK(meaning_of(intent, call_of(confirm), 1099, false, odd) == row.authorize);
    CHECK(meaning_of(intent, call_of(capture), 1099, false, odd) == row.capture);
    CHECK(meaning_of(intent, call_of(cancel), 1099, false, odd) == row.cancel);
    CHECK(odd.empty() == (std::string_view{row.status} != "brand_new"));
  }
  for (const auto& status : enums()["payment_intent_statuses"]) CHECK(walked.contains(status.get<std::string>()));
  for (const auto& rule : intent_rules()) CHECK(walked.contains(std::string(rule.status)));
}

TEST_CASE("stripe/answers: a failed attempt is told from one never made") {
  remarks odd;
  const auto failed = *read_intent(
      intent_json("requires_payment_method",
                  {{"last_payment_error",
                    {{"type", "card_error"}, {"code", "card_declined"}, {"decline_code", "do_not_honor"}}}})
          .dump());
  CHECK(meaning_of(failed, call_of(operation_kind::authorize), 1099, false, odd) == intent_means::failed);
  CHECK(text_of(outcome_of(intent_means::failed, failed, operation_kind::authorize, odd)) ==
        "declined card_declined/do_not_honor pi_1");
}

TEST_CASE("stripe/answers: a capture is known by its name, or by being all there is") {
  remarks odd;
  const auto meaning = [&](json fields, std::int64_t received, std::uint32_t number, std::int64_t amount,
                           const char* status = "succeeded") {
    const auto intent = *read_intent(intent_json(status, {{"amount_received", received}, {"metadata", fields}}).dump());
    return meaning_of(intent, call_of(operation_kind::capture, amount, number), amount, false, odd);
  };
  using m = intent_means;
  CHECK(meaning({{"novapay_operation", "capture:2"}}, 500, 2, 500) == m::done);
  CHECK(meaning({{"novapay_operation", "capture:3"}, {"novapay_capture_2", "500"}}, 900, 2, 500) == m::done);
  CHECK(meaning({{"novapay_operation", "capture:3"}, {"novapay_capture_3", "500"}}, 500, 2, 500) == m::too_late);
  CHECK(meaning({{"novapay_operation", "capture:2"}}, 500, 2, 500, "requires_capture") == m::done);
  CHECK(meaning({{"novapay_operation", "capture:1"}}, 500, 2, 500, "requires_capture") == m::not_yet);
  CHECK(meaning({{"novapay_operation", "capture:2"}}, 0, 2, 500, "requires_capture") == m::not_yet);
  CHECK(meaning({{"novapay_operation", "authorize:1"}, {"novapay_capture_3", "500"}}, 500, 2, 500) == m::too_late);
  // By the dashboard, or by a server that forgets metadata.
  CHECK(meaning({{"novapay_operation", "authorize:1"}}, 500, 1, 500) == m::done);
  CHECK(meaning({{"novapay_operation", "authorize:1"}}, 400, 1, 500) == m::too_late);
  CHECK(meaning({{"novapay_operation", "authorize:1"}}, 600, 1, 500) == m::too_late);
  CHECK(odd.empty());
}

TEST_CASE("stripe/answers: a payment that succeeded with nothing received tells nothing about a capture") {
  remarks odd;
  const auto intent = *read_intent(intent_json("succeeded", {{"amount_received", 0}}).dump());
  CHECK(meaning_of(intent, call_of(operation_kind::capture), 1099, false, odd) == intent_means::unreadable);
  CHECK_FALSE(odd.empty());
  CHECK(meaning_of(intent, call_of(operation_kind::capture), 1099, true, odd) == intent_means::done);
}

TEST_CASE("stripe/answers: a capture that Stripe said it made needs no name") {
  remarks odd;
  for (const auto* status : {"succeeded", "requires_capture"}) {
    const auto intent = *read_intent(intent_json(status, {{"amount_received", 900}}).dump());
    const auto call = call_of(operation_kind::capture, 500, 2);
    CHECK(meaning_of(intent, call, 500, true, odd) == intent_means::done);
    CHECK(meaning_of(intent, call, 500, false, odd) != intent_means::done);
  }
}

TEST_CASE("stripe/answers: the authorization's end comes from its charge") {
  remarks odd;
  const auto intent = *read_intent(intent_json("requires_capture", {{"latest_charge", charge_json()}}).dump());
  const auto outcome = outcome_of(intent_means::done, intent, operation_kind::authorize, odd);
  const auto& yes = std::get<reported::approved>(outcome);
  CHECK(yes.reference == "pi_1");
  CHECK(yes.expires_at == domain::timestamp{1'800'500'000s});
}

TEST_CASE(
    "stripe/answers: an action is a redirect or, without a browser of Stripe's, a decline that leaves nothing open") {
  remarks odd;
  const auto with = [&](json action) {
    const auto intent = *read_intent(intent_json("requires_action", {{"next_action", std::move(action)}}).dump());
    return text_of(outcome_of(intent_means::action, intent, operation_kind::authorize, odd));
  };
  CHECK(with({{"type", "redirect_to_url"}, {"redirect_to_url", {{"url", "https://3ds.example/x"}}}}) ==
        "needs_action https://3ds.example/x pi_1");
  CHECK(with({{"type", "use_stripe_sdk"}}) == "declined authentication_required/authentication_required pi_1");
  CHECK(odd.empty());
  CHECK(with({{"type", "dance"}}) == "declined authentication_required/authentication_required pi_1");
  CHECK(odd == remarks{"next_action.type=dance"});
}

TEST_CASE("stripe/answers: refunds, status by status") {
  const auto with = [](const char* status) {
    remarks odd;
    const auto text = text_of(outcome_of(*read_refund(refund_json(status).dump()), odd));
    return text + (odd.empty() ? "" : " (" + odd.front() + ")");
  };
  CHECK(with("succeeded") == "approved re_1");
  CHECK(with("pending") == "accepted re_1");
  CHECK(with("requires_action") == "accepted re_1");
  CHECK(with("failed") == "declined refund_failed");
  CHECK(with("canceled") == "declined refund_failed");
  CHECK(with("brand_new") == "unknown unexpected_answer (refund.status=brand_new)");
}

TEST_CASE("stripe/objects: Stripe's own fixtures decode") {
  const auto all = spec::file("stripe/stripe-fixtures.json")["resources"];
  const auto intent = read_intent(all["payment_intent"].dump());
  REQUIRE(intent);
  CHECK(intent->id == "pi_1PgafyB7WZ01zgkWSjxsAJo3");
  CHECK(intent->status == "requires_payment_method");
  CHECK(intent->last_error->type == "idempotency_error");
  CHECK(intent->action_type == "type");
  const auto charge = read_charge(all["charge"].dump());
  REQUIRE(charge);
  CHECK(charge->multicapture == "unavailable");
  CHECK(charge->amount == 100);
  CHECK_FALSE(charge->capture_before);
  REQUIRE(read_refund(all["refund"].dump()));
  CHECK(read_refund(all["refund"].dump())->charge == "ch_1PgafuB7WZ01zgkWXYmPNZs8");
  REQUIRE(read_dispute(all["dispute"].dump()));
  CHECK(read_dispute(all["dispute"].dump())->due_by == domain::timestamp{1'723'679'999s});
  REQUIRE(read_payout(all["payout"].dump()));
  CHECK(read_payout(all["payout"].dump())->automatic);
  REQUIRE(read_balance_row(all["balance_transaction"].dump()));
  CHECK(read_balance_row(all["balance_transaction"].dump())->net == 100);
  REQUIRE(read_event(all["event"].dump()));
  CHECK(read_event(all["event"].dump())->type == "plan.created");

  // And each of them as what an event is about, expanded or listed.
  for (const auto& [name, resource] : all.items()) {
    auto event = all["event"];
    event["data"]["object"] = resource;
    const auto read = read_event(event.dump());
    REQUIRE_MESSAGE(read, name);
    remarks odd;
    CHECK_FALSE(items_of(*read, "stripe", false, odd).empty());
    CHECK(read_intents(list_json({all["payment_intent"]}).dump())->rows.size() == 1);
  }
}

TEST_CASE("stripe/objects: what is not one is refused, whatever it is") {
  for (const std::string body :
       {"", "null", "[]", "{}", "<html><body>502</body></html>", R"({"object":"payment_intent"})", R"({"id":"pi_1"})",
        R"({"object":"payment_intent","id":"pi_1"})", R"({"object":"payment_intent","id":7,"status":"succeeded"})",
        R"({"object":"payment_intent","id":"pi_1","status":"succ)", "\xff\xfe",
        "{\"object\":\"payment_intent\",\"id\":\"\xff\"}"})
    CHECK_MESSAGE(!read_intent(body), body);
  const auto whole = intent_json("succeeded").dump();
  for (std::size_t cut = 0; cut < whole.size(); ++cut) CHECK_FALSE(read_intent(whole.substr(0, cut)));
  CHECK_FALSE(read_error("{}"));
  CHECK_FALSE(read_error("<html>"));
  CHECK_FALSE(read_intents(R"({"object":"list","data":[{"object":"payment_intent"}],"has_more":false})"));
  CHECK_FALSE(read_intents(R"({"object":"list","data":[]})"));
  CHECK_FALSE(read_event(std::string(1'000'000, '[')));
  CHECK_FALSE(read_event(std::string(500'000, '[') + std::string(500'000, ']')));
}

TEST_CASE("stripe/objects: fields of odd kinds are as if they were missing") {
  const auto intent = read_intent(
      R"({"object":"payment_intent","id":"pi_1","status":"succeeded","amount":"12","amount_received":1e3,"created":-5,"canceled_at":99999999999999,
          "metadata":[1],"latest_charge":7,"next_action":"x","last_payment_error":[]})");
  REQUIRE(intent);
  CHECK(intent->amount == 0);
  CHECK(intent->amount_received == 0);
  CHECK(intent->created == domain::timestamp{});
  CHECK_FALSE(intent->canceled_at);
  CHECK(intent->fields.empty());
  CHECK(intent->charge_id.empty());
  CHECK_FALSE(intent->last_error);
}
