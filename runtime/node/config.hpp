// config: everything an operator sets. From a YAML file (cluster-config/node.yaml shows every key with its default), then from
// the command line, which wins. A mistake is refused with the file, the key and what would be right; nothing is guessed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>

#include "gateway/admission.hpp"
#include "runtime/limits.hpp"
#include "runtime/node/processors_config.hpp"

namespace novapay::node {

using namespace std::chrono_literals;

enum class store_kind : std::uint8_t { sqlite = 1, postgres };

struct sandbox_config {
  std::chrono::milliseconds latency{0};
  std::chrono::milliseconds slow_delay{1500};
  std::chrono::milliseconds very_slow_delay{8000};
  std::chrono::milliseconds answer_timeout{1000};
  std::chrono::milliseconds settle_after{10'000};
  std::chrono::milliseconds late_failure_after{5000};
  std::chrono::milliseconds notice_retry{1000};
};

struct config {
  std::string listen = "127.0.0.1:8080";
  std::string admin = "127.0.0.1:9090";
  std::string data = "data";  // the embedded store, the sandbox's ledger, the development key
  std::string credentials;    // empty: DATA/credentials.yaml, made with a test merchant's key
  store_kind store = store_kind::sqlite;
  std::string postgres;  // libpq connection string or URI
  std::chrono::milliseconds store_timeout{5000};
  std::string node_name = "node-1";
  unsigned shard_bits = 10;
  unsigned http_threads = 1;
  unsigned actor_threads = 2;
  std::string log_level = "info";  // debug, info, warning, error
  std::string log_file;            // empty: standard error
  std::string docs_url = "/docs";
  bool core_files = false;  // a crash may leave one; it shows whatever was in memory, API keys among it
  runtime::limits bounds;
  gateway::admission_limits admission;
  std::size_t connections = 10'000;
  std::size_t body_bytes = 256 * 1024;
  std::chrono::milliseconds request_deadline{25'000};
  std::chrono::milliseconds head_timeout{10'000};
  std::chrono::milliseconds body_timeout{20'000};
  std::chrono::milliseconds idle_timeout{75'000};
  std::chrono::milliseconds stop_grace{10'000};
  sandbox_config sandbox;
  processing_config processing = sandbox_only();
};

struct config_error {
  std::string message;  // "cluster-config/node.yaml:12: store.kind: must be one of sqlite, postgres, not \"mysql\""
};

std::variant<config, config_error> read_config(const std::string& path);

// What only the whole can show: a postgres store without a connection string, an address without a port …
// Called after the command line has been applied. Empty: all is well.
std::string problem_with(const config& settings);

struct endpoint {
  std::string address;
  std::uint16_t port = 0;
};
std::variant<endpoint, config_error> parse_endpoint(const std::string& text);  // "127.0.0.1:8080", "[::1]:0"

}  // namespace novapay::node
