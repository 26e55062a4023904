// money: an exact amount in one currency.
//
// Unit: `minor` counts the currency's smallest unit (USD 1.00 = 100, JPY 1 = 1, BHD 1.000 = 1000, CLF 1.0000 = 10000).
// Integers because processors settle in integers: half a cent of float error is a reconciliation break
// three days later, found by a person.
//
// Source of the list: ISO 4217 (list one, active codes, with the numeric codes and the number of digits).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace novapay::domain {

// The value is the ISO 4217 numeric code: 840 is USD. Every value in use comes from currencies().
enum class currency : std::uint16_t {};

struct currency_info {
  currency code{};
  std::string_view name;      // "usd": lower case, as our API writes it
  std::uint8_t exponent = 0;  // digits after the point: 0, 2, 3 or 4
};

// The whole list, ordered by name. Codes that are no money (XAU, XTS, XXX …) are not in it.
std::span<const currency_info> currencies() noexcept;

std::optional<currency> parse_currency(std::string_view lower_case_name) noexcept;  // "usd", never "USD"
std::optional<currency> currency_of(std::uint32_t iso_number) noexcept;             // 840; nullopt: not in the list
const currency_info& info_of(currency code) noexcept;                               // asserts that it is in the list

struct money {
  std::int64_t minor = 0;
  currency code{};
  friend constexpr bool operator==(money, money) noexcept = default;
};

// Two currencies in one sum is a bug in the caller (asserted); nullopt is an overflow, which input can cause.
std::optional<money> add(money a, money b) noexcept;
std::optional<money> subtract(money a, money b) noexcept;

// "10.99 usd", "5 jpy", "-0.005 bhd": for logs and people. Exact for every value of int64.
std::string to_text(money amount);

}  // namespace novapay::domain
