// declines: Stripe's reasons in NovaPay's words. Tables, reviewed against Stripe's lists: declines.cpp.
#pragma once

#include <string>
#include <vector>

#include "adapters/stripe/objects.hpp"

namespace novapay::stripe {

// Values that Stripe sent and nobody here knows: "decline_code=brand_new". For the log and a counter; never fatal.
using remarks = std::vector<std::string>;
void remark(remarks& to, std::string_view what, std::string_view value);  // bounded in length

domain::failure failure_of(const error_object& error, remarks& odd);
domain::failure refund_failure(std::string_view status, std::string_view reason);

}  // namespace novapay::stripe
