#include "gateway/webhooks.hpp"

#include <algorithm>
#include <utility>

namespace novapay::gateway {
namespace {

// One sentence for who set the webhook up. Nothing in it tells a forger more than that.
std::string sentence_for(std::string_view reason) {
  if (reason == "signature_missing") return "This webhook has no signature.";
  if (reason == "signature_mismatch") return "This webhook's signature does not fit its body under any secret we know.";
  if (reason == "timestamp_too_old") return "This webhook's signature is too old.";
  if (reason == "timestamp_in_future") return "This webhook's signature is from the future: look at both clocks.";
  if (reason == "malformed") return "This webhook's signature cannot be read.";
  return {};
}

void answer(exchange& x, intake_answer given) {
  switch (given.verdict) {
    case intake_verdict::taken: {
      auto& with = given.acknowledgement;
      std::string type = "text/plain; charset=utf-8";
      std::erase_if(with.fields, [&](auto& field) {
        if (field.first != "content-type") return false;
        type = std::move(field.second);
        return true;
      });
      return x.answer_as(type, with.status, std::move(with.body), std::move(with.fields));
    }
    case intake_verdict::unknown_processor:
      return x.fail({error_code::route_unknown, "No processor of this name sends webhooks here.", {}});
    case intake_verdict::rejected: return x.fail({error_code::webhook_not_authentic, sentence_for(given.reason), {}});
    case intake_verdict::overloaded:
      return x.fail({error_code::overloaded, "Too many webhooks wait to be stored. Deliver this one again.", {}});
    case intake_verdict::unavailable: break;
  }
  x.fail({error_code::unavailable, "It is not certain that this webhook is stored. Deliver it again.", {}});
}

}  // namespace

void serve_webhook(const exchange_ptr& x) {
  if (x->request.body.size() > webhook_body_bytes_max) return x->fail({error_code::body_too_large, {}, {}});
  auto* intake = x->context.ports.webhooks;
  if (intake == nullptr) return answer(*x, {intake_verdict::unknown_processor, {}, {}});
  intake->take(x->matched.id, x->request.fields, std::move(x->request.body),
               [x](intake_answer given) { x->guarded([&] { answer(*x, std::move(given)); }); });
}

}  // namespace novapay::gateway
