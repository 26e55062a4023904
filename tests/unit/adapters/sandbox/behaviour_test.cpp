#include "adapters/sandbox/behaviour.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "adapters/sandbox/sim_processor.hpp"
#include "adapters/sandbox/tokens.hpp"
#include "tests/unit/adapters/sandbox/support.hpp"

using namespace novapay;
using namespace novapay::sandbox;
using namespace novapay::sandbox::test;
namespace reported = novapay::domain::reported;

namespace {

const rules by;

verdict apply(memory_ledger& ledger, const processor_call& call) {
  auto out = ledger.weigh(call, by, first_day);
  ledger.apply(out);
  return out;
}

// How four attempts under one key end, for what a token does not do right at once.
struct row {
  const char* token;
  operation_kind at;
  const char* attempts;
};
using enum operation_kind;
constexpr row oddities[] = {
    {"tok_3ds_required", authorize, "NNNN"},
    {"tok_3ds_fails", authorize, "NNNN"},
    {"tok_3ds_fails", confirm, "DDDD"},
    {"tok_3ds_declined_insufficient_funds", authorize, "NNNN"},
    {"tok_3ds_declined_insufficient_funds", confirm, "DDDD"},
    {"tok_3ds_answer_lost", authorize, "NNNN"},
    {"tok_3ds_answer_lost", confirm, "UAAA"},
    {"tok_timeout_before", authorize, "UAAA"},
    {"tok_answer_lost", authorize, "UAAA"},
    {"tok_answer_lost_thrice", authorize, "UUUA"},
    {"tok_rate_limited", authorize, "XAAA"},
    {"tok_unavailable", authorize, "XXXX"},
    {"tok_capture_declined", capture, "DDDD"},
    {"tok_capture_answer_lost", capture, "UAAA"},
    {"tok_capture_timeout_before", capture, "UAAA"},
    {"tok_refund_declined", refund, "DDDD"},
    {"tok_refund_answer_lost", refund, "UAAA"},
    {"tok_refund_timeout_before", refund, "UAAA"},
    {"tok_cancel_declined", cancel, "DDDD"},
    {"tok_cancel_answer_lost", cancel, "UAAA"},
};

std::string expected(std::string_view token, operation_kind at) {
  for (const auto& each : oddities)
    if (each.token == token && each.at == at) return each.attempts;
  return at == authorize && token.starts_with("tok_declined_") ? "DDDD" : "AAAA";
}

// The attempts of one call, and that it was executed once at most.
std::string attempts_of(memory_ledger& ledger, const processor_call& call) {
  std::string ends;
  for (int attempt = 0; attempt < 4; ++attempt) ends += letter(apply(ledger, call).answer);
  const auto* entry = ledger.find(call.idempotency_key);
  REQUIRE(entry != nullptr);
  CHECK(entry->attempts == 4);
  CHECK(entry->executions == (ends == "XXXX" ? 0 : 1));
  return ends;
}

std::string anomalies_of(const memory_ledger& ledger) {
  std::string names;
  for (const auto& each : ledger.anomalies()) names += each.what + " ";
  return names;
}

}  // namespace

TEST_CASE("sandbox/behaviour: every token at every operation, four attempts each") {
  for (const auto& token : test_tokens) {
    CAPTURE(token.token);
    for (const auto last : {refund, cancel}) {
      memory_ledger ledger;
      const auto authorized = attempts_of(ledger, call_of(authorize, "pay_1", 500, 1, std::string(token.token)));
      CHECK(authorized == expected(token.token, authorize));
      auto holds = authorized.back() == 'A';
      if (authorized == "NNNN") {
        const auto confirmed = attempts_of(ledger, call_of(confirm, "pay_1", 500));
        CHECK(confirmed == expected(token.token, confirm));
        holds = confirmed.back() == 'A';
      }
      CHECK(ledger.sums("pay_1").charges == (holds ? 1 : 0));
      CHECK(ledger.sums("pay_1").authorized_minor == (holds ? 500 : 0));
      if (!holds) continue;

      if (last == refund) {
        const auto captured = attempts_of(ledger, call_of(capture, "pay_1", 500));
        CHECK(captured == expected(token.token, capture));
        if (captured.back() != 'A') continue;
        CHECK(ledger.sums("pay_1").captured_minor == 500);
      }
      const auto ended = attempts_of(ledger, call_of(last, "pay_1", 500));
      CHECK(ended == expected(token.token, last));
      const auto sums = ledger.sums("pay_1");
      CHECK((last == refund ? sums.refunded_minor : sums.canceled_minor) == (ended.back() == 'A' ? 500 : 0));
      CHECK(anomalies_of(ledger) == "");
    }
  }
}

TEST_CASE("sandbox/behaviour: a decline carries the token's codes") {
  memory_ledger ledger;
  const auto out = apply(ledger, call_of(authorize, "pay_1", 500, 1, "tok_declined_insufficient_funds"));
  const auto& why = std::get<reported::declined>(out.answer).why;
  CHECK(why.code == "card_declined");
  CHECK(why.decline_code == "insufficient_funds");
  CHECK(why.message == "The card has insufficient funds.");

  const auto unknown = apply(ledger, call_of(authorize, "pay_2", 500, 1, "tok_nobody"));
  CHECK(std::get<reported::declined>(unknown.answer).why.code == "payment_method_not_found");
}

TEST_CASE("sandbox/behaviour: 3-D Secure sends the customer away and the confirm keeps the reference") {
  memory_ledger ledger;
  const auto out = apply(ledger, call_of(authorize, "pay_1", 500, 1, "tok_3ds_required"));
  const auto& asked = std::get<reported::needs_action>(out.answer);
  CHECK(asked.action.type == "redirect");
  CHECK(asked.action.url == by.action_url_base + asked.reference);

  auto call = call_of(confirm, "pay_1", 500);
  call.processor_reference = asked.reference;
  const auto confirmed = std::get<reported::approved>(apply(ledger, call).answer);
  CHECK(confirmed.reference == asked.reference);
  CHECK(confirmed.expires_at == first_day + by.authorization_valid);
}

TEST_CASE("sandbox/behaviour: delays are those of the rules, and a replay is answered at once") {
  memory_ledger ledger;
  const auto slow = call_of(authorize, "pay_1", 500, 1, "tok_slow");
  CHECK(apply(ledger, slow).delay == by.slow_delay);
  CHECK(apply(ledger, slow).delay == 0ms);
  CHECK(apply(ledger, call_of(authorize, "pay_2", 500, 1, "tok_very_slow")).delay == by.very_slow_delay);
  CHECK(apply(ledger, call_of(authorize, "pay_3", 500, 1, "tok_answer_lost")).delay == by.answer_timeout);
  CHECK(apply(ledger, call_of(authorize, "pay_4", 500)).delay == 0ms);
  CHECK(by.very_slow_delay > domain::answer_wait);
}

TEST_CASE("sandbox/behaviour: the same key with another parameter is declined, noted and changes nothing") {
  memory_ledger ledger;
  const auto original = call_of(authorize, "pay_1", 500);
  apply(ledger, original);

  const auto changed = [&](auto change, const std::string& field) {
    auto call = original;
    change(call);
    const auto out = apply(ledger, call);
    const auto& why = std::get<reported::declined>(out.answer).why;
    CHECK(why.code == "idempotency_error");
    CHECK(why.message == "This key was used with another " + field + ".");
  };
  changed([](auto& call) { call.amount.minor = 501; }, "amount_minor");
  changed([](auto& call) { call.amount.minor = 5000; }, "amount_minor");
  changed([](auto& call) { call.amount.code = *domain::parse_currency("usd"); }, "currency");
  changed([](auto& call) { call.token = "tok_amex"; }, "token");
  changed([](auto& call) { call.payment = "pay_2"; }, "payment");
  changed([](auto& call) { call.operation = capture; }, "operation");
  changed([](auto& call) { call.description = "x\namount_minor=1"; }, "description");
  changed([](auto& call) { call.action_details["result"] = "y"; }, "action.result");

  CHECK(ledger.anomalies().size() == 8);
  CHECK(ledger.operations().size() == 1);
  CHECK(ledger.find(original.idempotency_key)->attempts == 1);
  CHECK(letter(apply(ledger, original).answer) == 'A');

  auto learned = original;  // what may be learned between two attempts
  learned.capture_reference = "sbx_capture_1";
  CHECK(letter(apply(ledger, learned).answer) == 'A');
}

TEST_CASE("sandbox/behaviour: money is given leniently and every excess is noted") {
  memory_ledger ledger;
  apply(ledger, call_of(authorize, "pay_1", 500));
  apply(ledger, call_of(capture, "pay_1", 300, 1));
  apply(ledger, call_of(capture, "pay_1", 200, 2));
  apply(ledger, call_of(refund, "pay_1", 500, 1));
  CHECK(anomalies_of(ledger) == "");

  CHECK(letter(apply(ledger, call_of(capture, "pay_1", 1, 3)).answer) == 'A');
  CHECK(anomalies_of(ledger) == "over_capture ");
  CHECK(letter(apply(ledger, call_of(refund, "pay_1", 2, 2)).answer) == 'A');
  CHECK(anomalies_of(ledger) == "over_capture over_refund ");

  auto again = call_of(authorize, "pay_1", 500);
  again.idempotency_key += ":other";
  CHECK(letter(apply(ledger, again).answer) == 'A');
  apply(ledger, call_of(cancel, "pay_1", 500));
  apply(ledger, call_of(capture, "pay_1", 1, 4));
  CHECK(anomalies_of(ledger) == "over_capture over_refund second_charge capture_after_cancel ");

  const auto sums = ledger.sums("pay_1");
  CHECK(sums.charges == 2);
  CHECK(sums.authorized_minor == 1000);
  CHECK(sums.captured_minor == 502);
  CHECK(sums.refunded_minor == 502);
  CHECK(sums.captures == 4);
}

TEST_CASE("sandbox/behaviour: what cannot be executed is declined") {
  memory_ledger ledger;
  const auto code = [&](const processor_call& call) {
    return std::get<reported::declined>(apply(ledger, call).answer).why.code;
  };
  CHECK(code(call_of(capture, "pay_1", 500)) == "resource_missing");
  CHECK(code(call_of(cancel, "pay_2", 500)) == "resource_missing");
  CHECK(anomalies_of(ledger) == "unknown_payment ");
  CHECK(code(call_of(authorize, "pay_3", 0)) == "invalid_amount");
  CHECK(code(call_of(authorize, "pay_4", -1)) == "invalid_amount");

  apply(ledger, call_of(authorize, "pay_5", 500));
  auto elsewhere = call_of(capture, "pay_5", 500);
  elsewhere.processor_reference = "sbx_authorize_of_another";
  CHECK(code(elsewhere) == "resource_missing");
}

TEST_CASE("sandbox/behaviour: captures are settled, or fail later, by a notice that names them") {
  memory_ledger ledger;
  const auto notices_of = [&](const char* token, operation_kind at) {
    const std::string payment = std::string("pay_") + token;
    apply(ledger, call_of(authorize, payment, 500, 1, token));
    auto out = apply(ledger, call_of(capture, payment, 500, 7));
    if (at == refund) out = apply(ledger, call_of(refund, payment, 500, 3));
    CHECK(apply(ledger, call_of(at, payment, 500, at == refund ? 3 : 7)).notices.empty());  // not again by a replay
    return out.notices;
  };

  const auto settled = notices_of("tok_visa", capture);
  REQUIRE(settled.size() == 1);
  CHECK(settled[0].what.about == domain::operation_id{capture, 7});
  CHECK_FALSE(settled[0].what.failed.has_value());
  CHECK(settled[0].due_at == first_day + by.settle_after);

  CHECK(notices_of("tok_duplicate_answer", capture).size() == 2);

  const auto failed = notices_of("tok_capture_fails_later", capture);
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].what.failed->code == "capture_failed");
  CHECK(failed[0].due_at == first_day + by.late_failure_after);

  CHECK(notices_of("tok_mastercard", refund).empty());
  const auto returned = notices_of("tok_refund_fails_later", refund);
  REQUIRE(returned.size() == 1);
  CHECK(returned[0].what.about == domain::operation_id{refund, 3});
  CHECK(returned[0].what.failed->decline_code == "expired_or_canceled_card");

  rules never = by;
  never.settle_after = 0ms;
  ledger.apply(ledger.weigh(call_of(authorize, "pay_9", 500), never, first_day));
  CHECK(ledger.weigh(call_of(capture, "pay_9", 500), never, first_day).notices.empty());
}

TEST_CASE("sandbox/behaviour: sums stop at the end of int64") {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  memory_ledger ledger;
  apply(ledger, call_of(authorize, "pay_1", most));
  apply(ledger, call_of(capture, "pay_1", most, 1));
  CHECK(anomalies_of(ledger) == "");
  apply(ledger, call_of(capture, "pay_1", most, 2));
  CHECK(ledger.sums("pay_1").captured_minor == most);
  CHECK(anomalies_of(ledger) == "over_capture ");
}

TEST_CASE("sandbox/behaviour: a key's number, and the backoff of notices") {
  CHECK(number_in("pay_x:capture:12") == 12);
  CHECK(number_in("pay_x:authorize") == 1);
  CHECK(number_in("nothing") == 1);
  CHECK(number_in("pay_x:capture:") == 1);
  CHECK(number_in("pay_x:capture:99999999999") == 1);

  CHECK(notice_backoff(by, 1) == 1s);
  CHECK(notice_backoff(by, 2) == 2s);
  CHECK(notice_backoff(by, 6) == 32s);
  CHECK(notice_backoff(by, 7) == 60s);
  CHECK(notice_backoff(by, 4'000'000'000u) == 60s);
}
