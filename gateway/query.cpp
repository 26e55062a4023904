#include "gateway/query.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "actors/payments.hpp"
#include "gateway/payment_request.hpp"
#include "gateway/secret_guard.hpp"
#include "gateway/text.hpp"
#include "gateway/time_text.hpp"

namespace novapay::gateway {
namespace {

using maybe_error = std::optional<api_error>;

api_error invalid(std::string_view name, std::string message) {
  return {error_code::parameter_invalid, shown_name(name) + " " + std::move(message), shown_name(name)};
}

maybe_error read_integer(const query_parameter& given, std::int64_t low, std::int64_t high, std::int64_t& value) {
  const auto* end = given.value.data() + given.value.size();
  const auto [stop, bad] = std::from_chars(given.value.data(), end, value);
  if (bad != std::errc{} || stop != end || value < low || value > high)
    return invalid(given.name, "must be an integer from " + std::to_string(low) + " to " + std::to_string(high) + ".");
  return std::nullopt;
}

maybe_error read_limit(const query_parameter& given, list_request& into) {
  std::int64_t limit = 0;
  if (auto wrong = read_integer(given, 1, runtime::list_limit_max, limit)) return wrong;
  into.query.limit = static_cast<std::size_t>(limit);
  return std::nullopt;
}

maybe_error read_cursor(const query_parameter& given, list_request& into) {
  into.query.before = parse_payment_id(given.value);
  if (!into.query.before) return invalid(given.name, "must be a next_cursor that this API gave.");
  return std::nullopt;
}

maybe_error read_status(const query_parameter& given, list_request& into) {
  if (!domain::parse_status(given.value))
    return invalid(given.name,
                   "must be one of pending, requires_action, processing, authorized, partially_captured, captured, "
                   "settled, failed, canceled, expired.");
  into.query.status = given.value;
  return std::nullopt;
}

// The store knows "from" (inclusive) and "before" (exclusive); its unit is the millisecond, and so are the other two.
maybe_error read_created(const query_parameter& given, list_request& into) {
  const auto at = parse_time(given.value);
  if (!at) return invalid(given.name, "must be a time as in RFC 3339 (2026-11-02T10:00:00Z) or in seconds since 1970.");
  const bool shifted = given.name == "created[gt]" || given.name == "created[lte]";
  const auto bound = *at + std::chrono::milliseconds{shifted ? 1 : 0};
  auto& query = into.query;  // of two bounds on one side the tighter one holds
  if (given.name == "created[gte]" || given.name == "created[gt]")
    query.created_from = std::max(query.created_from.value_or(bound), bound);
  else
    query.created_before = std::min(query.created_before.value_or(bound), bound);
  return std::nullopt;
}

maybe_error read_amount(const query_parameter& given, list_request& into) {
  std::int64_t amount = 0;
  if (auto wrong = read_integer(given, 0, amount_max_minor, amount)) return wrong;
  (given.name == "amount[gte]" ? into.query.amount_from : into.query.amount_to) = amount;
  return std::nullopt;
}

maybe_error read_reference(const query_parameter& given, list_request& into) {
  if (const auto why = breaks(reference_rule(), given.value)) return invalid(given.name, *why + ".");
  into.query.reference = given.value;
  return std::nullopt;
}

maybe_error read_metadata_key(const query_parameter& given, list_request& into) {
  if (const auto why = breaks(metadata_key_rule(), given.value)) return invalid(given.name, *why + ".");
  if (into.query.label_key) return invalid(given.name, "is a second metadata filter: one at a time is possible.");
  into.query.label_key = given.value;
  return std::nullopt;
}

maybe_error read_idempotency_filter(const query_parameter& given, list_request& into) {
  auto key = read_idempotency_key(given.value);
  if (auto* wrong = std::get_if<api_error>(&key)) {
    wrong->param = given.name;
    if (wrong->code == error_code::idempotency_key_invalid)
      return invalid(given.name, "must be 1 to 255 printable ASCII characters.");
    return *wrong;
  }
  into.idempotency_key = std::get<std::string>(std::move(key));
  return std::nullopt;
}

struct filter {
  std::string_view name;
  maybe_error (*read)(const query_parameter&, list_request&);
};
constexpr std::array filters{
    filter{"limit", read_limit},
    filter{"cursor", read_cursor},
    filter{"status", read_status},
    filter{"created[gte]", read_created},
    filter{"created[gt]", read_created},
    filter{"created[lte]", read_created},
    filter{"created[lt]", read_created},
    filter{"amount[gte]", read_amount},
    filter{"amount[lte]", read_amount},
    filter{"reference", read_reference},
    filter{"metadata_key", read_metadata_key},
    filter{"idempotency_key", read_idempotency_filter},
};

// "metadata[color]" → "color".
std::optional<std::string> metadata_name(std::string_view name) {
  if (!name.starts_with("metadata[") || !name.ends_with(']')) return std::nullopt;
  return std::string{name.substr(9, name.size() - 10)};
}

maybe_error read_one(const query_parameter& given, list_request& into) {
  if (const auto key = metadata_name(given.name)) {
    if (const auto why = breaks(metadata_key_rule(), *key))
      return api_error{error_code::parameter_invalid, "The key in metadata[…] " + *why + ".", "metadata"};
    if (const auto why = breaks(metadata_value_rule(), given.value)) return invalid(given.name, *why + ".");
    if (into.query.label_key) return invalid(given.name, "is a second metadata filter: one at a time is possible.");
    into.query.label_key = *key;
    into.query.label_value = given.value;
    return std::nullopt;
  }
  const auto found =
      std::find_if(filters.begin(), filters.end(), [&](const filter& f) { return f.name == given.name; });
  if (found != filters.end()) return found->read(given, into);

  std::string known;
  for (const auto& f : filters) known.append(f.name).append(", ");
  return api_error{
      error_code::parameter_unknown,
      "There is no query parameter '" + shown_name(given.name) + "' here. Known are " + known + "metadata[<key>].",
      shown_name(given.name)};
}

}  // namespace

result<std::vector<query_parameter>> parse_query(std::string_view text) {
  std::vector<query_parameter> parameters;
  maybe_error wrong;
  split(text, '&', [&](std::string_view pair) {
    if (pair.empty()) return true;
    const auto equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(equals == pair.npos ? std::string_view{} : pair.substr(equals + 1), true);
    if (!name || !value)
      wrong =
          api_error{error_code::parameter_invalid, "The query string has a '%' without two hexadecimal digits.", {}};
    else if (!valid_utf8(*name) || !valid_utf8(*value))
      wrong = api_error{error_code::utf8_invalid, "The query string is not valid UTF-8.", {}};
    else if (const auto in_name = secret_in(*name))
      wrong = api_error{*in_name, {}, {}};
    else if (const auto in_value = secret_in(*value))
      wrong = api_error{*in_value, {}, {}};
    else if (std::any_of(parameters.begin(), parameters.end(), [&](const auto& other) { return other.name == *name; }))
      wrong =
          api_error{error_code::parameter_invalid, "'" + shown_name(*name) + "' is given twice.", shown_name(*name)};
    else if (parameters.size() == query_parameters_max)
      wrong = api_error{error_code::parameter_invalid,
                        "The query string has more than " + std::to_string(query_parameters_max) + " parameters.",
                        {}};
    else
      parameters.push_back({*std::move(name), *std::move(value)});
    return !wrong;
  });
  if (!wrong) return parameters;
  if (const auto secret = secret_in(text)) return api_error{*secret, {}, {}};  // past the mistake, too
  return *std::move(wrong);
}

result<list_request> read_list(const std::vector<query_parameter>& parameters) {
  list_request read;
  read.query.limit = list_limit_default;
  for (const auto& given : parameters)
    if (auto wrong = read_one(given, read)) return *std::move(wrong);
  if (read.idempotency_key && parameters.size() > 1)
    return invalid("idempotency_key", "stands alone: it names one payment, other filters are not taken with it.");
  return read;
}

}  // namespace novapay::gateway
