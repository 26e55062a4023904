// payment_fixture: payments in every situation the moves table and the property tests start from.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "actors/domain/payment.hpp"

namespace novapay::domain::testing {

inline timestamp at(std::int64_t ms) { return timestamp{std::chrono::milliseconds{ms}}; }
inline const timestamp noon = at(1'800'000'000'000);

inline terms usual_terms(capture_method method = capture_method::manual, std::int64_t minor = 100) {
  terms t;
  t.id = "pay_00000000000000000000000001";
  t.merchant = "mrc_a";
  t.idempotency_key = "key-create";
  t.amount = {minor, *parse_currency("usd")};
  t.capture = method;
  t.method_type = "card";
  t.token = "tok_visa";
  t.metadata = {{"order", "6735"}};
  return t;
}

// The route of most payments here has one name: what is said of journals older than routes holds for it as well.
inline handling usual_handling(std::vector<std::string> route = {"sandbox"}) { return {std::move(route), "default"}; }

inline payment given(const std::vector<event_type>& happened, timestamp when = noon) {
  payment now;
  for (const auto& one : happened) now = evolve(std::move(now), one, when);
  return now;
}

inline const operation_id authorize{operation_kind::authorize, 1};
inline operation_id capture(std::uint32_t n = 1) { return {operation_kind::capture, n}; }
inline operation_id refund(std::uint32_t n = 1) { return {operation_kind::refund, n}; }
inline operation_id confirm(std::uint32_t n = 1) { return {operation_kind::confirm, n}; }
inline operation_id cancel(std::uint32_t n = 1) { return {operation_kind::cancel, n}; }
inline const failure card_declined{"card_declined", "insufficient_funds", "The card has insufficient funds."};
inline const operation_id authorize_2{operation_kind::authorize, 2};
inline const next_action redirect{"redirect", "https://acs.example/1"};

inline command_type told_settled(operation_id about) { return command::notify{{about, told::settled{}}}; }
inline command_type told_failed(operation_id about) { return command::notify{{about, told::failed{card_declined}}}; }

struct situation {
  std::string name;
  payment now;
};

// Payments that go down a route of two processors, and what only processors with webhooks bring about.
inline std::vector<situation> routed_situations() {
  using namespace event;
  const timestamp week = noon + authorization_window;
  const timestamp day = noon + action_window;
  const event_type made = created{usual_terms(), usual_handling({"north", "south"})};
  const event_type on = rerouted{authorize, "processor_unavailable", 2, "south"};
  const event_type yes = authorized{authorize, "auth_1", week};
  const event_type yes_2 = authorized{authorize_2, "auth_2", week};
  const event_type late = late_authorization{"auth_1", authorize, "north"};
  const event_type release = cancel_requested{1, "", "late_authorization", "north", "auth_1"};
  const event_type act = action_required{authorize, redirect, "auth_1", day};
  const event_type cap60 = capture_requested{1, "key-capture", 60, 60, false};
  const event_type cap100 = capture_requested{1, "key-capture", 100, 100, false};
  const event_type ref40 = refund_requested{1, "key-refund", 40, 40, "other"};
  const auto expiring = [](on_expiry policy) {
    auto how = usual_handling({"north", "south"});
    how.expiring = policy;
    how.expiring_lead = 24h;
    return event_type{created{usual_terms(), how}};
  };
  const dispute opened{"dp_1", dispute_stage::opened, 100, "fraudulent", week, noon};
  return {
      {"routed, authorizing at the first", given({made})},
      {"routed, in doubt at the first", given({made, in_doubt{authorize, "processor_timeout", noon + 1s}})},
      {"rerouted", given({made, on})},
      {"rerouted, slow", given({made, answer_deferred{authorize, "awaiting_processor"}, on})},
      {"rerouted, in doubt", given({made, on, in_doubt{authorize_2, "processor_timeout", noon + 1s}})},
      {"rerouted, authorized", given({made, on, yes_2})},
      {"rerouted, authorized, releasing the first", given({made, on, yes_2, late, release})},
      {"rerouted, authorized, the first released", given({made, on, yes_2, late, release, canceled{1}})},
      {"rerouted, failed", given({made, on, declined{authorize_2, card_declined}})},
      {"authorizing, accepted", given({made, accepted{authorize, "auth_1", noon + 1h}})},
      {"authorizing, flagged",
       given({made, in_doubt{authorize, "processor_timeout", noon + 1s}, flagged{authorize, "processor_timeout"}})},
      {"confirming, told authorized", given({made, act, confirm_requested{1, "key-confirm", {}}, yes})},
      {"confirming, told declined",
       given({made, act, confirm_requested{1, "key-confirm", {}}, declined{authorize, card_declined}})},
      {"failed, canceling what is left",
       given({made, declined{authorize, card_declined}, cancel_requested{1, "", "declined", "north", "auth_9"}})},
      {"capturing part, accepted", given({made, yes, cap60, accepted{capture(), "cap_1", noon + 1h}})},
      {"refunding part, accepted",
       given({made, yes, cap100, captured{1, "cap_1"}, ref40, accepted{refund(), "ref_1", noon + 1h}})},
      {"canceling, accepted",
       given({made, yes, cancel_requested{1, "key-cancel", ""}, accepted{cancel(), "can_1", noon + 1h}})},
      {"voided", given({made, yes, voided{"canceled"}})},
      {"expired at the processor", given({made, yes, voided{"expired"}})},
      {"partially_captured, voided", given({made, yes, cap60, captured{1, "cap_1"}, voided{"expired"}})},
      {"authorized, to be told of its end", given({expiring(on_expiry::nothing), yes})},
      {"authorized, to be captured before its end", given({expiring(on_expiry::capture), yes})},
      {"authorized, to be canceled before its end", given({expiring(on_expiry::cancel), yes})},
      {"partially_captured, to be canceled before its end",
       given({expiring(on_expiry::cancel), yes, cap60, captured{1, "cap_1"}})},
      {"authorized, its end was told", given({expiring(on_expiry::nothing), yes, authorization_expiring{week}})},
      {"settled, disputed", given({made, yes, cap100, captured{1, "cap_1"}, settled{1}, disputed{opened}})},
  };
}

inline std::vector<situation> situations() {
  using namespace event;
  const timestamp week = noon + authorization_window;
  const timestamp day = noon + action_window;
  const event_type made = created{usual_terms()};
  const event_type yes = authorized{authorize, "auth_1", week};
  const event_type cap100 = capture_requested{1, "key-capture", 100, 100, false};
  const event_type cap60 = capture_requested{1, "key-capture", 60, 60, false};
  const event_type done1 = captured{1, "cap_1"};
  const event_type ref40 = refund_requested{1, "key-refund", 40, 40, "other"};
  std::vector<situation> all{
      {"none", {}},
      {"authorizing", given({made})},
      {"authorizing, deferred", given({made, deferred{authorize, "rate_limited", noon + 1s}})},
      {"authorizing, slow", given({made, answer_deferred{authorize, "awaiting_processor"}})},
      {"authorizing, in doubt", given({made, in_doubt{authorize, "processor_timeout", noon + 1s}})},
      {"requires_action", given({made, action_required{authorize, redirect, "auth_1", day}})},
      {"confirming",
       given({made, action_required{authorize, redirect, "auth_1", day}, confirm_requested{1, "key-confirm", {}}})},
      {"canceling action",
       given({made, action_required{authorize, redirect, "auth_1", day}, cancel_requested{1, "key-cancel", ""}})},
      {"authorized", given({made, yes})},
      {"capturing all", given({made, yes, cap100})},
      {"capturing all, in doubt", given({made, yes, cap100, in_doubt{capture(), "processor_timeout", noon + 1s}})},
      {"capturing part", given({made, yes, cap60})},
      {"capturing part, final", given({made, yes, capture_requested{1, "key-capture", 60, 60, true}})},
      {"partially_captured", given({made, yes, cap60, done1})},
      {"partially_captured, lapsed", given({made, yes, cap60, done1, expired{}})},
      {"captured", given({made, yes, cap100, done1})},
      {"captured, final part", given({made, yes, capture_requested{1, "key-capture", 60, 60, true}, done1})},
      {"capture failed", given({made, yes, cap100, capture_failed{1, card_declined, false}})},
      {"capture failed late", given({made, yes, cap100, done1, capture_failed{1, card_declined, true}})},
      {"capture failed, said to be settled", given({made, yes, cap100, capture_failed{1, card_declined, false},
                                                    break_noted{capture(), "settled_after_failure", std::nullopt}})},
      {"settled", given({made, yes, cap100, done1, settled{1}})},
      {"refunding part", given({made, yes, cap100, done1, ref40})},
      {"refunding part, in doubt",
       given({made, yes, cap100, done1, ref40, in_doubt{refund(), "processor_timeout", noon + 1s}})},
      {"refunded part", given({made, yes, cap100, done1, ref40, refunded{1, "ref_1"}})},
      {"refunded all", given({made, yes, cap100, done1, refund_requested{1, "key-refund", std::nullopt, 100, "other"},
                              refunded{1, "ref_1"}})},
      {"refund failed", given({made, yes, cap100, done1, ref40, refund_failed{1, card_declined, false}})},
      {"refunded part, capture contested",
       given({made, yes, cap100, done1, ref40, refunded{1, "ref_1"}, capture_contested{1, card_declined}})},
      {"canceling", given({made, yes, cancel_requested{1, "key-cancel", ""}})},
      {"canceling, in doubt",
       given({made, yes, cancel_requested{1, "key-cancel", ""}, in_doubt{cancel(), "processor_timeout", noon + 1s}})},
      {"cancel failed", given({made, yes, cancel_requested{1, "key-cancel", ""}, cancel_failed{1, card_declined}})},
      {"canceled", given({made, yes, cancel_requested{1, "key-cancel", ""}, canceled{1}})},
      {"failed", given({made, declined{authorize, card_declined}})},
      {"expired, releasing", given({made, yes, expired{}, cancel_requested{1, "", "expired"}})},
      {"expired", given({made, yes, expired{}, cancel_requested{1, "", "expired"}, canceled{1}})},
  };
  for (auto& each : routed_situations()) all.push_back(std::move(each));
  return all;
}

struct question {
  std::string name;
  command_type asked;
  timestamp when = noon;
};

inline std::vector<question> questions() {
  const auto changed = [](auto change) {
    auto t = usual_terms();
    change(t);
    return command::create{t, usual_handling()};
  };
  std::vector<question> all{
      {"create, first key and fields", command::create{usual_terms(), usual_handling()}},
      {"create, first key, other amount", changed([](terms& t) { t.amount.minor = 99; })},
      {"create, other key", changed([](terms& t) { t.idempotency_key = "key-other"; })},
      {"create, amount 0", changed([](terms& t) {
         t.amount.minor = 0;
         t.idempotency_key = "key-zero";
       })},
      {"confirm, new key", command::confirm{"key-new", {}}},
      {"confirm, first key", command::confirm{"key-confirm", {}}},
      {"confirm, key of the creation", command::confirm{"key-create", {}}},
      {"capture 1", command::capture{"key-new", 1, false}},
      {"capture the rest", command::capture{"key-new", std::nullopt, false}},
      {"capture 101", command::capture{"key-new", 101, false}},
      {"capture 0", command::capture{"key-new", 0, false}},
      {"capture, first key, other amount", command::capture{"key-capture", 7, false}},
      {"capture 100, first key", command::capture{"key-capture", 100, false}},
      {"cancel, new key", command::cancel{"key-new", ""}},
      {"cancel, first key", command::cancel{"key-cancel", ""}},
      {"refund 1", command::refund{"key-new", 1, "other"}},
      {"refund the rest", command::refund{"key-new", std::nullopt, "other"}},
      {"refund 101", command::refund{"key-new", 101, "other"}},
      {"refund -1", command::refund{"key-new", -1, "other"}},
      {"refund 40, first key", command::refund{"key-refund", 40, "other"}},
      {"query", command::query{}},
      {"resume", command::resume{}},
      {"wake now", command::wake{}},
      {"wake after 1 s", command::wake{}, noon + 1s},
      {"wake after the client's wait", command::wake{}, noon + answer_wait},
      {"wake after the resend time", command::wake{}, noon + resend_after},
      {"wake after six days", command::wake{}, noon + authorization_window - 24h},
      {"wake after a week", command::wake{}, noon + authorization_window},
  };
  const std::vector<std::pair<std::string, outcome>> outcomes{
      {"approved", reported::approved{"ref_9", std::nullopt}},      {"declined", reported::declined{card_declined}},
      {"needs action", reported::needs_action{redirect, "auth_1"}}, {"unknown", reported::unknown{"processor_timeout"}},
      {"not executed", reported::not_executed{"rate_limited"}},     {"accepted", reported::accepted{"ref_9"}},
  };
  const std::vector<std::pair<std::string, operation_id>> subjects{
      {"authorize", authorize}, {"authorize 2", authorize_2}, {"confirm 1", confirm()},
      {"capture 1", capture()}, {"refund 1", refund()},       {"cancel 1", cancel()}};
  for (const auto& [who, about] : subjects)
    for (const auto& [how, what] : outcomes) all.push_back({who + " is reported " + how, command::report{about, what}});
  all.push_back({"capture 1 is settled", told_settled(capture())});
  all.push_back({"capture 1 failed late", told_failed(capture())});
  all.push_back({"refund 1 failed late", told_failed(refund())});
  all.push_back({"refund 1 is settled", told_settled(refund())});
  all.push_back({"authorize failed late", told_failed(authorize)});

  const auto tell = [&all](std::string name, operation_id about, news what, std::string from = {},
                           std::string reference = {}, std::optional<std::int64_t> amount = {}) {
    all.push_back(
        {std::move(name), command::notify{{about, std::move(what), std::move(from), std::move(reference), amount}}});
  };
  const told::result approved{reported::approved{"", std::nullopt}}, declined{reported::declined{card_declined}};
  const told::result auth_1{reported::approved{"auth_1", std::nullopt}};
  all.push_back({"authorize is reported approved, as auth_1", command::report{authorize, auth_1.outcome}});
  all.push_back({"authorize is reported declined, auth_9 is left open",
                 command::report{authorize, reported::declined{card_declined, "auth_9"}}});
  tell("authorize is told approved", authorize, auth_1);
  tell("authorize is told declined", authorize, declined);
  tell("authorize is told not executed", authorize, told::result{reported::not_executed{"rate_limited"}});
  tell("confirm 1 is told approved", confirm(), auth_1);
  tell("capture 1 is told approved", capture(), approved, {}, "cap_1");
  tell("capture 1 is told declined", capture(), declined);
  tell("capture 1 is settled, with figures", capture(), told::settled{settlement{"po_1", 95, 5, "usd"}});
  tell("refund 1 is told approved", refund(), approved, {}, "ref_1");
  tell("refund 1 is told declined", refund(), declined);
  tell("cancel 1 is told approved", cancel(), approved);
  tell("a capture of 60 is told approved", {operation_kind::capture, 0}, approved, {}, {}, 60);
  tell("a capture cap_1 is settled", {operation_kind::capture, 0}, told::settled{}, {}, "cap_1");
  tell("an authorization is told approved by north", {operation_kind::authorize, 0}, auth_1, "north");
  tell("an authorization is told approved by west", {operation_kind::authorize, 0}, auth_1, "west");
  tell("capture 1 is told approved by south", capture(), approved, "south", "cap_1");
  tell("the authorization is told expired", {operation_kind::authorize, 0}, told::voided{"expired"});
  tell("the authorization is told canceled by north", authorize, told::voided{"canceled"}, "north");
  tell("a dispute is opened", {operation_kind::capture, 0},
       told::disputed{{"dp_1", dispute_stage::opened, 100, "fraudulent", std::nullopt, noon}});
  tell("a dispute is lost", {operation_kind::capture, 0},
       told::disputed{{"dp_1", dispute_stage::lost, 100, "fraudulent", std::nullopt, noon}});
  return all;
}

// "capture_requested", "refused amount_exceeds_capturable", "answers authorize 1", "nothing".
inline std::string text_of(const decision& made) {
  if (made.refused) {
    auto text = "refused " + std::string(to_text(made.refused->code));
    if (!made.refused->param.empty()) text += " (" + made.refused->param + ")";
    return text;
  }
  std::string text;
  for (const auto& happened : made.events) text += (text.empty() ? "" : " + ") + std::string(type_of(happened));
  if (!made.events.empty()) return text;
  if (made.operation)
    return "answers " + std::string(to_text(made.operation->kind)) + " " + std::to_string(made.operation->number);
  return "nothing";
}

}  // namespace novapay::domain::testing
