#include "adapters/stripe/objects.hpp"

#include <nlohmann/json.hpp>

namespace novapay::stripe {
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

bool truth(const json& from, const char* name) {
  const auto& value = member(from, name);
  return value.is_boolean() && value.get<bool>();
}

std::optional<std::int64_t> integer(const json& from, const char* name) {
  const auto& value = member(from, name);
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  return value.get<std::int64_t>();
}

std::int64_t amount(const json& from, const char* name) { return integer(from, name).value_or(0); }

std::optional<timestamp> time(const json& from, const char* name) {
  constexpr std::int64_t year_10000_s = 253'402'300'800;  // beyond it nothing of ours can be written down
  const auto seconds = integer(from, name);
  if (!seconds || *seconds < 0 || *seconds >= year_10000_s) return std::nullopt;
  return timestamp{std::chrono::seconds{*seconds}};
}

// An id, or the object it names if that was expanded.
std::string id_of(const json& from, const char* name) {
  const auto& value = member(from, name);
  return value.is_string() ? value.get<std::string>() : text(value, "id");
}

metadata fields_of(const json& from) {
  metadata all;
  const auto& given = member(from, "metadata");
  if (!given.is_object()) return all;
  for (const auto& [name, value] : given.items())
    if (value.is_string()) all.emplace(name, value.get<std::string>());
  return all;
}

bool is(const json& from, const char* object) { return text(from, "object") == object && !text(from, "id").empty(); }

std::optional<error_object> error_from(const json& from) {
  if (!from.is_object()) return std::nullopt;
  error_object out;
  out.type = text(from, "type");
  out.code = text(from, "code");
  out.decline_code = text(from, "decline_code");
  out.advice_code = text(from, "advice_code");
  out.network_decline_code = text(from, "network_decline_code");
  out.param = text(from, "param");
  out.intent = id_of(from, "payment_intent");
  out.intent_status = text(member(from, "payment_intent"), "status");
  return out;
}

std::optional<charge_object> charge_from(const json& from) {
  if (!is(from, "charge")) return std::nullopt;
  charge_object out;
  out.id = text(from, "id");
  out.status = text(from, "status");
  out.intent = id_of(from, "payment_intent");
  out.amount = amount(from, "amount");
  out.amount_captured = amount(from, "amount_captured");
  out.currency = text(from, "currency");
  out.captured = truth(from, "captured");
  const auto& card = member(member(from, "payment_method_details"), "card");
  out.capture_before = time(card, "capture_before");
  out.multicapture = text(member(card, "multicapture"), "status");
  out.fields = fields_of(from);
  out.created = time(from, "created").value_or(timestamp{});
  return out;
}

std::optional<intent_object> intent_from(const json& from) {
  if (!is(from, "payment_intent") || text(from, "status").empty()) return std::nullopt;
  intent_object out;
  out.id = text(from, "id");
  out.status = text(from, "status");
  out.amount = amount(from, "amount");
  out.amount_capturable = amount(from, "amount_capturable");
  out.amount_received = amount(from, "amount_received");
  out.currency = text(from, "currency");
  out.cancellation_reason = text(from, "cancellation_reason");
  const auto& action = member(from, "next_action");
  out.action_type = text(action, "type");
  out.action_url = text(member(action, "redirect_to_url"), "url");
  out.last_error = error_from(member(from, "last_payment_error"));
  out.charge_id = id_of(from, "latest_charge");
  out.charge = charge_from(member(from, "latest_charge"));
  out.fields = fields_of(from);
  out.created = time(from, "created").value_or(timestamp{});
  out.canceled_at = time(from, "canceled_at");
  return out;
}

std::optional<refund_object> refund_from(const json& from) {
  if (!is(from, "refund")) return std::nullopt;
  refund_object out;
  out.id = text(from, "id");
  out.status = text(from, "status");
  out.amount = amount(from, "amount");
  out.currency = text(from, "currency");
  out.charge = id_of(from, "charge");
  out.intent = id_of(from, "payment_intent");
  out.failure_reason = text(from, "failure_reason");
  out.came_back = !id_of(from, "failure_balance_transaction").empty();
  out.fields = fields_of(from);
  out.created = time(from, "created").value_or(timestamp{});
  return out;
}

std::optional<dispute_object> dispute_from(const json& from) {
  if (!is(from, "dispute")) return std::nullopt;
  dispute_object out;
  out.id = text(from, "id");
  out.status = text(from, "status");
  out.reason = text(from, "reason");
  out.amount = amount(from, "amount");
  out.currency = text(from, "currency");
  out.charge = id_of(from, "charge");
  out.intent = id_of(from, "payment_intent");
  out.due_by = time(member(from, "evidence_details"), "due_by");
  out.fields = fields_of(from);
  return out;
}

std::optional<payout_object> payout_from(const json& from) {
  if (!is(from, "payout")) return std::nullopt;
  return payout_object{text(from, "id"), text(from, "status"), truth(from, "automatic")};
}

std::optional<balance_row> balance_row_from(const json& from) {
  if (!is(from, "balance_transaction") || !integer(from, "net")) return std::nullopt;
  balance_row out;
  out.id = text(from, "id");
  out.type = text(from, "type");
  out.amount = amount(from, "amount");
  out.fee = amount(from, "fee");
  out.net = amount(from, "net");
  out.currency = text(from, "currency");
  out.created = time(from, "created").value_or(timestamp{});
  const auto& source = member(from, "source");
  if (auto charge = charge_from(source))
    out.source = *std::move(charge);
  else if (auto refund = refund_from(source))
    out.source = *std::move(refund);
  else if (auto dispute = dispute_from(source))
    out.source = *std::move(dispute);
  else
    out.source = other_object{text(source, "object")};
  return out;
}

std::optional<event_object> event_from(const json& from) {
  if (!is(from, "event") || text(from, "type").empty()) return std::nullopt;
  const auto& data = member(from, "data");
  const auto& about = member(data, "object");
  if (!about.is_object()) return std::nullopt;
  event_object out;
  out.id = text(from, "id");
  out.type = text(from, "type");
  out.live = truth(from, "livemode");
  out.created = time(from, "created").value_or(timestamp{});
  out.idempotency_key = text(member(from, "request"), "idempotency_key");
  out.previous_status = text(member(data, "previous_attributes"), "status");
  if (auto intent = intent_from(about))
    out.about = *std::move(intent);
  else if (auto charge = charge_from(about))
    out.about = *std::move(charge);
  else if (auto refund = refund_from(about))
    out.about = *std::move(refund);
  else if (auto dispute = dispute_from(about))
    out.about = *std::move(dispute);
  else if (auto payout = payout_from(about))
    out.about = *std::move(payout);
  else
    out.about = other_object{text(about, "object")};
  return out;
}

// nlohmann's parser and its tree's destructor do not recurse: depth is bounded by size alone, and who received the text bounded that.
json parse(std::string_view body) { return json::parse(body.begin(), body.end(), nullptr, false); }

// One row that cannot be read spoils its page: a search must not take it for absent.
template <class Object>
std::optional<page_of<Object>> page_from(const json& from, std::optional<Object> (*read)(const json&)) {
  const auto& data = member(from, "data");
  if (!data.is_array() || !member(from, "has_more").is_boolean()) return std::nullopt;
  page_of<Object> out;
  out.more = truth(from, "has_more");
  for (const auto& each : data) {
    auto row = read(each);
    if (!row) return std::nullopt;
    out.rows.push_back(*std::move(row));
  }
  return out;
}

}  // namespace

std::optional<intent_object> read_intent(std::string_view json) { return intent_from(parse(json)); }
std::optional<charge_object> read_charge(std::string_view json) { return charge_from(parse(json)); }
std::optional<refund_object> read_refund(std::string_view json) { return refund_from(parse(json)); }
std::optional<dispute_object> read_dispute(std::string_view json) { return dispute_from(parse(json)); }
std::optional<payout_object> read_payout(std::string_view json) { return payout_from(parse(json)); }
std::optional<balance_row> read_balance_row(std::string_view json) { return balance_row_from(parse(json)); }
std::optional<error_object> read_error(std::string_view json) { return error_from(member(parse(json), "error")); }
std::optional<event_object> read_event(std::string_view json) { return event_from(parse(json)); }
std::optional<page_of<intent_object>> read_intents(std::string_view json) {
  return page_from<intent_object>(parse(json), intent_from);
}
std::optional<page_of<refund_object>> read_refunds(std::string_view json) {
  return page_from<refund_object>(parse(json), refund_from);
}
std::optional<page_of<balance_row>> read_balance_rows(std::string_view json) {
  return page_from<balance_row>(parse(json), balance_row_from);
}

}  // namespace novapay::stripe
