// json_text: appends values as JSON. Own code, because a log line must come out whatever it is fed.
#pragma once

#include <string>
#include <string_view>

namespace novapay::adapters {

// Quoted and escaped. Bytes that are not UTF-8 (RFC 3629: no surrogates, no overlong forms) become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// null, for what JSON has no number for.
void append_json_number(std::string& out, double value);

}  // namespace novapay::adapters
