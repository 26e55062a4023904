// statement: Stripe's books for reconciliation, from its lists of PaymentIntents and of refunds, newest first.
#pragma once

#include <chrono>

#include "actors/statement.hpp"
#include "adapters/stripe/objects.hpp"
#include "adapters/stripe/settings.hpp"
#include "runtime/http_client.hpp"

namespace novapay::stripe {

// Lists show what was done at once; a minute is left for calls that are under way.
inline constexpr statement_traits list_traits{true, true, false, std::chrono::minutes{1}};

class statement final : public processor_statement {
 public:
  // `client` outlives this and every fetch under way.
  statement(settings how, runtime::http_client& client) : how_(std::move(how)), client_(client) {}
  void fetch(domain::timestamp from, domain::timestamp to, std::string at,
             std::function<void(statement_result)> done) override;

 private:
  const settings how_;
  runtime::http_client& client_;
};

// Authorization, its captures one by one where they are recorded so, and its cancel.
std::vector<statement_line> lines_of(const intent_object& intent);
statement_line line_of(const refund_object& refund);

}  // namespace novapay::stripe
