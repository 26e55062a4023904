#include "actors/domain/money.hpp"

#include <cassert>

namespace novapay::domain {

std::optional<money> add(money a, money b) noexcept {
  assert(a.code == b.code);
  money sum{0, a.code};
  if (__builtin_add_overflow(a.minor, b.minor, &sum.minor)) return std::nullopt;
  return sum;
}

std::optional<money> subtract(money a, money b) noexcept {
  assert(a.code == b.code);
  money rest{0, a.code};
  if (__builtin_sub_overflow(a.minor, b.minor, &rest.minor)) return std::nullopt;
  return rest;
}

std::string to_text(money amount) {
  const auto& info = info_of(amount.code);
  // Negated as unsigned: the smallest int64 has no positive twin of its own type.
  const bool negative = amount.minor < 0;
  const auto bits = static_cast<std::uint64_t>(amount.minor);
  const auto magnitude = negative ? -bits : bits;

  std::string text = std::to_string(magnitude);
  if (info.exponent > 0) {
    if (text.size() <= info.exponent) text.insert(0, info.exponent + 1 - text.size(), '0');
    text.insert(text.size() - info.exponent, 1, '.');
  }
  if (negative) text.insert(0, 1, '-');
  text += ' ';
  text += info.name;
  return text;
}

}  // namespace novapay::domain
