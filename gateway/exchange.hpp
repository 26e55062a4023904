// exchange: one request from its arrival to its answer, the one thing that answers it, counts it and logs it. Internal.
//
// Held by whoever still works on the request; if the last one lets go without an answer, it answers internal_error.
// One thread at a time uses it; the first answer wins.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "gateway/api.hpp"
#include "gateway/errors.hpp"
#include "gateway/http_metrics.hpp"
#include "gateway/routes.hpp"

namespace novapay::gateway {

// What is needed to refuse for load, cheaply.
struct load_refusals {
  explicit load_refusals(std::string_view docs_url);
  std::string body_before_id, body_after_id;
  std::atomic<std::uint64_t> refused{0};       // since they were last logged
  std::atomic<runtime::timestamp> log_at{{}};  // not again before
};
inline constexpr std::chrono::seconds load_log_every{1};

struct api_context {
  api_context(const api_ports& given, api_settings chosen)
      : ports{given}, settings{std::move(chosen)}, metrics{given.metrics}, load{settings.docs_url} {}

  const api_ports ports;
  const api_settings settings;
  http_metrics metrics;
  load_refusals load;
  std::atomic<std::size_t> returns_in_flight{0};
};

class exchange {
 public:
  exchange(api_context& context, runtime::http_request request, runtime::http_respond respond);
  ~exchange();
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;

  api_context& context;
  runtime::http_request request;
  split_target target;  // of request.target
  route_match matched;
  std::optional<principal> who;
  std::string payment_id;  // for the log, once it is known to be one
  std::chrono::microseconds processor_time{0};

  caller make_caller() const;  // nobody's scope if `who` is not set

  // Each answers, once; what comes after the first is dropped.
  void answer(int status, std::string body, runtime::http_fields more = {});
  void answer_as(std::string_view content_type, int status, std::string body, runtime::http_fields more);
  void fail(const api_error& error, runtime::http_fields more = {});
  void fail(const trouble_report& why);  // and logs the detail

  // The value, or nullopt after having failed with the error.
  template <class T>
  std::optional<T> take(result<T> given) {
    if (auto* wrong = std::get_if<api_error>(&given)) {
      fail(*wrong);
      return std::nullopt;
    }
    return std::get<T>(std::move(given));
  }

  // Runs a step of the work; an exception (there should be none but for lack of memory) ends in internal_error.
  template <class Step>
  void guarded(Step step) noexcept {
    try {
      step();
    } catch (const std::exception& thrown) { fail_quietly(thrown.what()); }
  }

 private:
  void fail_quietly(const char* why) noexcept;
  void record(int status, std::string_view error);

  runtime::http_respond respond_;
  std::string request_id_;
  std::string_view error_;  // the code of what was answered; "" for success
  std::atomic<bool> answered_{false};
};

using exchange_ptr = std::shared_ptr<exchange>;

// The fields every answer has. Times: of the whole, and of that at the processor.
runtime::http_fields common_fields(std::string_view content_type, std::string_view request_id,
                                   std::chrono::nanoseconds total, std::chrono::nanoseconds processor);
// The further ones an error has: WWW-Authenticate, Retry-After.
void add_error_fields(error_code code, runtime::http_fields& fields);

}  // namespace novapay::gateway
