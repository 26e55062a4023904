#include "adapters/adyen/names.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace novapay::adyen {
namespace {

using domain::operation_kind;

constexpr std::array<std::pair<operation_kind, std::string_view>, 5> kinds{{{operation_kind::authorize, "authorize"},
                                                                            {operation_kind::confirm, "confirm"},
                                                                            {operation_kind::capture, "capture"},
                                                                            {operation_kind::refund, "refund"},
                                                                            {operation_kind::cancel, "cancel"}}};

bool is_payment(std::string_view id) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return id.starts_with("pay_") && id.size() > 4 && id.size() <= reference_length_max &&
         std::all_of(id.begin(), id.end(), plain);
}

}  // namespace

std::string reference_of(std::string_view payment, domain::operation_id which) {
  for (const auto& [kind, name] : kinds)
    if (kind == which.kind) return std::string(payment) + ":" + std::string(name) + ":" + std::to_string(which.number);
  return std::string(payment);
}

std::optional<operation_name> parse_reference(std::string_view reference) {
  const auto first = reference.find(':');
  if (first == std::string_view::npos || !is_payment(reference.substr(0, first))) return std::nullopt;
  const auto rest = reference.substr(first + 1);
  const auto second = rest.find(':');
  if (second == std::string_view::npos) return std::nullopt;
  const auto digits = rest.substr(second + 1);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size() || number == 0 || digits.front() == '0')
    return std::nullopt;
  for (const auto& [kind, name] : kinds)
    if (name == rest.substr(0, second)) return operation_name{std::string(reference.substr(0, first)), {kind, number}};
  return std::nullopt;
}

std::string payment_in(std::string_view reference) {
  if (is_payment(reference)) return std::string(reference);
  const auto named = parse_reference(reference);
  return named ? named->payment : std::string{};
}

void remark(remarks& to, std::string_view what, std::string_view value) {
  constexpr std::size_t remarks_max = 20;
  if (to.size() < remarks_max) to.push_back(std::string(what) + "=" + std::string(value.substr(0, 100)));
}

}  // namespace novapay::adyen
