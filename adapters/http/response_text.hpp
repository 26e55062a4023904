// response_text: a response as the bytes that go out.
#pragma once

#include <ctime>
#include <string>

#include "runtime/http.hpp"

namespace novapay::adapters::http {

struct response_terms {
  std::string_view date;     // as http_date writes it
  bool keep_alive = true;    // false: says "Connection: close"
  bool http_1_0 = false;     // an old client is told that the connection stays open
  bool head_only = false;    // the answer to HEAD: the length of the body, but no body
  bool retry_after = false;  // adds "Retry-After: 1" unless the response has one
};

// Appends status line, fields, Date, Content-Length, Connection and body. A control character in a field (which would
// let it forge another one) goes out as a space.
void append_response(std::string& out, const runtime::http_response& response, const response_terms& terms);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::string http_date(std::time_t seconds);

}  // namespace novapay::adapters::http
