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
inline const next_action redirect{"redirect", "https://acs.example/1"};

inline command_type told_settled(operation_id about) { return command::notify{{about, told::settled{}}}; }
inline command_type told_failed(operation_id about) { return command::notify{{about, told::failed{card_declined}}}; }

struct situation {
  std::string name;
  payment now;
};

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
  return {
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
    return command::create{t};
  };
  std::vector<question> all{
      {"create, first key and fields", command::create{usual_terms()}},
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
      {"wake after a week", command::wake{}, noon + authorization_window},
  };
  const std::vector<std::pair<std::string, outcome>> outcomes{
      {"approved", reported::approved{"ref_9", std::nullopt}},      {"declined", reported::declined{card_declined}},
      {"needs action", reported::needs_action{redirect, "auth_1"}}, {"unknown", reported::unknown{"processor_timeout"}},
      {"not executed", reported::not_executed{"rate_limited"}},
  };
  const std::vector<std::pair<std::string, operation_id>> subjects{{"authorize", authorize},
                                                                   {"confirm 1", confirm()},
                                                                   {"capture 1", capture()},
                                                                   {"refund 1", refund()},
                                                                   {"cancel 1", cancel()}};
  for (const auto& [who, about] : subjects)
    for (const auto& [how, what] : outcomes) all.push_back({who + " is reported " + how, command::report{about, what}});
  all.push_back({"capture 1 is settled", told_settled(capture())});
  all.push_back({"capture 1 failed late", told_failed(capture())});
  all.push_back({"refund 1 failed late", told_failed(refund())});
  all.push_back({"refund 1 is settled", told_settled(refund())});
  all.push_back({"authorize failed late", told_failed(authorize)});
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
