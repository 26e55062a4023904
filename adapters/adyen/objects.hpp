// objects: what of Adyen's JSON NovaPay reads, as plain values. Unknown fields are ignored, unknown values of a field are kept as they are
// (who interprets one says what it does not know), missing ones are empty. Amounts are in Adyen's minor units.
//
// Readers answer nullopt for what is not JSON or not the object asked for. They never throw but for lack of memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/adyen/amounts.hpp"

namespace novapay::adyen {

struct payment_answer {     // of /payments and /payments/details
  std::string reference;    // pspReference
  std::string result;       // resultCode
  std::string refusal;      // refusalReasonCode
  std::string raw_refusal;  // the acquirer's own: "51 : Insufficient funds"; mostly empty
  std::string advice;       // merchantAdviceCode
  std::optional<wire_amount> amount;
  std::string action_type;
  std::string action_method;
  std::string action_url;
};

struct modification_answer {
  std::string reference;  // of the modification
  std::string status;     // "received"
};

struct error_answer {  // both kinds: Adyen's own and RFC 7807
  std::string code;
  std::string type;
  std::string reference;
};

struct notification_item {
  // Signed:
  std::string reference;           // pspReference; a file's name for REPORT_AVAILABLE
  std::string original_reference;  // the payment's, of a modification
  std::string account;
  std::string merchant_reference;
  std::optional<std::int64_t> value;
  std::string currency;
  std::string event;
  std::string success;
  // Not signed: whoever has seen a notification can change these and send it again.
  std::string signature;
  std::string reason;
  std::string date;
  std::string modification_action;
  std::string dispute_status;
  std::string dispute_reason;
  std::string defense_ends;
  std::string advice;
};

struct notification {
  std::string live;  // not signed
  std::vector<notification_item> items;
};

// More than Adyen ever sends in one; a longer one is not read.
inline constexpr std::size_t items_max = 1'000;

std::optional<payment_answer> read_payment(std::string_view json);            // must have a resultCode
std::optional<modification_answer> read_modification(std::string_view json);  // must have a status
std::optional<error_answer> read_error(std::string_view json);
std::optional<notification> read_notification(std::string_view json);  // must have notificationItems
// The type of a webhook of the newer kind: "merchant.created".
std::optional<std::string> read_other_type(std::string_view json);

}  // namespace novapay::adyen
