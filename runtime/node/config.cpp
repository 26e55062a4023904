#include "runtime/node/config.hpp"

#include <charconv>
#include <exception>
#include <utility>

#include "runtime/host.hpp"
#include "runtime/node/section.hpp"

namespace novapay::node {
namespace {

void read_limits(section in, config& into) {
  in.number("commands_per_shard", into.bounds.commands_per_shard, 1, 1'000'000);
  in.number("commands_per_entity", into.bounds.commands_per_entity, 1, 100'000);
  in.number("live_entities_per_shard", into.bounds.live_entities_per_shard, 1, 1'000'000);
  in.duration("idle_after_ms", into.bounds.idle_after);
  in.number("commands_in_hand", into.admission.commands_in_hand, 1, 1'000'000);
  in.number("requests_in_flight", into.admission.requests_in_flight, 1, 1'000'000);
  in.number("connections", into.connections, 1, 1'000'000);
  in.number("body_bytes", into.body_bytes, 1024, 16 << 20);
  in.duration("request_deadline_ms", into.request_deadline);
  in.duration("head_timeout_ms", into.head_timeout);
  in.duration("body_timeout_ms", into.body_timeout);
  in.duration("idle_timeout_ms", into.idle_timeout);
  in.duration("stop_grace_ms", into.stop_grace, 0);
  in.done();
}

void read_sandbox(section in, sandbox_config& into) {
  in.duration("latency_ms", into.latency, 0);
  in.duration("slow_delay_ms", into.slow_delay);
  in.duration("very_slow_delay_ms", into.very_slow_delay);
  in.duration("answer_timeout_ms", into.answer_timeout);
  in.duration("settle_after_ms", into.settle_after, 0);
  in.duration("late_failure_after_ms", into.late_failure_after);
  in.duration("notice_retry_ms", into.notice_retry);
  in.done();
}

config read(const config_file& file) {
  config into;
  section in(file);
  in.text("listen", into.listen);
  in.text("admin", into.admin);
  in.text("data", into.data);
  in.text("credentials", into.credentials);
  in.text("docs_url", into.docs_url);
  in.flag("core_files", into.core_files);

  auto store = in.child("store");
  std::string kind = "sqlite";
  store.choice("kind", kind, {"sqlite", "postgres"});
  into.store = kind == "sqlite" ? store_kind::sqlite : store_kind::postgres;
  store.text("postgres", into.postgres);
  store.duration("timeout_ms", into.store_timeout, 100);
  store.done();

  auto node = in.child("node");
  node.text("name", into.node_name);
  node.number("shard_bits", into.shard_bits, 0, runtime::shard_bits_max);
  node.number("http_threads", into.http_threads, 1, 64);
  node.number("actor_threads", into.actor_threads, 1, 64);
  node.done();

  auto log = in.child("log");
  log.choice("level", into.log_level, {"debug", "info", "warning", "error"});
  log.text("file", into.log_file);
  log.done();

  read_limits(in.child("limits"), into);
  read_sandbox(in.child("sandbox"), into.sandbox);
  into.processing = read_processing(in);
  in.done();
  return into;
}

}  // namespace

std::variant<config, config_error> read_config(const std::string& path) {
  try {
    return read(read_config_file(path));
  } catch (const std::exception& thrown) { return config_error{thrown.what()}; }
}

std::variant<endpoint, config_error> parse_endpoint(const std::string& text) {
  const auto colon = text.rfind(':');
  const config_error bad{"\"" + text + "\" is not an address and a port, such as 127.0.0.1:8080"};
  if (colon == std::string::npos || colon == 0) return bad;
  endpoint to{text.substr(0, colon), 0};
  if (to.address.front() == '[' && to.address.back() == ']') to.address = to.address.substr(1, to.address.size() - 2);
  const auto* first = text.data() + colon + 1;
  const auto* last = text.data() + text.size();
  const auto parsed = std::from_chars(first, last, to.port);
  if (parsed.ec != std::errc{} || parsed.ptr != last) return bad;
  return to;
}

std::string problem_with(const config& settings) {
  for (const auto& [name, text] : {std::pair{"listen", settings.listen}, std::pair{"admin", settings.admin}}) {
    const auto parsed = parse_endpoint(text);
    if (const auto* bad = std::get_if<config_error>(&parsed)) return std::string(name) + ": " + bad->message;
  }
  if (settings.store == store_kind::postgres && settings.postgres.empty())
    return "store.postgres: the PostgreSQL store needs a connection string, such as \"host=127.0.0.1 dbname=novapay\" "
           "(--postgres on the command line)";
  if (settings.data.empty()) return "data: must name a folder";
  return {};
}

}  // namespace novapay::node
