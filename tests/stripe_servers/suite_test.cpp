// One suite for the adapter at every server: what it says at the end of each step, or why a server cannot be asked.
#include <algorithm>
#include <cstdio>

#include "tests/stripe_servers/servers.hpp"
#include "tests/unit/adapters/stripe/support.hpp"

using namespace novapay;
using namespace novapay::stripe;
using namespace novapay::stripe::servers;
using enum domain::operation_kind;
namespace reported = domain::reported;

namespace {

constexpr auto yesterday = 25h;  // Stripe has forgotten the keys of then

// "approved pi_", "declined card_declined/generic_decline": without what no two runs share.
std::string shape_of(const domain::outcome& outcome) {
  auto text = test::text_of(outcome);
  if (std::holds_alternative<reported::needs_action>(outcome))
    return std::get<reported::needs_action>(outcome).action.url.empty() ? "needs_action nowhere" : "needs_action";
  for (const auto* prefix : {" pi_", " ch_", " re_"})
    if (const auto at = text.find(prefix); at != std::string::npos) text.resize(at + 4);
  return text;
}

std::string reference_of(const domain::outcome& outcome) {
  const auto* approved = std::get_if<reported::approved>(&outcome);
  return approved ? approved->reference : std::string{};
}

std::string both(const domain::outcome& first, const domain::outcome& second) {
  if (!reference_of(first).empty() && reference_of(first) == reference_of(second)) return shape_of(second) + " again";
  return shape_of(first) + ", " + shape_of(second);
}

// Of the second sending of a call: nobody heard how the first one ended.
processor_call doubted(processor_call call, domain::timestamp now, std::chrono::milliseconds age) {
  call.attempt = 2;
  call.doubted = true;
  call.first_attempt_at = now - age;
  return call;
}

// ---- the steps ------------------------------------------------------------------------------------------------------------

std::string authorized(bench& at) { return shape_of(at.authorize()); }

std::string authorized_richly(bench& at) {
  at.how().multicapture = true;
  auto call = at.call(authorize);
  call.return_url = "https://shop.example/return?order=1&x=ü";
  call.description = "Two nights, breakfast & view \"Seeblick\"";
  call.statement_descriptor = "HOTEL SEEBLICK";
  return shape_of(at.send(call));
}

std::string yen(bench& at) {
  auto call = at.call(authorize, 1500);
  call.amount.code = test::currency("jpy");
  return shape_of(at.send(call));
}

std::string declined(bench& at) {
  auto call = at.call(authorize);
  call.token = at.where().tokens.at("declined");
  return shape_of(at.send(call));
}

std::string unknown_token(bench& at) {
  auto call = at.call(authorize);
  call.token = "pm_nobody_has_this";
  return shape_of(at.send(call));
}

domain::outcome must_act(bench& at, const char* return_url) {
  auto call = at.call(authorize);
  call.token = at.where().tokens.at("must_act");
  call.return_url = return_url;
  return at.send(call);
}

std::string cannot_act(bench& at) { return shape_of(must_act(at, "")); }
std::string sent_to_act(bench& at) { return shape_of(must_act(at, "https://shop.example/return")); }

std::string confirmed(bench& at, bool genuine) {
  const auto before = must_act(at, "https://shop.example/return");
  if (at.which() == server::simulator) {
    const auto& page = std::get<reported::needs_action>(before).action.url;
    at.raw("GET", page + (genuine ? "?result=success" : "?result=fail"));
  } else if (at.which() == server::localstripe) {
    const auto path = at.where().url + "/v1/payment_intents/" + at.intent();
    const auto secret = at.raw("GET", path).at("client_secret").get<std::string>();
    at.raw("POST", path + "/_authenticate", "client_secret=" + secret + (genuine ? "&success=true" : "&success=false"));
  }
  return shape_of(at.send(at.call(confirm)));
}
std::string acted(bench& at) { return confirmed(at, true); }
std::string acted_wrongly(bench& at) { return confirmed(at, false); }
std::string waiting_to_act(bench& at) {
  must_act(at, "https://shop.example/return");
  return shape_of(at.send(at.call(confirm)));
}

std::string captured(bench& at) {
  at.authorize();
  return shape_of(at.send(at.call(capture)));
}

std::string captured_in_part(bench& at) {
  at.authorize();
  return shape_of(at.send(at.call(capture, 500)));
}

std::string captured_twice(bench& at) {
  at.how().multicapture = true;
  at.authorize();
  auto first = at.call(capture, 500, 1);
  first.final_capture = false;
  const auto was = at.send(first);
  return shape_of(was) + ", " + shape_of(at.send(at.call(capture, 599, 2)));
}

std::string canceled(bench& at) {
  at.authorize();
  return shape_of(at.send(at.call(cancel)));
}

std::string refunded(bench& at) {
  captured(at);
  return shape_of(at.send(at.call(refund)));
}

std::string refunded_in_parts(bench& at) {
  captured(at);
  const auto first = at.send(at.call(refund, 99, 1));
  const auto second = at.send(at.call(refund, 1000, 2));
  return both(first, second);
}

std::string authorized_again(bench& at) {
  const auto call = at.call(authorize);
  const auto first = at.send(call);
  return both(first, at.send(doubted(call, at.now(), 1s)));
}

std::string refunded_again(bench& at) {
  captured(at);
  const auto call = at.call(refund);
  const auto first = at.send(call);
  return both(first, at.send(doubted(call, at.now(), 1s)));
}

std::string authorization_found(bench& at) {
  const auto call = at.call(authorize);
  const auto first = at.send(call);
  return both(first, at.send(doubted(call, at.now(), yesterday)));
}

std::string authorization_not_found(bench& at) {
  return shape_of(at.send(doubted(at.call(authorize), at.now(), yesterday)));
}

std::string capture_found(bench& at) {
  at.authorize();
  const auto call = at.call(capture);
  const auto first = at.send(call);
  return both(first, at.send(doubted(call, at.now(), yesterday)));
}

std::string cancel_found(bench& at) {
  at.authorize();
  const auto call = at.call(cancel);
  const auto first = at.send(call);
  return both(first, at.send(doubted(call, at.now(), yesterday)));
}

std::string refund_found(bench& at) {
  captured(at);
  const auto call = at.call(refund, 300);
  const auto first = at.send(call);
  return both(first, at.send(doubted(call, at.now(), yesterday)));
}

std::string refund_not_found(bench& at) {
  captured(at);
  at.send(at.call(refund, 300, 1));
  const auto second = doubted(at.call(refund, 200, 2), at.now(), yesterday);
  return shape_of(at.send(second));
}

std::string key_of_another(bench& at) {
  at.authorize();
  at.send(at.call(capture, 500));
  auto other = at.call(capture, 600, 2);
  other.idempotency_key = at.call(capture).idempotency_key;
  return shape_of(at.send(other));
}

std::string captured_nothing(bench& at) { return shape_of(at.send(at.call(capture))); }

std::string captured_too_much(bench& at) {
  at.authorize();
  return shape_of(at.send(at.call(capture, 1100)));
}

std::string captured_canceled(bench& at) {
  canceled(at);
  return shape_of(at.send(at.call(capture)));
}

std::string captured_captured(bench& at) {
  captured(at);
  return shape_of(at.send(at.call(capture, 1099, 2)));
}

std::string canceled_captured(bench& at) {
  captured(at);
  return shape_of(at.send(at.call(cancel)));
}

std::string refunded_early(bench& at) {
  at.authorize();
  return shape_of(at.send(at.call(refund)));
}

std::string refunded_too_much(bench& at) {
  captured(at);
  return shape_of(at.send(at.call(refund, 1100)));
}

std::string refunded_nothing(bench& at) { return shape_of(at.send(at.call(refund))); }

std::string wrong_key(bench& at) {
  at.how().secret_key = "wrong";
  return shape_of(at.authorize());
}

std::string looked_up(bench& at) {
  at.authorize();
  const auto found = at.lookup(at.intent());
  return found == at.payment() ? "its payment" : found.empty() ? "no payment" : found;
}

std::string looked_up_nothing(bench& at) {
  const auto found = at.lookup("pi_none");
  return found.empty() ? "no payment" : found;
}

// The lines about this payment, of a whole statement of the last minutes.
std::string in_statement(bench& at) {
  const auto from = at.now() - 5min;
  at.authorize();
  at.send(at.call(capture, 500));
  at.send(at.call(refund, 99));
  std::string text;
  std::string next;
  std::size_t lines = 0;
  for (int pages = 0; pages < 20; ++pages) {
    const auto got = at.statement(from, at.now() + 5min, next);
    const auto* page = std::get_if<statement_page>(&got);
    if (page == nullptr) return "failed: " + std::get<statement_failure>(got).reason;
    lines += page->lines.size();
    for (const auto& line : page->lines)
      if (line.payment == at.payment()) {
        static constexpr const char* names[] = {"authorize", "confirm", "capture", "refund", "cancel"};
        text += (text.empty() ? "" : ", ") + std::string(names[static_cast<int>(line.operation.kind) - 1]) + " " +
                std::to_string(line.amount.minor) + (line.status == line_status::succeeded ? "" : " not done");
      }
    next = page->next;
    if (next.empty()) return text.empty() ? std::to_string(lines) + " lines of others" : text;
  }
  return "endless";
}

std::string paid_out(bench& at) {
  captured(at);
  std::string payout = "po_1";
  if (at.which() == server::simulator)
    payout = at.raw("POST", at.where().control + "/_control/settle").at("settled").at(0).get<std::string>();
  const auto got = at.settlement(payout);
  const auto* page = std::get_if<settlement_page>(&got);
  if (page == nullptr) return "failed: " + std::get<statement_failure>(got).reason;
  const auto ours = std::find_if(page->items.begin(), page->items.end(),
                                 [&](const settlement_item& item) { return item.payment == at.payment(); });
  if (ours == page->items.end()) return "rows of others";
  return std::holds_alternative<domain::told::settled>(ours->what.what) ? "settled" : "told otherwise";
}

// ---- the table ------------------------------------------------------------------------------------------------------------

struct expectation {
  std::string text;
  bool asked;
};
expectation says(const char* outcome) { return {outcome, true}; }
expectation lacks(const char* reason) { return {reason, false}; }

struct step {
  const char* name;
  std::string (*run)(bench&);
  std::array<expectation, 3> at;  // simulator, stripe-mock, localstripe
};

// stripe-mock answers with the payment intent of Stripe's documentation, whose card was refused, and with its refund, which succeeded: what
// it proves is that Stripe's description allows what is sent, and that its own objects are read.
const auto same_wire = lacks("remembers nothing: the same request as above");
const auto no_keys = lacks("has no idempotency keys");
const auto no_created = lacks("its lists do not take `created`");

const step steps[] = {
    {"authorize", authorized, {says("approved pi_"), says("declined invalid_request pi_"), says("approved pi_")}},
    {"authorize, every field",
     authorized_richly,
     {says("approved pi_"), says("declined invalid_request pi_"), says("approved pi_")}},
    {"authorize, no decimals", yen, {says("approved pi_"), says("declined invalid_request pi_"), says("approved pi_")}},
    {"authorize, declined",
     declined,
     {says("declined card_declined/generic_decline pi_"), same_wire, says("declined card_declined/generic_decline")}},
    {"authorize, unknown token",
     unknown_token,
     {says("declined payment_method_not_found"), same_wire, says("declined invalid_request")}},
    {"authorize, customer must act but cannot",
     cannot_act,
     {says("declined authentication_required/authentication_not_handled pi_"), same_wire,
      says("declined authentication_required/authentication_required pi_")}},
    {"authorize, customer is sent to act",
     sent_to_act,
     {says("needs_action"), same_wire, lacks("leaves it to Stripe's own script, never redirects")}},
    {"confirm, customer acted",
     acted,
     {says("approved pi_"), says("declined invalid_request pi_"), says("approved pi_")}},
    {"confirm, customer failed",
     acted_wrongly,
     {says("declined authentication_failed/generic_decline pi_"), same_wire,
      says("declined authentication_failed pi_")}},
    {"confirm, customer still away",
     waiting_to_act,
     {says("needs_action"), same_wire, says("declined authentication_required/authentication_required pi_")}},
    {"capture", captured, {says("approved ch_"), says("unknown unexpected_answer"), says("approved ch_")}},
    {"capture a part",
     captured_in_part,
     {says("approved ch_"), says("unknown unexpected_answer"), says("approved ch_")}},
    {"capture twice",
     captured_twice,
     {says("approved ch_, approved ch_"), says("unknown unexpected_answer, unknown unexpected_answer"),
      lacks("captures once, `final_capture` is unknown to it")}},
    {"cancel", canceled, {says("approved pi_"), says("unknown unexpected_answer"), says("approved pi_")}},
    {"refund", refunded, {says("approved re_"), says("approved re_"), says("approved re_")}},
    {"refund in parts",
     refunded_in_parts,
     {says("approved re_, approved re_"), says("approved re_, approved re_"), says("approved re_, approved re_")}},
    {"authorize again, same key", authorized_again, {says("approved pi_ again"), same_wire, no_keys}},
    {"refund again, same key", refunded_again, {says("approved re_ again"), same_wire, no_keys}},
    {"another capture under its key",
     key_of_another,
     {says("declined payment_intent_unexpected_state"), same_wire, no_keys}},
    // What was posted is looked for. Where nothing remembers, it is not found, and posted.
    {"authorize, key forgotten",
     authorization_found,
     {says("approved pi_ again"), says("declined invalid_request pi_, declined invalid_request pi_"), no_created}},
    {"authorize, key forgotten, never arrived",
     authorization_not_found,
     {says("approved pi_"), says("declined invalid_request pi_"), no_created}},
    // localstripe's payments do not say what was received: whether this capture was, nobody can tell.
    {"capture, key forgotten",
     capture_found,
     {says("approved ch_ again"), says("unknown unexpected_answer, declined payment_intent_unexpected_state"),
      says("approved ch_, unknown unexpected_answer")}},
    {"cancel, key forgotten",
     cancel_found,
     {says("approved pi_ again"), says("unknown unexpected_answer, unknown unexpected_answer"),
      says("approved pi_ again")}},
    {"refund, key forgotten",
     refund_found,
     {says("approved re_ again"), says("approved re_, approved re_"), says("approved re_ again")}},
    {"refund, key forgotten, never arrived",
     refund_not_found,
     {says("approved re_"), says("approved re_"), says("approved re_")}},
    {"capture what is not there",
     captured_nothing,
     {says("declined resource_missing"), same_wire, says("declined invalid_request")}},
    {"capture too much",
     captured_too_much,
     {says("declined amount_too_large"), same_wire, says("declined invalid_request")}},
    // localstripe captures it, and answers that it is canceled: contradictions are not believed.
    {"capture what is canceled",
     captured_canceled,
     {says("declined payment_intent_unexpected_state"), same_wire, says("unknown unexpected_answer")}},
    {"capture what is captured",
     captured_captured,
     {says("declined payment_intent_unexpected_state"), same_wire, says("declined invalid_request")}},
    {"cancel what is captured",
     canceled_captured,
     {says("declined payment_intent_unexpected_state"), same_wire, says("declined invalid_request")}},
    {"refund what is not captured",
     refunded_early,
     {says("declined invalid_request"), same_wire, lacks("refunds what was not captured")}},
    {"refund too much",
     refunded_too_much,
     {says("declined invalid_request"), same_wire, lacks("refunds more than there is")}},
    {"refund what is not there",
     refunded_nothing,
     {says("declined resource_missing"), same_wire, says("declined invalid_request")}},
    {"wrong API key",
     wrong_key,
     {says("not_executed processor_credentials"), says("not_executed processor_credentials"),
      says("not_executed processor_credentials")}},
    {"look up a payment", looked_up, {says("its payment"), says("no payment"), says("its payment")}},
    {"look up nothing", looked_up_nothing, {says("no payment"), same_wire, says("no payment")}},
    {"statement",
     in_statement,
     {says("authorize 1099, capture 500, refund 99"), says("2 lines of others"), no_created}},
    {"payout",
     paid_out,
     {says("settled"), says("rows of others"), lacks("its balance transactions do not take `payout`")}},
};

// Whatever was sent again, and found or not: the simulator's own books.
void check_ledger(bench& at) {
  const auto sums = at.raw("GET", at.where().control + "/_control/sums");
  CHECK(sums.size() > 20);
  for (const auto& [payment, sum] : sums.items()) {
    CAPTURE(payment);
    CHECK(sum.value("charges", 0) <= 1);
    CHECK(sum.value("captured", 0) <= sum.value("authorized", 0));
    CHECK(sum.value("refunded", 0) <= sum.value("captured", 0));
  }
}

}  // namespace

TEST_CASE("stripe_servers: every step ends at every server as the table says") {
  std::printf("%-42s at each server\n", "step");
  for (const auto where : all_servers) {
    bench at(where);
    for (const auto& step : steps) {
      const auto& expected = step.at[static_cast<std::size_t>(where)];
      std::string got;
      if (expected.asked) {
        CAPTURE(std::string(name_of(where)));
        CAPTURE(std::string(step.name));
        at.begin();
        got = step.run(at);
        at.judge();
        CHECK(got == expected.text);
      }
      std::printf("%-42s %-12s %s%s\n", step.name, name_of(where),
                  expected.asked ? "" : "not asked: ", expected.asked ? got.c_str() : expected.text.c_str());
    }
    if (where == server::simulator) check_ledger(at);
  }
}
