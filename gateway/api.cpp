#include "gateway/api.hpp"

#include <array>
#include <utility>

#include "gateway/authenticate.hpp"
#include "gateway/customer_return.hpp"
#include "gateway/embedded.hpp"
#include "gateway/exchange.hpp"
#include "gateway/handlers.hpp"
#include "gateway/media.hpp"
#include "gateway/request_id.hpp"
#include "gateway/secret_guard.hpp"
#include "gateway/webhooks.hpp"

namespace novapay::gateway {
namespace {

void serve_openapi(exchange& x) {
  if (!accepts(x.request, "application/json")) return x.fail({error_code::not_acceptable, {}, "Accept"});
  x.answer(200, x.context.settings.openapi_json);
}

// The page may run its own script and fetch from us; nothing else, from nowhere else, in nobody's frame.
void serve_docs(exchange& x) {
  if (!accepts(x.request, "text/html")) return x.fail({error_code::not_acceptable, {}, "Accept"});
  constexpr std::string_view placeholder = "{{nonce}}";
  const auto nonce = make_request_id(x.context.ports.clock, x.context.ports.random).substr(4);
  const auto page = docs_page();
  std::string body;
  body.reserve(page.size() + 64);
  for (std::size_t from = 0;;) {
    const auto at = page.find(placeholder, from);
    body.append(page.substr(from, at == page.npos ? page.npos : at - from));
    if (at == page.npos) break;
    body.append(nonce);
    from = at + placeholder.size();
  }
  x.answer_as("text/html; charset=utf-8", 200, std::move(body),
              {{"content-security-policy", "default-src 'none'; connect-src 'self'; script-src 'nonce-" + nonce +
                                               "'; style-src 'nonce-" + nonce +
                                               "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
               {"referrer-policy", "no-referrer"}});
}

// A field that is no list and is there twice (RFC 9110, 5.3), or "". Client, proxy and we might each go by another one of them.
std::string_view repeated_singleton(const runtime::http_fields& fields) noexcept {
  struct singleton {
    std::string_view name, shown;
  };
  constexpr std::array singletons{singleton{"authorization", "Authorization"},
                                  singleton{"idempotency-key", "Idempotency-Key"},
                                  singleton{"content-type", "Content-Type"}, singleton{"x-request-id", "X-Request-Id"}};
  std::array<bool, singletons.size()> seen{};
  for (const auto& [name, value] : fields)
    for (std::size_t at = 0; at < singletons.size(); ++at)
      if (name == singletons[at].name && std::exchange(seen[at], true)) return singletons[at].shown;
  return {};
}

void serve(const exchange_ptr& x) {
  x->matched = match_route(x->request.method, x->target.path);
  if (const auto secret = secret_in_path(x->target.path)) return x->fail({*secret, {}, {}});
  if (const auto name = repeated_singleton(x->request.fields); !name.empty())
    return x->fail(
        {error_code::http_malformed, "There is more than one " + std::string{name} + " header.", std::string{name}});
  if (x->matched.what == route::unmatched) {
    if (x->matched.allow.empty()) return x->fail({error_code::route_unknown, {}, {}});
    return x->fail({error_code::method_not_allowed, "This path takes only " + x->matched.allow + ".", {}},
                   {{"allow", x->matched.allow}});
  }
  if (x->matched.what == route::read_openapi) return serve_openapi(*x);
  if (x->matched.what == route::read_docs) return serve_docs(*x);
  if (x->matched.what == route::customer_return) return serve_return(x);
  if (x->matched.what == route::take_webhook) return serve_webhook(x);

  x->who = x->take(authenticate(x->request, x->context.ports.credentials));
  if (x->who) serve_payments(x);
}

}  // namespace

api::api(const api_ports& ports, api_settings settings)
    : context_{std::make_unique<api_context>(ports, std::move(settings))} {}

api::~api() = default;

void api::handle(runtime::http_request request, runtime::http_respond respond) {
  const auto x = std::make_shared<exchange>(*context_, std::move(request), std::move(respond));
  x->guarded([&] { serve(x); });
}

// Of what is refused for load there may be more than of anything else: it is rendered from a prepared text, and logged by number.
runtime::http_response api::refuse_for_load() {
  auto& [ports, settings, metrics, load, returns] = *context_;
  const auto now = ports.clock.now();
  load.refused.fetch_add(1, std::memory_order_relaxed);
  auto due = load.log_at.load(std::memory_order_relaxed);
  if (now >= due && load.log_at.compare_exchange_strong(due, now + load_log_every))
    ports.log.write(runtime::log_level::warning, "requests refused: too much at once",
                    {{"requests", static_cast<std::int64_t>(load.refused.exchange(0))}});
  metrics.count(route::refused, info_of(error_code::overloaded).status);
  const auto request_id = make_request_id(ports.clock, ports.random);
  auto fields = common_fields("application/json", request_id, {}, {});
  add_error_fields(error_code::overloaded, fields);
  std::string body;
  body.reserve(load.body_before_id.size() + request_id.size() + load.body_after_id.size());
  body.append(load.body_before_id).append(request_id).append(load.body_after_id);
  return {info_of(error_code::overloaded).status, std::move(fields), std::move(body)};
}

runtime::http_response api::render_refusal(runtime::http_refusal why, std::string_view detail) {
  if (why == runtime::http_refusal::overloaded) return refuse_for_load();
  auto error = to_error(why);
  // What the listener saw is more exact than the catalogue, but where the client needs to hear what to do.
  if (!detail.empty() && why != runtime::http_refusal::internal)
    error.message = std::string{detail} + (detail.ends_with('.') ? "" : ".");
  const auto& info = info_of(error.code);
  const auto request_id = make_request_id(context_->ports.clock, context_->ports.random);
  auto fields = common_fields("application/json", request_id, {}, {});
  add_error_fields(error.code, fields);
  context_->metrics.count(route::refused, info.status);
  context_->ports.log.write(info.status >= 500 ? runtime::log_level::warning : runtime::log_level::info,
                            "request refused",
                            {{"request_id", request_id},
                             {"route", path_label(route::refused)},
                             {"status", std::int64_t{info.status}},
                             {"error", info.name}});
  return {info.status, std::move(fields), render_error(error, context_->settings.docs_url, request_id)};
}

}  // namespace novapay::gateway
