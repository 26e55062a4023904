// request_id: the name of one request, in every answer, error and log line. The client may give its own.
#pragma once

#include <string>
#include <string_view>

#include "runtime/clock.hpp"
#include "runtime/random.hpp"

namespace novapay::gateway {

inline constexpr std::size_t request_id_max = 128;

// 1 to request_id_max of A-Z a-z 0-9 _ . : - and nothing that could be a card number, a key or a token: it is logged.
bool is_good_request_id(std::string_view sent);

std::string make_request_id(const runtime::clock& clock, runtime::random_source& random);  // "req_" + 26 characters

}  // namespace novapay::gateway
