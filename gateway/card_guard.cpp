#include "gateway/card_guard.hpp"

#include "actors/domain/card_number.hpp"
#include "actors/payments.hpp"
#include "gateway/text.hpp"

namespace novapay::gateway {

bool carries_card_number(std::string_view text) {
  return domain::contains_card_number(text) && !parse_payment_id(text);
}

bool path_carries_card_number(std::string_view path) {
  bool found = false;
  split(path, '/', [&](std::string_view segment) {
    found = carries_card_number(segment);
    if (!found && segment.find('%') != std::string_view::npos)
      if (const auto decoded = percent_decode(segment, false)) found = carries_card_number(*decoded);
    return !found;
  });
  return found;
}

}  // namespace novapay::gateway
