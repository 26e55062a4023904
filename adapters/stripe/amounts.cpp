#include "adapters/stripe/amounts.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace novapay::stripe {
namespace {

// Where Stripe's digits are not simply two. `step`: amounts are multiples of it.
struct exception_row {
  std::string_view currency;
  std::uint8_t exponent;
  std::int64_t step;
};

constexpr auto exceptions = std::to_array<exception_row>({
    // clang-format off
    {"bif", 0, 1}, {"clp", 0, 1}, {"djf", 0, 1}, {"gnf", 0, 1}, {"jpy", 0, 1}, {"kmf", 0, 1}, {"krw", 0, 1},
    {"mga", 0, 1},  // ISO says two
    {"pyg", 0, 1}, {"rwf", 0, 1}, {"vnd", 0, 1}, {"vuv", 0, 1}, {"xaf", 0, 1}, {"xof", 0, 1}, {"xpf", 0, 1},
    {"isk", 2, 100}, {"ugx", 2, 100},  // ISO says none: taken with two for compatibility, both zero
    {"bhd", 3, 10}, {"jod", 3, 10}, {"kwd", 3, 10}, {"omr", 3, 10}, {"tnd", 3, 10},
    // clang-format on
});

constexpr std::array<std::int64_t, 5> powers{1, 10, 100, 1'000, 10'000};

// nullptr: two digits, as ISO has it too.
const exception_row* find_exception(std::string_view currency) {
  const auto found = std::find_if(exceptions.begin(), exceptions.end(),
                                  [&](const exception_row& row) { return row.currency == currency; });
  return found == exceptions.end() ? nullptr : &*found;
}

std::optional<exception_row> rule_for(const domain::currency_info& info) {
  if (const auto* row = find_exception(info.name)) return *row;
  if (info.exponent != 2) return std::nullopt;  // LYD, CLF …: not Stripe's
  return exception_row{info.name, 2, 1};
}

std::optional<std::int64_t> rescaled(std::int64_t amount, unsigned from, unsigned to) {
  if (to >= from) {
    std::int64_t scaled = 0;
    if (__builtin_mul_overflow(amount, powers[to - from], &scaled)) return std::nullopt;
    return scaled;
  }
  const auto unit = powers[from - to];
  if (amount % unit != 0) return std::nullopt;
  return amount / unit;
}

}  // namespace

std::optional<std::int64_t> to_stripe(domain::money amount) {
  const auto& info = domain::info_of(amount.code);
  const auto rule = rule_for(info);
  if (!rule) return std::nullopt;
  const auto scaled = rescaled(amount.minor, info.exponent, rule->exponent);
  if (!scaled || *scaled % rule->step != 0) return std::nullopt;
  return scaled;
}

std::optional<domain::money> from_stripe(std::int64_t amount, std::string_view currency) {
  std::string name(currency);
  for (auto& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const auto code = domain::parse_currency(name);
  if (!code) return std::nullopt;
  const auto& info = domain::info_of(*code);
  const auto rule = rule_for(info);
  if (!rule) return std::nullopt;
  const auto scaled = rescaled(amount, rule->exponent, info.exponent);
  if (!scaled) return std::nullopt;
  return domain::money{*scaled, *code};
}

}  // namespace novapay::stripe
