// authenticate: whose request it is, by its Authorization header.
#pragma once

#include "actors/credentials.hpp"
#include "gateway/errors.hpp"
#include "runtime/http.hpp"

namespace novapay::gateway {

// Error: authentication_failed, with a message of its own for a missing, a malformed and an unknown key.
result<principal> authenticate(const runtime::http_request& request, const credentials& known);

}  // namespace novapay::gateway
