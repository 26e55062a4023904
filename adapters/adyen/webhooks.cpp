#include "adapters/adyen/webhooks.hpp"

#include "adapters/adyen/encoding.hpp"
#include "adapters/adyen/events.hpp"
#include "adapters/adyen/objects.hpp"
#include "adapters/adyen/signature.hpp"

namespace novapay::adyen {
namespace {

// nullopt: there is none, or more than one.
std::optional<std::string_view> only_field(const runtime::http_fields& fields, std::string_view name) {
  std::optional<std::string_view> found;
  for (const auto& [key, value] : fields) {
    if (key != name) continue;
    if (found) return std::nullopt;
    found = value;
  }
  return found;
}

bool given(const runtime::http_fields& fields, std::string_view name) {
  for (const auto& field : fields)
    if (field.first == name) return true;
  return false;
}

webhook_verdict verify_whole(const runtime::http_fields& fields, std::string_view body, const settings& how) {
  const auto signature = only_field(fields, "hmacsignature");
  if (!signature) return {false, "malformed"};
  const auto algorithm = only_field(fields, "protocol");
  if (given(fields, "protocol") && algorithm != "HmacSHA256") return {false, "malformed"};
  if (!matches(*signature, body, how.hmac_keys)) return {false, "signature_mismatch"};
  return {true, {}};
}

// A webhook of the newer kind has no identity of its own: the same text is the same event.
std::string identity_of(const std::string& type, std::string_view body) {
  return type + "/" + signature_of("00", body);
}

}  // namespace

webhooks::webhooks(settings how, runtime::log& log, runtime::metrics& registry)
    : how_(std::move(how)),
      log_(log),
      odd_values_(registry.count("novapay_processor_unknown_values_total",
                                 "Values a processor sent that NovaPay does not know", {{"processor", how_.name}})) {}

webhook_verdict webhooks::verify(const runtime::http_fields& fields, std::string_view body, domain::timestamp) const {
  if (!how_.webhook_user.empty()) {
    const auto expected = "Basic " + base64(how_.webhook_user + ":" + how_.webhook_password);
    const auto credentials = only_field(fields, "authorization");
    if (!credentials || !same_text(*credentials, expected)) return {false, "credentials_mismatch"};
  }
  if (given(fields, "hmacsignature")) return verify_whole(fields, body, how_);

  const auto parsed = read_notification(body);
  if (!parsed) return {false, "malformed"};
  bool unsigned_item = false;
  bool all_genuine = true;
  for (const auto& item : parsed->items) {
    unsigned_item = unsigned_item || item.signature.empty();
    all_genuine = genuine(item, how_.hmac_keys) && all_genuine;
  }
  if (unsigned_item) return {false, "signature_missing"};
  if (!all_genuine) return {false, "signature_mismatch"};
  return {true, {}};
}

std::optional<std::vector<webhook_item>> webhooks::read(std::string_view body) const {
  std::vector<webhook_item> items;
  const auto parsed = read_notification(body);
  if (!parsed) {
    const auto type = read_other_type(body);
    if (!type) return std::nullopt;
    webhook_item other;
    other.identity = identity_of(*type, body);
    other.type = *type;
    other.note = "not_of_interest";
    items.push_back(std::move(other));
    return items;
  }
  remarks odd;
  // "true" or "false" as text; anything else is of no mode, and not ours.
  const bool of_a_mode = parsed->live == "true" || parsed->live == "false";
  const bool live = of_a_mode ? parsed->live == "true" : !how_.live;
  for (const auto& each : parsed->items) items.push_back(item_of(each, how_, live, odd));
  for (const auto& each : odd) {
    odd_values_.add();
    log_.write(runtime::log_level::warning, "adyen sent a value that is not known here",
               {{"processor", std::string_view{how_.name}},
                {"event", std::string_view{items.front().identity}},
                {"value", std::string_view{each}}});
  }
  return items;
}

// Older integrations had to answer this very text; any 2xx is enough by now.
runtime::http_response webhooks::acknowledgement() const {
  return {200, {{"content-type", "text/plain"}}, "[accepted]"};
}

}  // namespace novapay::adyen
