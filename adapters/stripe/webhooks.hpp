// webhooks: Stripe's deliveries behind the port.
#pragma once

#include <functional>

#include "actors/webhooks.hpp"
#include "adapters/stripe/settings.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

namespace novapay::stripe {

class webhooks final : public webhook_format {
 public:
  // `log` and `registry` outlive this: they are told of values that are not known here.
  webhooks(settings how, runtime::log& log, runtime::metrics& registry);

  webhook_verdict verify(const runtime::http_fields& fields, std::string_view body,
                         domain::timestamp now) const override;
  std::optional<std::vector<webhook_item>> read(std::string_view body) const override;
  runtime::http_response acknowledgement() const override;

 private:
  const settings how_;
  runtime::log& log_;
  runtime::counter& odd_values_;
};

}  // namespace novapay::stripe
