#include "adapters/adyen/amounts.hpp"

#include <algorithm>
#include <array>

namespace novapay::adyen {
namespace {

struct exponent_row {
  std::string_view currency;
  std::uint8_t exponent;
};

// Where Adyen's digits are not simply ISO's two.
constexpr auto exponents = std::to_array<exponent_row>({
    // clang-format off
    {"cve", 0}, {"idr", 0},  // ISO says two
    {"clp", 2}, {"isk", 2},  // ISO says none
    {"djf", 0}, {"gnf", 0}, {"jpy", 0}, {"kmf", 0}, {"krw", 0}, {"pyg", 0}, {"rwf", 0}, {"ugx", 0}, {"vnd", 0},
    {"vuv", 0}, {"xaf", 0}, {"xof", 0}, {"xpf", 0},
    {"bhd", 3}, {"iqd", 3}, {"jod", 3}, {"kwd", 3}, {"lyd", 3}, {"omr", 3}, {"tnd", 3},
    // clang-format on
});

constexpr std::array<std::int64_t, 10> powers{1,       10,        100,        1'000,       10'000,
                                              100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

// A currency that is not listed and has not two digits is refused: a guess would be wrong by a factor of a hundred.
std::optional<unsigned> exponent_of(const domain::currency_info& info) {
  const auto found =
      std::find_if(exponents.begin(), exponents.end(), [&](const auto& row) { return row.currency == info.name; });
  if (found != exponents.end()) return found->exponent;
  if (info.exponent != 2) return std::nullopt;
  return 2;
}

std::optional<std::int64_t> rescaled(std::int64_t amount, unsigned from, unsigned to) {
  if (to >= from) {
    std::int64_t scaled = 0;
    if (__builtin_mul_overflow(amount, powers.at(to - from), &scaled)) return std::nullopt;
    return scaled;
  }
  const auto unit = powers.at(from - to);
  if (amount % unit != 0) return std::nullopt;
  return amount / unit;
}

const domain::currency_info* find_currency(std::string_view upper_case) {
  if (upper_case.size() != 3) return nullptr;
  std::string name(upper_case);
  for (auto& c : name) {
    if (c < 'A' || c > 'Z') return nullptr;
    c = static_cast<char>(c - 'A' + 'a');
  }
  const auto code = domain::parse_currency(name);
  return code ? &domain::info_of(*code) : nullptr;
}

}  // namespace

std::optional<wire_amount> to_adyen(domain::money amount) {
  const auto& info = domain::info_of(amount.code);
  const auto exponent = exponent_of(info);
  if (!exponent) return std::nullopt;
  const auto scaled = rescaled(amount.minor, info.exponent, *exponent);
  if (!scaled) return std::nullopt;
  wire_amount out{*scaled, std::string(info.name)};
  for (auto& c : out.currency) c = static_cast<char>(c - 'a' + 'A');
  return out;
}

std::optional<domain::money> from_adyen(std::int64_t value, std::string_view currency) {
  const auto* info = find_currency(currency);
  const auto exponent = info != nullptr ? exponent_of(*info) : std::nullopt;
  if (!exponent) return std::nullopt;
  const auto scaled = rescaled(value, *exponent, info->exponent);
  if (!scaled) return std::nullopt;
  return domain::money{*scaled, info->code};
}

std::optional<domain::money> from_major(std::string_view text, std::string_view currency) {
  const auto* info = find_currency(currency);
  if (info == nullptr) return std::nullopt;
  if (text.empty()) return domain::money{0, info->code};
  const bool negative = text.front() == '-';
  if (negative) text.remove_prefix(1);
  const auto point = text.find('.');
  const auto fraction = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  const auto whole = text.substr(0, point);
  if (whole.empty() || fraction.size() >= powers.size() || (point != std::string_view::npos && fraction.empty()))
    return std::nullopt;
  std::int64_t digits = 0;
  for (const auto part : {whole, fraction})
    for (const char c : part) {
      if (c < '0' || c > '9') return std::nullopt;
      if (__builtin_mul_overflow(digits, 10, &digits) || __builtin_add_overflow(digits, c - '0', &digits))
        return std::nullopt;
    }
  const auto scaled = rescaled(digits, static_cast<unsigned>(fraction.size()), info->exponent);
  if (!scaled) return std::nullopt;
  return domain::money{negative ? -*scaled : *scaled, info->code};
}

}  // namespace novapay::adyen
