#include "gateway/exchange.hpp"

#include <algorithm>
#include <charconv>

#include "gateway/request_id.hpp"

namespace novapay::gateway {
namespace {

using runtime::log_level;

// Durations are measured by the monotonic clock and only ever reported: nothing is decided by them, so they need no
// port.
std::chrono::nanoseconds since(std::chrono::steady_clock::time_point start) {
  return std::max<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start, std::chrono::nanoseconds{0});
}

double to_ms(std::chrono::nanoseconds took) { return std::chrono::duration<double, std::milli>(took).count(); }

void append_ms(std::string& text, std::chrono::nanoseconds took) {
  char digits[48];
  const auto end = std::to_chars(digits, digits + sizeof digits, to_ms(took), std::chars_format::fixed, 3).ptr;
  text.append(digits, end);
}

std::string choose_request_id(const runtime::http_request& request, const api_ports& ports) {
  const auto sent = request.field("x-request-id");
  if (sent && is_good_request_id(*sent)) return std::string{*sent};
  return make_request_id(ports.clock, ports.random);
}

constexpr std::string_view json_type = "application/json";

}  // namespace

runtime::http_fields common_fields(std::string_view content_type, std::string_view request_id,
                                   std::chrono::nanoseconds total, std::chrono::nanoseconds processor) {
  std::string timing = "processor;dur=";
  append_ms(timing, processor);
  timing.append(", novapay;dur=");
  append_ms(timing, std::max<std::chrono::nanoseconds>(total - processor, std::chrono::nanoseconds{0}));

  runtime::http_fields fields;
  fields.reserve(8);
  fields.emplace_back("content-type", content_type);
  fields.emplace_back("x-request-id", request_id);
  fields.emplace_back("server-timing", std::move(timing));
  fields.emplace_back("cache-control", "no-store");
  fields.emplace_back("x-content-type-options", "nosniff");
  return fields;
}

void add_error_fields(error_code code, runtime::http_fields& fields) {
  const int status = info_of(code).status;
  if (status == 401)
    fields.emplace_back("www-authenticate", code == error_code::webhook_not_authentic ? "Signature" : "Bearer");
  if (status == 503) fields.emplace_back("retry-after", "1");
}

load_refusals::load_refusals(std::string_view docs_url) {
  constexpr std::string_view id = "{{request_id}}";
  const auto text = render_error({error_code::overloaded, {}, {}}, docs_url, id);
  const auto at = text.find(id);
  body_before_id = text.substr(0, at);
  body_after_id = text.substr(at + id.size());
}

exchange::exchange(api_context& of, runtime::http_request asked, runtime::http_respond respond)
    : context{of},
      request{std::move(asked)},
      target{split(request.target)},
      respond_{std::move(respond)},
      request_id_{choose_request_id(request, of.ports)} {
  context.metrics.begin();
}

exchange::~exchange() {
  if (!answered_) fail_quietly("the request was dropped without an answer");
  context.metrics.end();
}

caller exchange::make_caller() const {
  const auto deadline = context.ports.clock.now() + context.settings.request_deadline;
  if (!who) return {{}, domain::mode::test, request_id_, deadline};
  return {who->merchant, who->mode, request_id_, deadline};
}

void exchange::answer(int status, std::string body, runtime::http_fields more) {
  answer_as(json_type, status, std::move(body), std::move(more));
}

void exchange::answer_as(std::string_view content_type, int status, std::string body, runtime::http_fields more) {
  if (answered_.exchange(true)) return;
  auto fields = common_fields(content_type, request_id_, since(request.received_at), processor_time);
  for (auto& field : more) fields.push_back(std::move(field));
  record(status, error_);  // before the answer leaves: who has it may read the metrics
  respond_({status, std::move(fields), std::move(body)});
}

void exchange::fail(const api_error& error, runtime::http_fields more) {
  const auto& info = info_of(error.code);
  error_ = info.name;
  add_error_fields(error.code, more);
  answer(info.status, render_error(error, context.settings.docs_url, request_id_), std::move(more));
}

void exchange::fail(const trouble_report& why) {
  const auto error = to_error(why);
  auto level = why.what == trouble::internal ? log_level::error : log_level::warning;
  if (why.what == trouble::store_unavailable || why.what == trouble::store_unknown)
    level = log_level::debug;  // the runtime says once that the store fails
  context.ports.log.write(level, "trouble",
                          {{"request_id", request_id_}, {"code", info_of(error.code).name}, {"detail", why.detail}});
  fail(error);
}

void exchange::fail_quietly(const char* why) noexcept {
  try {
    fail(trouble_report{trouble::internal, why});
  } catch (const std::exception&) {  // no memory even for an error: the listener answers for us
    answered_ = true;
  }
}

void exchange::record(int status, std::string_view error) {
  const auto took = since(request.received_at);
  context.metrics.count(matched.what, status);
  context.metrics.observe(matched.what, took);

  // Of the request itself nothing is logged that its sender could have put a secret in.
  auto& log = context.ports.log;
  const auto level = status >= 500 ? log_level::warning : log_level::info;
  const auto method = method_label(matched.what), path = path_label(matched.what);
  const std::int64_t code = status;
  if (!who)
    log.write(level, "request",
              {{"request_id", request_id_},
               {"method", method},
               {"route", path},
               {"status", code},
               {"error", error},
               {"duration_ms", to_ms(took)}});
  else if (payment_id.empty())
    log.write(level, "request",
              {{"request_id", request_id_},
               {"method", method},
               {"route", path},
               {"status", code},
               {"error", error},
               {"duration_ms", to_ms(took)},
               {"merchant", who->merchant}});
  else
    log.write(level, "request",
              {{"request_id", request_id_},
               {"method", method},
               {"route", path},
               {"status", code},
               {"error", error},
               {"duration_ms", to_ms(took)},
               {"merchant", who->merchant},
               {"payment_id", payment_id}});
}

}  // namespace novapay::gateway
