// secret_guard: what may stand nowhere in a request: a card number, because NovaPay never takes one, and an API key, because
// anywhere but in Authorization it would be stored, shown or logged. What looks like one is for the domain to say.
#pragma once

#include <optional>
#include <string_view>

#include "gateway/errors.hpp"

namespace novapay::gateway {

// card_number_not_allowed, api_key_not_allowed, or nullopt. One of our payment ids is neither: they are random, and some
// would pass for a card number by chance.
std::optional<error_code> secret_in(std::string_view text);

// The path, segment by segment, as sent and percent-decoded.
std::optional<error_code> secret_in_path(std::string_view path);

}  // namespace novapay::gateway
