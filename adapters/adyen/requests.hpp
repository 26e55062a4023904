// requests: what is asked of Adyen, as values. The same call gives the same bytes, whenever and wherever it is made: that is what its
// idempotency key stands for.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "actors/processor.hpp"
#include "adapters/adyen/settings.hpp"
#include "runtime/http_client.hpp"

namespace novapay::adyen {

struct request {
  std::string path;  // "/payments"; below base_url, which has the version
  std::string body;  // JSON
  std::string idempotency_key;
};

// The call's request, or why there is none: then nothing is sent.
std::variant<request, domain::outcome> request_for(const processor_call& call, const settings& how);

// What is sent for it. The API key is in its fields: never log them.
runtime::outgoing_call to_call(const request& asked, const settings& how);
// A report, with the report user's credentials. `url` has been checked (report_url.hpp).
runtime::outgoing_call download_call(const std::string& url, const settings& how);

// At most 22 characters of those that Adyen allows: what is left of what the merchant wants on the statement.
std::string shopper_statement(std::string_view wanted);

}  // namespace novapay::adyen
