// signature: is a delivery from Stripe? Header "Stripe-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>…]"; the signature is HMAC-SHA256 over
// "<t>.<raw body>", keyed with the endpoint's secret as text ("whsec_…"). Any v1 by any of our secrets will do: both sides roll theirs.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "actors/webhooks.hpp"
#include "adapters/stripe/settings.hpp"

namespace novapay::stripe {

// Lower-case hex. Exceptions: std::runtime_error if OpenSSL has no HMAC.
std::string signature_of(std::string_view secret, std::string_view timestamp, std::string_view body);

// Compares in constant time. `header` empty: there was none. A few KiB of header at most are looked at.
webhook_verdict check_signature(std::string_view header, std::string_view body, std::span<const std::string> secrets,
                                domain::timestamp now, milliseconds tolerance);

}  // namespace novapay::stripe
