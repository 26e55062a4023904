// admin: the operators' port: health, metrics, entities in quarantine, circuit breakers. No authentication: it listens on loopback unless
// told otherwise.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "actors/processor_set.hpp"
#include "actors/webhook_desk.hpp"
#include "runtime/host.hpp"
#include "runtime/http.hpp"

namespace novapay::node {

struct admin_ports {
  runtime::host& host;
  processor_set& processors;
  std::function<std::string()> exposition;  // Prometheus text
  const std::atomic<bool>& draining;        // set when the node has begun to stop
  webhook_desk& webhooks;                   // see admin_webhooks.hpp
};

//   GET  /healthz, /livez              200 while the process runs
//   GET  /readyz                       200 when every shard is claimed and the node is not stopping; 503 with the reason
//   GET  /metrics                      Prometheus text format 0.0.4
//   GET  /quarantine                   {"data": [{"id", "detail"}]}
//   POST /quarantine/{id}/release      the entity may be activated again
//   GET  /breakers                     {"data": [{"processor", "operation", "state", "override", "times_opened"}]}
//   POST /breakers/{processor}?override=open|closed|none[&operation=capture]    an operator's word; answers as GET does
//   /webhooks …                        what processors sent: admin_webhooks.hpp
runtime::http_handler admin_handler(admin_ports ports);
runtime::http_response admin_refusal(runtime::http_refusal why, std::string_view detail);

}  // namespace novapay::node
