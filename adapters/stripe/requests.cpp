#include "adapters/stripe/requests.hpp"

#include <algorithm>

#include "adapters/stripe/form.hpp"

namespace novapay::stripe {
namespace {

void name_operation(form& fields, const processor_call& call) {
  fields.text("metadata[novapay_payment]", call.payment);
  fields.text("metadata[novapay_operation]", operation_text({call.operation, call.number}));
}

request post(std::string path, const form& fields, const processor_call& call) {
  return {true, std::move(path), fields.encoded(), call.idempotency_key};
}

request get(std::string path, const form& fields) { return {false, std::move(path), fields.encoded(), {}}; }

std::string intent_path(std::string_view id, std::string_view then = {}) {
  return "/v1/payment_intents/" + percent_encoded(id) + std::string(then);
}

std::int64_t whole_seconds(timestamp at) {
  return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
}

form page_after(std::string_view after) {
  form fields;
  fields.number("limit", rows_max);
  fields.text_unless_empty("starting_after", after);
  return fields;
}

form created_in(timestamp from, timestamp to, std::string_view after) {
  auto fields = page_after(after);
  fields.number("created[gte]", whole_seconds(from));
  fields.number("created[lt]", whole_seconds(to));
  return fields;
}

}  // namespace

// Without a place to return to, what would need the customer fails at once instead of waiting for nobody.
request authorize_request(const processor_call& call, std::int64_t amount, bool multicapture) {
  form fields;
  fields.number("amount", amount);
  fields.text("currency", domain::info_of(call.amount.code).name);
  fields.text("payment_method", call.token);
  fields.flag("confirm", true);
  fields.text("capture_method", "manual");
  fields.flag("automatic_payment_methods[enabled]", true);
  if (call.return_url.empty()) {
    fields.text("automatic_payment_methods[allow_redirects]", "never");
    fields.flag("error_on_requires_action", true);
  } else {
    fields.text("automatic_payment_methods[allow_redirects]", "always");
    fields.text("return_url", call.return_url);
  }
  if (multicapture) fields.text("payment_method_options[card][request_multicapture]", "if_available");
  name_operation(fields, call);
  fields.text_unless_empty("description", call.description);
  fields.text_unless_empty("statement_descriptor_suffix", descriptor_suffix(call.statement_descriptor));
  fields.text("expand[0]", "latest_charge");
  return post("/v1/payment_intents", fields, call);
}

request capture_request(const processor_call& call, std::int64_t amount, bool final) {
  form fields;
  fields.number("amount_to_capture", amount);
  fields.flag("final_capture", final);
  name_operation(fields, call);
  if (call.number <= recorded_captures_max) fields.number("metadata[" + capture_field(call.number) + "]", amount);
  return post(intent_path(call.processor_reference, "/capture"), fields, call);
}

request refund_request(const processor_call& call, std::int64_t amount) {
  form fields;
  fields.text("payment_intent", call.processor_reference);
  fields.number("amount", amount);
  name_operation(fields, call);
  return post("/v1/refunds", fields, call);
}

request cancel_request(const processor_call& call) {
  return post(intent_path(call.processor_reference, "/cancel"), form{}, call);
}

request read_intent_request(std::string_view id) {
  return get(intent_path(id), form{}.text("expand[0]", "latest_charge"));
}

request read_refund_request(std::string_view id) { return get("/v1/refunds/" + percent_encoded(id), form{}); }

request intent_refunds_request(std::string_view intent, std::string_view after) {
  return get("/v1/refunds", page_after(after).text("payment_intent", intent));
}

request intents_request(timestamp from, timestamp to, bool with_charges, std::string_view after) {
  auto fields = created_in(from, to, after);
  if (with_charges) fields.text("expand[0]", "data.latest_charge");
  return get("/v1/payment_intents", fields);
}

request refunds_request(timestamp from, timestamp to, std::string_view after) {
  return get("/v1/refunds", created_in(from, to, after));
}

request payout_rows_request(std::string_view payout, std::string_view after) {
  return get("/v1/balance_transactions", page_after(after).text("payout", payout).text("expand[0]", "data.source"));
}

runtime::outgoing_call to_call(const request& asked, const settings& how, milliseconds timeout) {
  runtime::outgoing_call out;
  out.method = asked.post ? "POST" : "GET";
  out.url = how.base_url + asked.path;
  out.fields = {{"authorization", "Bearer " + how.secret_key}, {"stripe-version", how.api_version}};
  if (asked.post) {
    out.fields.emplace_back("content-type", "application/x-www-form-urlencoded");
    out.fields.emplace_back("idempotency-key", asked.idempotency_key);
    out.body = asked.form;
  } else if (!asked.form.empty()) {
    out.url += "?" + asked.form;
  }
  out.pool = how.name;
  out.connect_timeout = std::min(how.connect_timeout, timeout);
  out.total_timeout = timeout;
  return out;
}

std::string descriptor_suffix(std::string_view wanted) {
  constexpr std::size_t length_max = 22;
  constexpr std::string_view forbidden = "<>\\'\"*";
  std::string kept;
  bool letter = false;
  for (const char c : wanted) {
    if (c < ' ' || c > '~' || forbidden.find(c) != std::string_view::npos) continue;
    if (kept.size() == length_max) break;
    kept.push_back(c);
    letter = letter || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
  while (kept.ends_with(' ')) kept.pop_back();
  return letter ? kept : std::string{};
}

}  // namespace novapay::stripe
