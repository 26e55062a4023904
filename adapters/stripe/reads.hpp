// reads: single GETs, for what is fetched in the background (settlement, statements, look-ups). No retries here: who fetches decides.
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "actors/statement.hpp"
#include "adapters/stripe/answers.hpp"
#include "adapters/stripe/requests.hpp"

namespace novapay::stripe {

using read_result = std::variant<std::string, statement_failure>;  // the body of a 2xx
read_result result_of(const runtime::call_result& reply);

// `done` is called once, as http_client calls it.
void read(runtime::http_client& client, const settings& how, const request& what,
          std::function<void(read_result)> done);

}  // namespace novapay::stripe
