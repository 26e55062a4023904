#include "adapters/stripe/webhooks.hpp"

#include "adapters/stripe/events.hpp"
#include "adapters/stripe/signature.hpp"

namespace novapay::stripe {

webhooks::webhooks(settings how, runtime::log& log, runtime::metrics& registry)
    : how_(std::move(how)),
      log_(log),
      odd_values_(registry.count("novapay_processor_unknown_values_total",
                                 "Values a processor sent that NovaPay does not know", {{"processor", how_.name}})) {}

webhook_verdict webhooks::verify(const runtime::http_fields& fields, std::string_view body,
                                 domain::timestamp now) const {
  std::string_view header;
  for (const auto& [name, value] : fields) {
    if (name != "stripe-signature") continue;
    if (!header.empty()) return {false, "malformed"};  // Stripe sends one
    header = value;
  }
  return check_signature(header, body, how_.webhook_secrets, now, how_.webhook_tolerance);
}

std::optional<std::vector<webhook_item>> webhooks::read(std::string_view body) const {
  const auto event = read_event(body);
  if (!event) return std::nullopt;
  remarks odd;
  auto items = items_of(*event, how_.name, how_.live, odd);
  for (const auto& each : odd) {
    odd_values_.add();
    log_.write(runtime::log_level::warning, "stripe sent a value that is not known here",
               {{"processor", std::string_view{how_.name}},
                {"event", std::string_view{event->id}},
                {"value", std::string_view{each}}});
  }
  return items;
}

runtime::http_response webhooks::acknowledgement() const {
  return {200, {{"content-type", "application/json"}}, R"({"received":true})"};
}

}  // namespace novapay::stripe
