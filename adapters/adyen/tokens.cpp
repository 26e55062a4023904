#include "adapters/adyen/tokens.hpp"

#include <algorithm>
#include <array>

namespace novapay::adyen {
namespace {

constexpr std::size_t stored_id_length_max = 64;
constexpr std::size_t shopper_length_min = 3;
constexpr std::size_t shopper_length_max = 256;
constexpr std::size_t holder_length_max = 200;

struct card_row {
  std::string_view name;
  std::string_view number;
};
constexpr auto cards = std::to_array<card_row>({{"visa", "4111111111111111"},
                                                {"mastercard", "5555444433331111"},
                                                {"amex", "370000000000002"},
                                                {"3ds", "4917610000000000"}});

std::optional<method> read_test_card(std::string_view text) {
  const auto colon = text.find(':');
  auto number = text.substr(0, colon);
  const auto holder = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  for (const auto& row : cards)
    if (row.name == number) number = row.number;
  const bool digits = std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || number.size() < 12 || number.size() > 19 || holder.size() > holder_length_max) return std::nullopt;
  const bool amex = number.starts_with("34") || number.starts_with("37");
  return test_card{std::string(number), amex ? "7373" : "737", std::string(holder)};
}

}  // namespace

std::optional<method> read_token(std::string_view token, std::string_view customer, bool live) {
  constexpr std::string_view test_prefix = "test_";
  if (token.starts_with(test_prefix)) {
    if (live) return std::nullopt;
    return read_test_card(token.substr(test_prefix.size()));
  }
  const auto at = token.find('@');
  const auto id = token.substr(0, at);
  const auto shopper = at == std::string_view::npos ? customer : token.substr(at + 1);
  if (id.empty() || id.size() > stored_id_length_max) return std::nullopt;
  if (shopper.size() < shopper_length_min || shopper.size() > shopper_length_max) return std::nullopt;
  return stored_method{std::string(id), std::string(shopper)};
}

}  // namespace novapay::adyen
