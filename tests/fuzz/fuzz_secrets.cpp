// secrets: the search for card numbers, and the log's redaction. A card number is found in whatever digits, with whatever blanks
// and dashes between them; what the log writes is valid JSON without one.
#include <nlohmann/json.hpp>

#include "actors/domain/card_number.hpp"
#include "adapters/spdlog/json_log.hpp"
#include "adapters/spdlog/redaction.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace novapay;
using fuzz::must;

constexpr std::string_view cards[] = {"4242424242424242", "4222222222222",  "378282246310005",  "5555555555554444",
                                      "6011111111111117", "30569309025904", "3566002020360505", "6205500000000000004"};
constexpr std::string_view separators[] = {"", "", "", " ", "-", "\u00A0", "\u2013", "\u3000", "\u200B"};

std::string written(char digit, std::uint8_t how) {
  switch (how % 4) {
    case 1: return std::string{"\uFF10"}.replace(2, 1, 1, static_cast<char>('\x90' + (digit - '0')));
    case 2: return std::string{"\u0660"}.replace(1, 1, 1, static_cast<char>('\xA0' + (digit - '0')));
    default: return std::string{digit};
  }
}

void check_found(fuzz::choices& choose) {
  const auto card = cards[choose.byte() % std::size(cards)];
  std::string text = "card: ";
  for (std::size_t i = 0; i < card.size(); ++i) {
    const auto how = choose.byte();
    text += written(card[i], how);
    if (i + 1 < card.size()) text += separators[(how >> 2) % std::size(separators)];
  }
  must(domain::contains_card_number(text), "a card number is found however it is written");
  const auto clean = domain::redact_card_numbers(text + ", thank you");
  must(clean == "card: [redacted], thank you", "and taken out whole");
}

}  // namespace

FUZZ_TARGET(secrets) {
  for (std::size_t from = 0; const auto found = domain::find_card_number(input, from);) {
    must(found->at >= from && found->length >= 13 && found->at + found->length <= input.size(),
         "a find lies in the text");
    from = found->at + found->length;
  }
  const auto redacted = adapters::redacted(std::string{input});
  for (const auto* prefix : {"np_test_sk_", "np_live_sk_", "tok_"})
    must(redacted.find(prefix) == std::string::npos, "no key and no token is left");
  const auto line = adapters::json_log_line({}, runtime::log_level::info, input, {{"field", input}, {"n", 1.5}});
  must(nlohmann::json::accept(line), "a line of the log is JSON");
  must(line.find('\n') == std::string::npos, "and one line");

  fuzz::choices choose{input};
  check_found(choose);
}
