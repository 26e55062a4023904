// webhooks: Adyen's deliveries behind the port. The signatures stand inside the body, so it is parsed before it is believed: into plain
// values that nothing is done with until every item has been found genuine.
#pragma once

#include "actors/webhooks.hpp"
#include "adapters/adyen/settings.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

namespace novapay::adyen {

class webhooks final : public webhook_format {
 public:
  // `log` and `registry` outlive this: they are told of values that are not known here.
  webhooks(settings how, runtime::log& log, runtime::metrics& registry);

  // Also "credentials_mismatch", where Basic authentication is asked for. One forged item condemns its batch.
  webhook_verdict verify(const runtime::http_fields& fields, std::string_view body,
                         domain::timestamp now) const override;
  std::optional<std::vector<webhook_item>> read(std::string_view body) const override;
  runtime::http_response acknowledgement() const override;

 private:
  const settings how_;
  runtime::log& log_;
  runtime::counter& odd_values_;
};

}  // namespace novapay::adyen
