// What Stripe's tests share: calls, Stripe's objects as JSON, a client that answers by script.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "actors/processor.hpp"
#include "adapters/stripe/settings.hpp"
#include "runtime/http_client.hpp"
#include "tests/support/silent_ports.hpp"

namespace novapay::stripe::test {

using domain::operation_kind;
using nlohmann::json;
using runtime::call_fate;
namespace reported = domain::reported;
namespace told = domain::told;

inline constexpr const char* payment = "pay_06fc3v8m2s5k1d9q7w4x0a2b3c";
inline constexpr const char* secret = "sk_test_canary_51Hn";
inline constexpr domain::timestamp noon{std::chrono::milliseconds{1'800'000'000'000}};  // fake_clock's beginning

inline settings test_settings() {
  settings how;
  how.secret_key = secret;
  how.webhook_secrets = {"whsec_test_secret"};
  return how;
}

inline domain::currency currency(const char* name) { return *domain::parse_currency(name); }

inline processor_call call_of(operation_kind kind, std::int64_t minor = 1099, std::uint32_t number = 1) {
  static constexpr const char* names[] = {"authorize", "confirm", "capture", "refund", "cancel"};
  processor_call call;
  call.operation = kind;
  call.number = number;
  call.payment = payment;
  call.idempotency_key = std::string(payment) + ":" + names[static_cast<unsigned>(kind) - 1];
  if (kind != operation_kind::authorize) call.idempotency_key += ":" + std::to_string(number);
  call.amount = {minor, currency("usd")};
  if (kind == operation_kind::authorize)
    call.token = "pm_card_visa";
  else
    call.processor_reference = "pi_1";
  call.final_capture = true;
  call.first_attempt_at = noon;
  return call;
}

inline processor_call doubted(processor_call call, milliseconds age, domain::timestamp now = noon) {
  call.attempt = 2;
  call.doubted = true;
  call.first_attempt_at = now - age;
  return call;
}

inline json intent_json(const std::string& status, json more = json::object()) {
  json intent{{"id", "pi_1"},
              {"object", "payment_intent"},
              {"status", status},
              {"amount", 1099},
              {"amount_capturable", status == "requires_capture" ? 1099 : 0},
              {"amount_received", status == "succeeded" ? 1099 : 0},
              {"currency", "usd"},
              {"created", 1'799'999'999},
              {"latest_charge", nullptr},
              {"last_payment_error", nullptr},
              {"next_action", nullptr},
              {"canceled_at", status == "canceled" ? json(1'800'000'000) : json(nullptr)},
              {"livemode", false},
              {"metadata", {{"novapay_payment", payment}, {"novapay_operation", "authorize:1"}}}};
  intent.update(more, true);
  return intent;
}

inline json charge_json(json more = json::object()) {
  json charge{{"id", "ch_1"},
              {"object", "charge"},
              {"status", "succeeded"},
              {"payment_intent", "pi_1"},
              {"amount", 1099},
              {"amount_captured", 0},
              {"captured", false},
              {"currency", "usd"},
              {"created", 1'799'999'999},
              {"payment_method_details",
               {{"type", "card"},
                {"card", {{"capture_before", 1'800'500'000}, {"multicapture", {{"status", "unavailable"}}}}}}},
              {"metadata", {{"novapay_payment", payment}, {"novapay_operation", "authorize:1"}}}};
  charge.update(more, true);
  return charge;
}

inline json refund_json(const std::string& status, json more = json::object()) {
  json refund{{"id", "re_1"},
              {"object", "refund"},
              {"status", status},
              {"amount", 1099},
              {"currency", "usd"},
              {"charge", "ch_1"},
              {"payment_intent", "pi_1"},
              {"created", 1'799'999'999},
              {"metadata", {{"novapay_payment", payment}, {"novapay_operation", "refund:1"}}}};
  refund.update(more, true);
  return refund;
}

inline json list_json(std::vector<json> rows, bool more = false) {
  return {{"object", "list"}, {"data", std::move(rows)}, {"has_more", more}, {"url", "/v1/x"}};
}

inline json error_json(const std::string& type, const std::string& code = {}, json more = json::object()) {
  json error{{"type", type}};
  if (!code.empty()) error["code"] = code;
  error.update(more, true);
  return {{"error", std::move(error)}};
}

inline runtime::call_result answered(int status, std::string body, runtime::http_fields fields = {}) {
  runtime::call_result out;
  out.fate = call_fate::answered;
  out.response = {status, std::move(fields), std::move(body)};
  return out;
}
inline runtime::call_result answered(int status, const json& body, runtime::http_fields fields = {}) {
  return answered(status, body.dump(), std::move(fields));
}
inline runtime::call_result lost(call_fate fate, std::string reason) {
  runtime::call_result out;
  out.fate = fate;
  out.reason = std::move(reason);
  return out;
}
inline runtime::http_fields replay() { return {{"idempotent-replayed", "true"}, {"original-request", "req_1"}}; }

// Answers from within send(), in the order of the script; what goes beyond it is kept waiting.
class scripted_client final : public runtime::http_client {
 public:
  explicit scripted_client(std::vector<runtime::call_result> script = {}) : script_(script.begin(), script.end()) {}

  runtime::call_id send(runtime::outgoing_call what, runtime::call_done done) override {
    sent.push_back(std::move(what));
    if (by) {
      done(by(sent.back()));
    } else if (!script_.empty()) {
      auto reply = std::move(script_.front());
      script_.pop_front();
      done(std::move(reply));
    } else {
      waiting.push_back(std::move(done));
    }
    return sent.size();
  }
  void cancel(runtime::call_id) override {}

  std::string line(std::size_t n) const {
    return sent.at(n).method + " " + sent.at(n).url.substr(std::string("https://api.stripe.com").size());
  }
  std::size_t left() const { return script_.size(); }

  std::function<runtime::call_result(const runtime::outgoing_call&)> by;
  std::vector<runtime::outgoing_call> sent;
  std::vector<runtime::call_done> waiting;

 private:
  std::deque<runtime::call_result> script_;
};

// "approved pi_1", "declined card_declined/insufficient_funds pi_1", "unknown processor_error".
inline std::string text_of(const domain::outcome& outcome) {
  struct {
    std::string operator()(const reported::approved& o) const { return "approved " + o.reference; }
    std::string operator()(const reported::declined& o) const {
      return "declined " + o.why.code + (o.why.decline_code.empty() ? "" : "/" + o.why.decline_code) +
             (o.reference.empty() ? "" : " " + o.reference);
    }
    std::string operator()(const reported::needs_action& o) const {
      return "needs_action " + o.action.url + " " + o.reference;
    }
    std::string operator()(const reported::unknown& o) const { return "unknown " + o.reason; }
    std::string operator()(const reported::not_executed& o) const { return "not_executed " + o.reason; }
    std::string operator()(const reported::accepted& o) const { return "accepted " + o.reference; }
  } name;
  return std::visit(name, outcome);
}

}  // namespace novapay::stripe::test
