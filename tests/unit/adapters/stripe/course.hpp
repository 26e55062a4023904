// course: a conversation with Stripe as one line of text, and the calls and requests that many tests begin with.
#pragma once

#include "adapters/stripe/conversation.hpp"
#include "tests/unit/adapters/stripe/support.hpp"

namespace novapay::stripe::test {

using runtime::call_result;

inline std::string line_of(const request& what) {
  return std::string(what.post ? "POST " : "GET ") + what.path +
         (what.post || what.form.empty() ? "" : "?" + what.form);
}

// What is asked and what comes of it: "POST /v1/refunds > GET /v1/refunds/re_1 > approved re_1". Replies that are not used up show.
inline std::string course(const processor_call& call, std::vector<call_result> replies, domain::timestamp now = noon,
                          settings how = test_settings()) {
  conversation talk(how, call);
  auto at = talk.begin(now);
  std::string all;
  for (auto& reply : replies) {
    if (const auto* outcome = std::get_if<domain::outcome>(&at)) return all + text_of(*outcome) + " (replies left)";
    all += line_of(std::get<request>(at)) + " > ";
    at = talk.next(reply, now);
  }
  if (const auto* asked = std::get_if<request>(&at)) return all + line_of(*asked) + " > ?";
  return all + text_of(std::get<domain::outcome>(at)) + (talk.alarm().empty() ? "" : " !" + talk.alarm());
}

inline const std::string create = "POST /v1/payment_intents > ";
inline const std::string reread = "GET /v1/payment_intents/pi_1?expand[0]=latest_charge > ";
inline const std::string do_capture = "POST /v1/payment_intents/pi_1/capture > ";
inline const std::string do_cancel = "POST /v1/payment_intents/pi_1/cancel > ";
inline const std::string do_refund = "POST /v1/refunds > ";
inline const std::string list_refunds = "GET /v1/refunds?limit=100&payment_intent=pi_1 > ";

using enum operation_kind;
inline const auto authorize_call = call_of(authorize);
inline const auto capture_call = call_of(capture);
inline const auto refund_call = call_of(refund);
inline const auto cancel_call = call_of(cancel);
inline const auto confirm_call = call_of(confirm);

inline json captured(json more = json::object()) {
  json all{{"latest_charge", "ch_1"},
           {"metadata", {{"novapay_operation", "capture:1"}, {"novapay_capture_1", "1099"}}}};
  all.update(more, true);
  return intent_json("succeeded", all);
}

// Seconds as a search writes them.
inline std::string seconds(domain::timestamp at) {
  return std::to_string(std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count());
}
inline std::string intents_in(domain::timestamp from, domain::timestamp to, const std::string& after = {}) {
  return "GET /v1/payment_intents?limit=100" + (after.empty() ? "" : "&starting_after=" + after) +
         "&created[gte]=" + seconds(from) + "&created[lt]=" + seconds(std::chrono::ceil<std::chrono::seconds>(to)) +
         " > ";
}

}  // namespace novapay::stripe::test
