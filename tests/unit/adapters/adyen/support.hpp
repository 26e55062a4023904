// What Adyen's tests share: calls, Adyen's answers and notifications as JSON, a client that answers by script.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "actors/processor.hpp"
#include "adapters/adyen/settings.hpp"
#include "adapters/adyen/signature.hpp"
#include "runtime/http_client.hpp"
#include "tests/support/silent_ports.hpp"

namespace novapay::adyen::test {

using domain::operation_kind;
using nlohmann::json;
using runtime::call_fate;
namespace reported = domain::reported;
namespace told = domain::told;

inline constexpr const char* payment = "pay_06fc3v8m2s5k1d9q7w4x0a2b3c";
inline constexpr const char* psp = "NC6HT9CRT65ZGN82";
inline constexpr const char* api_key = "AQE_canary_api_key";
inline constexpr const char* hmac_key = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
inline constexpr const char* base = "https://checkout-test.adyen.com/v71";
inline constexpr domain::timestamp noon{std::chrono::milliseconds{1'800'000'000'000}};  // fake_clock's beginning

inline settings test_settings() {
  settings how;
  how.api_key = api_key;
  how.merchant_account = "NovaPayECOM";
  how.hmac_keys = {hmac_key};
  how.report_user = "report@Company.NovaPay";
  how.report_password = "canary_report_password";
  return how;
}

inline domain::currency currency(const char* name) { return *domain::parse_currency(name); }

inline std::string name_of(operation_kind kind) {
  static constexpr const char* names[] = {"authorize", "confirm", "capture", "refund", "cancel"};
  return names[static_cast<unsigned>(kind) - 1];
}

inline processor_call call_of(operation_kind kind, std::int64_t minor = 1099, std::uint32_t number = 1) {
  processor_call call;
  call.operation = kind;
  call.number = number;
  call.payment = payment;
  call.idempotency_key = std::string(payment) + ":" + name_of(kind) + ":" + std::to_string(number);
  call.amount = {minor, currency("eur")};
  if (kind == operation_kind::authorize) {
    call.token = "test_visa";
    call.return_url = "https://pay.example/v1/payments/x/return";
  } else {
    call.processor_reference = psp;
  }
  if (kind == operation_kind::confirm) call.action_details = {{"redirectResult", "X6XtfGC3!Y"}};
  call.first_attempt_at = noon;
  return call;
}

inline processor_call doubted(processor_call call, milliseconds age, domain::timestamp now = noon) {
  call.attempt = 2;
  call.doubted = true;
  call.first_attempt_at = now - age;
  return call;
}

inline json payment_json(const std::string& result, json more = json::object()) {
  json answer{
      {"resultCode", result}, {"pspReference", psp}, {"merchantReference", std::string(payment) + ":authorize:1"}};
  answer.update(more, true);
  return answer;
}

inline json received_json(const std::string& reference = "QFQTPCQ8HXSKGK82") {
  return {{"status", "received"},
          {"pspReference", reference},
          {"paymentPspReference", psp},
          {"merchantAccount", "NovaPayECOM"}};
}

inline json error_json(int status, const std::string& code, const std::string& type = "validation") {
  return {{"status", status}, {"errorCode", code}, {"message", "no"}, {"errorType", type}};
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
inline runtime::http_fields transient() { return {{"transient-error", "true"}}; }

// An item as Adyen would sign it. `more` replaces members.
inline json item_json(const std::string& event, json more = json::object()) {
  json item{{"amount", {{"currency", "EUR"}, {"value", 1099}}},
            {"eventCode", event},
            {"eventDate", "2026-03-02T10:15:00+01:00"},
            {"merchantAccountCode", "NovaPayECOM"},
            {"merchantReference", std::string(payment) + ":capture:1"},
            {"originalReference", psp},
            {"pspReference", "QFQTPCQ8HXSKGK82"},
            {"reason", ""},
            {"success", "true"},
            {"additionalData", json::object()}};
  item.update(more, true);
  return item;
}

inline json notification_json(const std::vector<json>& items, const std::string& live = "false") {
  json wrapped = json::array();
  for (const auto& item : items) wrapped.push_back({{"NotificationRequestItem", item}});
  return {{"live", live}, {"notificationItems", std::move(wrapped)}};
}

inline json signed_item(json item, std::string_view key = hmac_key) {
  const auto read = read_notification(notification_json({item}).dump());
  item["additionalData"]["hmacSignature"] = signature_of(key, signed_text(read->items.front()));
  return item;
}

// Answers from within send(), in the order of the script; what goes beyond it is kept waiting.
class scripted_client final : public runtime::http_client {
 public:
  explicit scripted_client(std::vector<runtime::call_result> script = {}) : script_(script.begin(), script.end()) {}

  runtime::call_id send(runtime::outgoing_call what, runtime::call_done done) override {
    sent.push_back(std::move(what));
    if (script_.empty()) {
      waiting.push_back(std::move(done));
    } else {
      auto reply = std::move(script_.front());
      script_.pop_front();
      done(std::move(reply));
    }
    return sent.size();
  }
  void cancel(runtime::call_id) override {}

  std::vector<runtime::outgoing_call> sent;
  std::vector<runtime::call_done> waiting;

 private:
  std::deque<runtime::call_result> script_;
};

// "approved NC6H…", "declined card_declined/insufficient_funds", "unknown processor_error".
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

inline std::string text_of(domain::operation_id which) {
  return name_of(which.kind) + ":" + std::to_string(which.number);
}

// "capture:1 approved QFQT…", "authorize:0 voided expired", "capture:0 disputed opened".
inline std::string text_of(const domain::notice& notice) {
  static constexpr const char* stages[] = {"inquiry", "opened", "under_review", "won", "lost"};
  struct {
    std::string operator()(const told::result& n) const { return text_of(n.outcome); }
    std::string operator()(const told::settled& n) const {
      if (!n.figures) return "settled";
      return "settled " + std::to_string(n.figures->net_minor) + " " + std::to_string(n.figures->fee_minor) + " " +
             n.figures->unit + " " + n.figures->payout;
    }
    std::string operator()(const told::failed& n) const { return "failed " + n.why.code; }
    std::string operator()(const told::voided& n) const { return "voided " + n.reason; }
    std::string operator()(const told::disputed& n) const {
      return std::string("disputed ") + stages[static_cast<unsigned>(n.what.stage) - 1];
    }
  } name;
  return text_of(notice.about) + " " + std::visit(name, notice.what);
}

}  // namespace novapay::adyen::test
