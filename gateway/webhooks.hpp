// webhooks: what processors send, handed over as it came. Internal.
#pragma once

#include <cstddef>

#include "gateway/exchange.hpp"

namespace novapay::gateway {

// What one may bring; the listener's own bound may be lower. Processors send a few KiB.
inline constexpr std::size_t webhook_body_bytes_max = std::size_t{256} * 1024;

// POST /webhooks/{name}. Reads nothing of the body: whether it is authentic is decided by its raw bytes.
void serve_webhook(const exchange_ptr& x);

}  // namespace novapay::gateway
