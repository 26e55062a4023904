#include "adapters/stripe/reads.hpp"

namespace novapay::stripe {

read_result result_of(const runtime::call_result& reply) {
  if (reply.fate != runtime::call_fate::answered) return statement_failure{true, reason_of(reply)};
  const auto& answer = reply.response;
  if (answer.status >= 200 && answer.status <= 299) return answer.body;
  const auto error = read_error(answer.body);
  const auto& rule = rule_for(answer.status, error ? &*error : nullptr);
  // Reading again does no harm; only what Stripe understood and refused stays refused. Keys get mended.
  const bool refused = error && rule.means == error_means::declined;
  return statement_failure{!refused, std::string(rule.reason)};
}

void read(runtime::http_client& client, const settings& how, const request& what,
          std::function<void(read_result)> done) {
  client.send(to_call(what, how, how.request_timeout),
              [done = std::move(done)](runtime::call_result reply) { done(result_of(reply)); });
}

}  // namespace novapay::stripe
