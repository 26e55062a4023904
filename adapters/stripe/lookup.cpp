#include "adapters/stripe/lookup.hpp"

#include "adapters/stripe/reads.hpp"

namespace novapay::stripe {

void intent_lookup::find(std::string reference, std::function<void(answer)> done) {
  if (reference.empty()) return done({true, {}});
  read(client_, how_, read_intent_request(reference), [done = std::move(done)](read_result got) {
    if (const auto* failed = std::get_if<statement_failure>(&got)) return done({!failed->retryable, {}});
    const auto intent = read_intent(std::get<std::string>(got));
    if (!intent) return done({false, {}});
    done({true, payment_in(intent->fields)});
  });
}

}  // namespace novapay::stripe
