// refusals: Adyen's reasons in NovaPay's words. Tables, reviewed against Adyen's lists: refusals.cpp.
#pragma once

#include <optional>
#include <string_view>

#include "adapters/adyen/names.hpp"
#include "adapters/adyen/objects.hpp"

namespace novapay::adyen {

// Of an answer that says no: Refused, Error, Cancelled.
domain::failure refusal_of(const payment_answer& answer, remarks& odd);
// Of a notification that says no to an authorization; it has no code, but the reason of the code as text. `advice`: merchantAdviceCode.
domain::failure refusal_of(std::string_view reason, std::string_view advice, remarks& odd);
// Of a request that Adyen did not accept: errorCode.
domain::failure request_failure(int status, std::string_view error_code, remarks& odd);
// Of a capture, refund or cancel that Adyen had taken.
domain::failure modification_failure(domain::operation_kind kind, std::string_view reason);

// Whether the tables know a code.
bool knows_refusal(std::string_view code) noexcept;
bool knows_error(std::string_view code) noexcept;
std::optional<domain::advice> advice_of(
    std::string_view merchant_advice_code) noexcept;  // "03", "03 : Do not try again"

}  // namespace novapay::adyen
