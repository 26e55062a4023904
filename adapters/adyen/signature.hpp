// signature: is a notification from Adyen? HMAC-SHA256, keyed with the bytes of a hex key, in base64; over eight fields of each item, or
// over the whole body (webhooks of the newer kind).
//
//   pspReference:originalReference:merchantAccountCode:merchantReference:amount.value:amount.currency:eventCode:success
//
// Nothing is escaped, so the same text could be cut into fields elsewhere. It cannot if none but merchantReference has a colon: an item of
// which another has one is not believed.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "adapters/adyen/objects.hpp"

namespace novapay::adyen {

std::string signed_text(const notification_item& item);

// Base64; empty: the key is no hex. Exceptions: std::runtime_error if OpenSSL has no HMAC.
std::string signature_of(std::string_view hex_key, std::string_view text);

// Any of our keys will do: both sides replace theirs. In constant time; what is no base64 of 32 bytes is a mismatch like any other.
bool matches(std::string_view signature, std::string_view text, std::span<const std::string> hex_keys);
bool genuine(const notification_item& item, std::span<const std::string> hex_keys);

// Without looking at how far two texts agree.
bool same_text(std::string_view a, std::string_view b) noexcept;

}  // namespace novapay::adyen
