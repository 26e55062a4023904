#include "gateway/routes.hpp"

#include <array>
#include <optional>

namespace novapay::gateway {
namespace {

constexpr std::array table{
    route_info{route::create_payment, "POST", "/v1/payments"},
    route_info{route::list_payments, "GET", "/v1/payments"},
    route_info{route::read_payment, "GET", "/v1/payments/{id}"},
    route_info{route::confirm_payment, "POST", "/v1/payments/{id}/confirm"},
    route_info{route::capture_payment, "POST", "/v1/payments/{id}/capture"},
    route_info{route::cancel_payment, "POST", "/v1/payments/{id}/cancel"},
    route_info{route::create_refund, "POST", "/v1/payments/{id}/refunds"},
    route_info{route::list_refunds, "GET", "/v1/payments/{id}/refunds"},
    route_info{route::list_events, "GET", "/v1/payments/{id}/events"},
    route_info{route::customer_return, "GET", "/v1/payments/{id}/return"},
    route_info{route::explain_route, "POST", "/v1/routing/explain"},
    route_info{route::take_webhook, "POST", "/webhooks/{name}"},
    route_info{route::read_openapi, "GET", "/openapi.json"},
    route_info{route::read_docs, "GET", "/docs"},
};

constexpr bool is_in_order() {
  for (std::size_t at = 0; at < table.size(); ++at)
    if (static_cast<std::size_t>(table[at].what) != at) return false;
  return table.size() == static_cast<std::size_t>(route::unmatched);
}
static_assert(is_in_order(), "path_label() finds a route by its number");

// What stands for the placeholder in `path` if it fits `pattern`; empty if the pattern has none.
std::optional<std::string_view> fit(std::string_view pattern, std::string_view path) noexcept {
  const auto at = pattern.find('{');
  if (at == std::string_view::npos) return path == pattern ? std::optional{std::string_view{}} : std::nullopt;

  const auto before = pattern.substr(0, at), after = pattern.substr(pattern.find('}') + 1);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after))
    return std::nullopt;
  const auto id = path.substr(before.size(), path.size() - before.size() - after.size());
  return id.find('/') == std::string_view::npos ? std::optional{id} : std::nullopt;
}

}  // namespace

std::span<const route_info> route_table() noexcept { return table; }

std::string_view path_label(route what) noexcept {
  if (what == route::refused) return "refused";
  return what == route::unmatched ? "unmatched" : table[static_cast<std::size_t>(what)].path;
}

std::string_view method_label(route what) noexcept {
  return what >= route::unmatched ? "other" : table[static_cast<std::size_t>(what)].method;
}

route_match match_route(std::string_view method, std::string_view path) {
  route_match found;
  for (const auto& row : table) {
    const auto id = fit(row.path, path);
    if (!id) continue;
    if (row.method == method) return {row.what, *id, {}};
    found.allow.append(found.allow.empty() ? "" : ", ").append(row.method);
  }
  return found;
}

split_target split(std::string_view target) noexcept {
  for (const std::string_view scheme : {"http://", "https://"})
    if (target.starts_with(scheme)) {
      const auto path = target.find('/', scheme.size());
      target = path == std::string_view::npos ? std::string_view{"/"} : target.substr(path);
      break;
    }
  const auto question = target.find('?');
  if (question == std::string_view::npos) return {target, {}};
  return {target.substr(0, question), target.substr(question + 1)};
}

}  // namespace novapay::gateway
