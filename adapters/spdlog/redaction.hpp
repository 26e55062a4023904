// redaction: the second line of defence of the log. Nobody should log an API key, a payment method's token or a card
// number; if somebody does, it does not get out.
#pragma once

#include <string>

namespace novapay::adapters {

// Replaced by "[redacted]": API keys (np_test_sk_…, np_live_sk_…), payment method tokens (tok_…), and what passes as a
// card number. A key or token reaches as far as letters, digits, '_' and '-' do. Pure.
std::string redacted(std::string text);

}  // namespace novapay::adapters
