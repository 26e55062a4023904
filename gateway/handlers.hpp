// handlers: what each route of payments does with a request that is known to be the caller's. Internal.
#pragma once

#include "gateway/exchange.hpp"

namespace novapay::gateway {

// `x->matched` is one of the payment routes, `x->who` is set. Answers now or later, once.
void serve_payments(const exchange_ptr& x);

}  // namespace novapay::gateway
