#include "adapters/stripe/names.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace novapay::stripe {
namespace {

using domain::operation_kind;

constexpr std::array<std::pair<operation_kind, std::string_view>, 5> kinds{{{operation_kind::authorize, "authorize"},
                                                                            {operation_kind::confirm, "confirm"},
                                                                            {operation_kind::capture, "capture"},
                                                                            {operation_kind::refund, "refund"},
                                                                            {operation_kind::cancel, "cancel"}}};

bool is_payment(std::string_view id) { return id.starts_with("pay_") && id.size() > 4 && id.size() <= 100; }

}  // namespace

std::string capture_field(std::uint32_t number) { return "novapay_capture_" + std::to_string(number); }

std::string operation_text(domain::operation_id which) {
  for (const auto& [kind, name] : kinds)
    if (kind == which.kind) return std::string(name) + ":" + std::to_string(which.number);
  return {};
}

std::optional<domain::operation_id> parse_operation(std::string_view text) {
  const auto colon = text.find(':');
  const auto digits = colon == std::string_view::npos ? std::string_view{"1"} : text.substr(colon + 1);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size() || number == 0) return std::nullopt;
  for (const auto& [kind, name] : kinds)
    if (name == text.substr(0, colon)) return domain::operation_id{kind, number};
  return std::nullopt;
}

std::optional<operation_name> parse_key(std::string_view idempotency_key) {
  const auto colon = idempotency_key.find(':');
  if (colon == std::string_view::npos || !is_payment(idempotency_key.substr(0, colon))) return std::nullopt;
  const auto operation = parse_operation(idempotency_key.substr(colon + 1));
  if (!operation) return std::nullopt;
  return operation_name{std::string(idempotency_key.substr(0, colon)), *operation};
}

std::string payment_in(const metadata& fields) {
  const auto found = fields.find(payment_field);
  return found != fields.end() && is_payment(found->second) ? found->second : std::string{};
}

std::optional<domain::operation_id> operation_in(const metadata& fields) {
  const auto found = fields.find(operation_field);
  return found == fields.end() ? std::nullopt : parse_operation(found->second);
}

}  // namespace novapay::stripe
