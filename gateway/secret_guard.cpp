#include "gateway/secret_guard.hpp"

#include "actors/api_key.hpp"
#include "actors/domain/card_number.hpp"
#include "actors/payments.hpp"
#include "gateway/text.hpp"

namespace novapay::gateway {

std::optional<error_code> secret_in(std::string_view text) {
  if (contains_api_key(text)) return error_code::api_key_not_allowed;
  if (domain::contains_card_number(text) && !parse_payment_id(text)) return error_code::card_number_not_allowed;
  return std::nullopt;
}

std::optional<error_code> secret_in_path(std::string_view path) {
  std::optional<error_code> found;
  split(path, '/', [&](std::string_view segment) {
    found = secret_in(segment);
    if (!found && segment.find('%') != std::string_view::npos)
      if (const auto decoded = percent_decode(segment, false)) found = secret_in(*decoded);
    return !found;
  });
  return found;
}

}  // namespace novapay::gateway
