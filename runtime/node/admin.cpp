#include "runtime/node/admin.hpp"

#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "actors/payments.hpp"
#include "runtime/node/admin_webhooks.hpp"

namespace novapay::node {
namespace {

using json = nlohmann::json;
using runtime::http_request;
using runtime::http_response;

http_response answer(int status, const json& body) {
  return {status,
          {{"content-type", "application/json"}, {"cache-control", "no-store"}},
          body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"};
}

http_response readiness(const admin_ports& ports) {
  const auto claimed = ports.host.shards_claimed();
  const auto total = ports.host.shards_total();
  const bool ready = ports.host.ready() && !ports.draining;
  const auto& store = ports.host.store();
  const auto trouble = store.trouble();
  json body{{"status", ready ? "ready" : "not_ready"},
            {"shards_claimed", claimed},
            {"shards", total},
            {"store", {{"takes_writes", store.takes_writes()}, {"gives_reads", store.gives_reads()}}}};
  if (ports.draining) {
    body["reason"] = "the node is stopping";
  } else if (!trouble.empty()) {
    body["reason"] = "the store fails: " + trouble;
  } else if (!ready) {
    body["reason"] = "not every shard is claimed: the store is out of reach, or another process has claimed them";
  }
  return answer(ready ? 200 : 503, body);
}

http_response quarantine_list(const admin_ports& ports) {
  json data = json::array();
  for (const auto& held : ports.host.held().list())
    data.push_back({{"id", payment_id_text(held.id)}, {"detail", held.detail}});
  return answer(200, {{"data", std::move(data)}});
}

http_response release(const admin_ports& ports, const std::string& id) {
  const auto entity = parse_payment_id(id);
  if (!entity || !ports.host.held().release(*entity))
    return answer(404, {{"error", "there is no such entity in quarantine"}});
  return answer(200, {{"released", id}});
}

http_response breaker_list(const admin_ports& ports) {
  json data = json::array();
  for (const auto& one : ports.processors.breakers())
    data.push_back({{"processor", one.processor},
                    {"operation", domain::to_text(one.operation)},
                    {"state", domain::to_text(one.state)},
                    {"override", domain::to_text(one.overridden)},
                    {"times_opened", one.times_opened}});
  return answer(200, {{"data", std::move(data)}});
}

std::string parameter(const std::string& target, const std::string& name) {
  auto query = target.find('?');
  while (query != std::string::npos) {
    const auto begin = query + 1;
    query = target.find('&', begin);
    const auto pair = target.substr(begin, query == std::string::npos ? query : query - begin);
    if (pair.starts_with(name + "=")) return pair.substr(name.size() + 1);
  }
  return {};
}

std::optional<domain::operation_kind> operation_named(const std::string& name) {
  using enum domain::operation_kind;
  for (const auto each : {authorize, confirm, capture, refund, cancel})
    if (domain::to_text(each) == name) return each;
  return std::nullopt;
}

// POST /breakers/stripe?override=open&operation=capture
http_response override_breaker(const admin_ports& ports, const std::string& processor, const std::string& target) {
  using enum domain::breaker_override;
  const auto word = parameter(target, "override");
  const auto operation = parameter(target, "operation");
  const auto which = operation_named(operation);
  if (!operation.empty() && !which)
    return answer(400,
                  {{"error", "operation must be one of authorize, confirm, capture, refund, cancel, or left out"}});
  if (word != "open" && word != "closed" && word != "none")
    return answer(400, {{"error", "override must be one of open, closed, none"}});
  const auto as = word == "open" ? open : word == "closed" ? closed : none;
  if (!ports.processors.override_breaker(processor, which, as))
    return answer(404, {{"error", "there is no processor of that name"}});
  return breaker_list(ports);
}

http_response handle(const admin_ports& ports, const http_request& asked) {
  const auto path = asked.target.substr(0, asked.target.find('?'));
  static const std::set<std::string> readable{"/healthz", "/livez", "/readyz", "/metrics", "/quarantine", "/breakers"};
  const bool reads = asked.method == "GET" || asked.method == "HEAD";
  if (reads && (path == "/healthz" || path == "/livez")) return answer(200, {{"status", "ok"}});
  if (reads && path == "/readyz") return readiness(ports);
  if (reads && path == "/metrics")
    return {200, {{"content-type", "text/plain; version=0.0.4; charset=utf-8"}}, ports.exposition()};
  if (reads && path == "/quarantine") return quarantine_list(ports);
  if (reads && path == "/breakers") return breaker_list(ports);
  static const std::string breakers = "/breakers/";
  if (asked.method == "POST" && path.starts_with(breakers) && path.size() > breakers.size())
    return override_breaker(ports, path.substr(breakers.size()), asked.target);
  static const std::string before = "/quarantine/";
  static const std::string after = "/release";
  if (asked.method == "POST" && path.starts_with(before) && path.ends_with(after) &&
      path.size() > before.size() + after.size())
    return release(ports, path.substr(before.size(), path.size() - before.size() - after.size()));
  if (readable.contains(path)) {
    auto no = answer(405, {{"error", "this path can only be read"}});
    no.fields.emplace_back("allow", "GET, HEAD");
    return no;
  }
  return answer(404, {{"error",
                       "no such path: /healthz, /readyz, /metrics, /quarantine, /breakers, /webhooks, POST "
                       "/quarantine/{id}/release and POST "
                       "/breakers/{processor}?override=open|closed|none exist"}});
}

}  // namespace

runtime::http_handler admin_handler(admin_ports ports) {
  return [ports = std::move(ports)](http_request asked, runtime::http_respond respond) {
    if (!answer_webhooks(ports.webhooks, asked, respond)) respond(handle(ports, asked));
  };
}

runtime::http_response admin_refusal(runtime::http_refusal why, std::string_view detail) {
  const auto status = [why] {
    switch (why) {
      case runtime::http_refusal::malformed: return 400;
      case runtime::http_refusal::head_too_large: return 431;
      case runtime::http_refusal::body_too_large: return 413;
      case runtime::http_refusal::timeout: return 408;
      case runtime::http_refusal::overloaded: return 503;
      case runtime::http_refusal::expectation_failed: return 417;
      case runtime::http_refusal::version: return 505;
      case runtime::http_refusal::not_implemented: return 501;
      case runtime::http_refusal::internal: break;
    }
    return 500;
  }();
  return answer(status, {{"error", detail}});
}

}  // namespace novapay::node
