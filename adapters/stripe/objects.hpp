// objects: what of Stripe's JSON NovaPay reads, as plain values. Unknown fields are ignored, unknown values of a field are kept as they are
// (who interprets one says what it does not know), missing ones are empty. Amounts are in Stripe's minor units.
//
// Readers answer nullopt for what is not JSON, not the object asked for, or lacks what makes it one (an id, a status). They never throw but
// for lack of memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "adapters/stripe/names.hpp"

namespace novapay::stripe {

using domain::timestamp;

struct error_object {
  std::string type;  // "card_error"
  std::string code;  // "card_declined"
  std::string decline_code;
  std::string advice_code;
  std::string network_decline_code;
  std::string param;
  std::string intent;         // the PaymentIntent it is about
  std::string intent_status;  // and how the failed call left it
};

struct charge_object {
  std::string id;
  std::string status;
  std::string intent;
  std::int64_t amount = 0;
  std::int64_t amount_captured = 0;
  std::string currency;
  bool captured = false;
  std::optional<timestamp> capture_before;
  std::string multicapture;  // "available", "unavailable"
  metadata fields;
  timestamp created{};
};

struct intent_object {
  std::string id;
  std::string status;
  std::int64_t amount = 0;
  std::int64_t amount_capturable = 0;
  std::int64_t amount_received = 0;
  std::string currency;
  std::string cancellation_reason;
  std::string action_type;  // of next_action: "redirect_to_url"
  std::string action_url;
  std::optional<error_object> last_error;
  std::string charge_id;                // the latest
  std::optional<charge_object> charge;  // if it was expanded
  metadata fields;
  timestamp created{};
  std::optional<timestamp> canceled_at;
};

struct refund_object {
  std::string id;
  std::string status;
  std::int64_t amount = 0;
  std::string currency;
  std::string charge;
  std::string intent;
  std::string failure_reason;
  bool came_back = false;  // its money did, after it had left
  metadata fields;
  timestamp created{};
};

struct dispute_object {
  std::string id;
  std::string status;
  std::string reason;
  std::int64_t amount = 0;
  std::string currency;
  std::string charge;
  std::string intent;
  std::optional<timestamp> due_by;
  metadata fields;
};

struct payout_object {
  std::string id;
  std::string status;
  bool automatic = false;
};

struct other_object {
  std::string object;  // "balance"
};

struct balance_row {
  std::string id;
  std::string type;  // "charge", "refund_failure"
  std::int64_t amount = 0;
  std::int64_t fee = 0;
  std::int64_t net = 0;
  std::string currency;  // of settlement
  timestamp created{};
  // Other: not expanded, or of no interest.
  std::variant<other_object, charge_object, refund_object, dispute_object> source;
};

struct event_object {
  std::string id;
  std::string type;  // "payment_intent.succeeded"
  bool live = false;
  timestamp created{};
  std::string idempotency_key;  // of the request that caused it; mostly empty
  std::string previous_status;  // of the object, if the event says that it has changed
  std::variant<other_object, intent_object, charge_object, refund_object, dispute_object, payout_object> about;
};

template <class Object>
struct page_of {
  std::vector<Object> rows;
  bool more = false;
};

std::optional<intent_object> read_intent(std::string_view json);
std::optional<charge_object> read_charge(std::string_view json);
std::optional<refund_object> read_refund(std::string_view json);
std::optional<dispute_object> read_dispute(std::string_view json);
std::optional<payout_object> read_payout(std::string_view json);
std::optional<balance_row> read_balance_row(std::string_view json);
std::optional<error_object> read_error(std::string_view json);  // {"error": {…}}
std::optional<event_object> read_event(std::string_view json);
std::optional<page_of<intent_object>> read_intents(std::string_view json);
std::optional<page_of<refund_object>> read_refunds(std::string_view json);
std::optional<page_of<balance_row>> read_balance_rows(std::string_view json);

}  // namespace novapay::stripe
