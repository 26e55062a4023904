// media: what Accept and Content-Type say (RFC 9110, 12.5.1 and 8.3).
#pragma once

#include <string_view>

#include "runtime/http.hpp"

namespace novapay::gateway {

// May `type` ("application/json") be answered? True without an Accept field; the most specific range decides.
bool accepts(const runtime::http_request& request, std::string_view type);

// "application/json", with charset=utf-8 or without a parameter.
bool is_json(std::string_view content_type);

}  // namespace novapay::gateway
