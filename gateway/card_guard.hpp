// card_guard: what of a request could carry a card number. What looks like one is for the domain to say.
#pragma once

#include <string_view>

namespace novapay::gateway {

// False for one of our payment ids: they are random, and some would pass for a card number by chance.
bool carries_card_number(std::string_view text);

// The path, segment by segment, as sent and percent-decoded.
bool path_carries_card_number(std::string_view path);

}  // namespace novapay::gateway
