// lookup: the payment behind a PaymentIntent, from its metadata.
#pragma once

#include "actors/webhooks.hpp"
#include "adapters/stripe/settings.hpp"
#include "runtime/http_client.hpp"

namespace novapay::stripe {

class intent_lookup final : public payment_lookup {
 public:
  // `client` outlives this and every look-up under way.
  intent_lookup(settings how, runtime::http_client& client) : how_(std::move(how)), client_(client) {}
  void find(std::string reference, std::function<void(answer)> done) override;

 private:
  const settings how_;
  runtime::http_client& client_;
};

}  // namespace novapay::stripe
