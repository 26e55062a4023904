#include "adapters/adyen/objects.hpp"

#include <nlohmann/json.hpp>

namespace novapay::adyen {
namespace {

using nlohmann::json;

const json& none() {
  static const json empty;
  return empty;
}

const json& member(const json& from, const char* name) {
  if (!from.is_object()) return none();
  const auto found = from.find(name);
  return found == from.end() ? none() : *found;
}

std::string text(const json& from, const char* name) {
  const auto& value = member(from, name);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

std::optional<std::int64_t> integer(const json& from, const char* name) {
  const auto& value = member(from, name);
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  return value.get<std::int64_t>();
}

std::string trimmed(std::string from) {
  from.erase(0, from.find_first_not_of(' '));  // Adyen puts blanks in front of some
  return from;
}

std::optional<wire_amount> amount_of(const json& from) {
  const auto value = integer(from, "value");
  if (!value) return std::nullopt;
  return wire_amount{*value, text(from, "currency")};
}

notification_item item_from(const json& from) {
  notification_item out;
  out.reference = text(from, "pspReference");
  out.original_reference = text(from, "originalReference");
  out.account = text(from, "merchantAccountCode");
  out.merchant_reference = text(from, "merchantReference");
  const auto& amount = member(from, "amount");
  out.value = integer(amount, "value");
  out.currency = text(amount, "currency");
  out.event = text(from, "eventCode");
  out.success = text(from, "success");
  out.reason = text(from, "reason");
  out.date = text(from, "eventDate");
  const auto& more = member(from, "additionalData");
  out.signature = text(more, "hmacSignature");
  out.modification_action = text(more, "modification.action");
  out.dispute_status = trimmed(text(more, "disputeStatus"));
  out.dispute_reason = trimmed(text(more, "chargebackReasonCode"));
  out.defense_ends = trimmed(text(more, "defensePeriodEndsAt"));
  out.advice = text(more, "merchantAdviceCode");
  return out;
}

// nlohmann's parser and its tree's destructor do not recurse: depth is bounded by size alone, and who received the text bounded that.
json parse(std::string_view body) { return json::parse(body.begin(), body.end(), nullptr, false); }

}  // namespace

std::optional<payment_answer> read_payment(std::string_view body) {
  const auto from = parse(body);
  payment_answer out;
  out.result = text(from, "resultCode");
  if (out.result.empty()) return std::nullopt;
  out.reference = text(from, "pspReference");
  out.refusal = text(from, "refusalReasonCode");
  const auto& more = member(from, "additionalData");
  out.raw_refusal = text(more, "refusalReasonRaw");
  out.advice = text(more, "merchantAdviceCode");
  out.amount = amount_of(member(from, "amount"));
  const auto& action = member(from, "action");
  out.action_type = text(action, "type");
  out.action_method = text(action, "method");
  out.action_url = text(action, "url");
  return out;
}

std::optional<modification_answer> read_modification(std::string_view body) {
  const auto from = parse(body);
  modification_answer out{text(from, "pspReference"), text(from, "status")};
  if (out.status.empty()) return std::nullopt;
  return out;
}

std::optional<error_answer> read_error(std::string_view body) {
  const auto from = parse(body);
  error_answer out{text(from, "errorCode"), text(from, "errorType"), text(from, "pspReference")};
  if (out.type.empty()) out.type = text(from, "type");  // RFC 7807: a URI
  if (out.code.empty() && out.type.empty()) return std::nullopt;
  return out;
}

std::optional<notification> read_notification(std::string_view body) {
  const auto from = parse(body);
  const auto& items = member(from, "notificationItems");
  if (!items.is_array() || items.empty() || items.size() > items_max) return std::nullopt;
  notification out;
  out.live = text(from, "live");
  for (const auto& each : items) {
    const auto& item = member(each, "NotificationRequestItem");
    if (!item.is_object()) return std::nullopt;
    out.items.push_back(item_from(item));
  }
  return out;
}

std::optional<std::string> read_other_type(std::string_view body) {
  auto type = text(parse(body), "type");
  if (type.empty()) return std::nullopt;
  return type;
}

}  // namespace novapay::adyen
