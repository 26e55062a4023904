#include "runtime/node/serve.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <stdexcept>

#include <caf/all.hpp>

#include "actors/hosted_payments.hpp"
#include "actors/payment_kind.hpp"
#include "actors/webhook_desk.hpp"
#include "adapters/credentials/file_credentials.hpp"
#include "adapters/http/server.hpp"
#include "adapters/prometheus/metrics.hpp"
#include "adapters/spdlog/json_log.hpp"
#include "adapters/system/core_files.hpp"
#include "adapters/system/system_clock.hpp"
#include "adapters/system/system_random.hpp"
#include "adapters/system/thread_priority.hpp"
#include "adapters/yaml/yaml_to_json.hpp"
#include "gateway/admission.hpp"
#include "gateway/api.hpp"
#include "gateway/embedded.hpp"
#include "runtime/host.hpp"
#include "runtime/node/admin.hpp"
#include "runtime/node/dev_key.hpp"
#include "runtime/node/processors.hpp"
#include "runtime/node/stores.hpp"
#include "runtime/scheduler.hpp"

namespace novapay::node {
namespace {

// Stores, logs, the operators' port with its 256 connections, connections being refused.
constexpr std::size_t files_for_the_rest = 512;
constexpr int exit_unavailable = 69;
constexpr int exit_bug = 70;
constexpr int exit_config = 78;

// SIGINT and SIGTERM, taken by one thread that waits for them. Blocked before any other thread is made.
class stop_signal {
 public:
  stop_signal() {
    ::sigemptyset(&set_);
    ::sigaddset(&set_, SIGINT);
    ::sigaddset(&set_, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
  }
  void wait() const {
    int got = 0;
    ::sigwait(&set_, &got);
  }

 private:
  sigset_t set_{};
};

// Actors work off what the listener lets in, so the listener goes first. Under three times the load that a core can carry its refusals
// leave within 10 ms so, and after seconds without.
struct after_the_listener : caf::thread_hook {
  void init(caf::actor_system&) override {}
  void thread_started() override { adapters::run_after_the_others(); }
  void thread_terminates() override {}
};

struct actor_settings : caf::actor_system_config {
  explicit actor_settings(unsigned threads) {
    module_factories.emplace_back(runtime::make_scheduler);
    set("scheduler.max-threads", static_cast<std::size_t>(threads));
    set("scheduler.max-throughput", static_cast<std::size_t>(300));
    add_thread_hook<after_the_listener>();
  }
};

// Files this process may have open. The usual soft limit is low for the sake of select(), which nothing here uses.
std::size_t raised_file_limit() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const auto before = files.rlim_cur;
  files.rlim_cur = files.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0) return before;
  return files.rlim_max;
}

// Every connection is an open file. With more places than files, clients would not be refused but wait in vain, and the store and the
// operators' port would find no file either.
std::size_t connections_possible(const config& settings, runtime::log& log) {
  const auto files = raised_file_limit();
  const auto possible =
      files > 2 * files_for_the_rest ? files - files_for_the_rest : std::max<std::size_t>(files / 2, 1);
  if (possible >= settings.connections) return settings.connections;
  log.write(runtime::log_level::warning, "fewer connections than configured: too few files may be open (ulimit -Hn)",
            {{"files", static_cast<std::int64_t>(files)},
             {"configured", static_cast<std::int64_t>(settings.connections)},
             {"connections", static_cast<std::int64_t>(possible)}});
  return possible;
}

adapters::http::http_server_settings public_listener(const config& settings, runtime::log& log) {
  const auto where = std::get<endpoint>(parse_endpoint(settings.listen));
  adapters::http::http_server_settings how;
  how.address = where.address;
  how.port = where.port;
  how.threads = settings.http_threads;
  how.body_bytes_max = settings.body_bytes;
  how.connections_max = connections_possible(settings, log);
  how.requests_in_flight_max =
      settings.admission.requests_in_flight * gateway::others_times + settings.admission.webhooks_waiting;
  how.head_timeout = settings.head_timeout;
  how.body_timeout = settings.body_timeout;
  how.idle_timeout = settings.idle_timeout;
  return how;
}

adapters::http::http_server_settings admin_listener(const config& settings) {
  const auto where = std::get<endpoint>(parse_endpoint(settings.admin));
  adapters::http::http_server_settings how;
  how.address = where.address;
  how.port = where.port;
  how.connections_max = 256;
  how.requests_in_flight_max = 64;
  return how;
}

std::string openapi_json() {
  const auto converted = adapters::yaml_to_json_text(std::string(gateway::openapi_yaml()));
  if (const auto* bad = std::get_if<adapters::yaml_error>(&converted))
    throw std::logic_error("openapi.yaml:" + std::to_string(bad->line) + ": " + bad->message);
  return std::get<std::string>(converted);
}

// "sandbox processor", "processors stripe, adyen".
std::string describe_processors(const config& settings) {
  const auto& all = settings.processing.processors;
  if (all.size() == 1) return all.front().name + " processor";
  std::string names;
  for (const auto& one : all) names += (names.empty() ? "processors " : ", ") + one.name;
  return names;
}

std::string shown_host(const std::string& address) {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

void greet(const config& settings, const std::string& key, std::uint16_t port, std::uint16_t admin_port) {
  const auto base =
      "http://" + shown_host(std::get<endpoint>(parse_endpoint(settings.listen)).address) + ":" + std::to_string(port);
  std::cout << "NovaPay " NOVAPAY_VERSION ": " << describe_store(settings) << ", " << describe_processors(settings)
            << "\n"
            << "listening on " << base << "\n"
            << "admin on http://" << shown_host(std::get<endpoint>(parse_endpoint(settings.admin)).address) << ":"
            << admin_port << "\n";
  if (!key.empty())
    std::cout << "\nTest merchant " << dev_merchant << ", API key " << key << "\n\n"
              << "curl " << base << "/v1/payments -H 'Authorization: Bearer " << key
              << "' -H 'Content-Type: application/json' \\\n"
              << "  -H 'Idempotency-Key: order-1' \\\n"
              << "  -d '{\"amount\": 1099, \"currency\": \"eur\", \"payment_method\": {\"type\": \"card\", \"token\": "
                 "\"tok_visa\"}}'\n\n"
              << "API reference: " << base << "/docs   Ctrl-C stops.\n";
  std::cout << std::flush;
}

// Brings the store to the schema this program knows, or says why not. The embedded store belongs to this program, so it is
// migrated by itself; a PostgreSQL database is its operator's, who runs `novapay migrate`.
std::optional<std::string> prepare_store(const config& settings) {
  if (settings.store == store_kind::sqlite) return migrate_store(settings).error;
  return check_store(settings);
}

// Why the runtime gave up. The first reason stands.
class last_words {
 public:
  void say(std::string why) {
    {
      const std::lock_guard lock(mutex_);
      if (why_.empty()) why_ = std::move(why);
    }
    ::kill(::getpid(), SIGTERM);
  }
  std::string get() const {
    const std::lock_guard lock(mutex_);
    return why_;
  }

 private:
  mutable std::mutex mutex_;
  std::string why_;
};

int run(const config& settings, const stop_signal& stop) {
  if (!settings.core_files) adapters::forbid_core_files();
  const adapters::system_clock clock;
  adapters::system_random random;
  adapters::json_log log({*adapters::parse_log_level(settings.log_level), settings.log_file}, clock);
  adapters::prometheus_metrics metrics;

  std::filesystem::create_directories(settings.data);
  const auto access = prepare_credentials(settings, random);
  const adapters::file_credentials credentials(access.file);
  if (const auto problem = prepare_store(settings)) {
    std::cerr << "novapay: " << *problem << "\n";
    return exit_unavailable;
  }
  processors outside(settings, {clock, log, metrics});

  auto& breaks = metrics.count("novapay_breaks_total", "Reports of a processor that contradict the journal");
  const auto report_break = [&log, &breaks](const domain::payment& now, const domain::event::break_noted& what) {
    breaks.add();
    log.write(runtime::log_level::error, "a break: the processor's report contradicts the journal, which notes it",
              {{"payment_id", now.agreed.id},
               {"operation", domain::to_text(what.about.kind)},
               {"number", static_cast<std::int64_t>(what.about.number)},
               {"reason", what.reason}});
  };

  auto& flags =
      metrics.count("novapay_operations_flagged_total", "Operations whose outcome has been unknown for a day");
  const auto report_flag = [&log, &flags](const domain::payment& now, const domain::event::flagged& what) {
    flags.add();
    log.write(runtime::log_level::error,
              "an operation's outcome is unknown for a day: look into it, it is still checked",
              {{"payment_id", now.agreed.id},
               {"operation", domain::to_text(what.about.kind)},
               {"number", static_cast<std::int64_t>(what.about.number)},
               {"reason", what.reason}});
  };

  actor_settings actors(settings.actor_threads);
  caf::actor_system system(actors);
  last_words fatal;
  runtime::host_settings how;
  how.node = settings.node_name;
  how.incarnation = random.next();
  how.shard_bits = settings.shard_bits;
  how.bounds = settings.bounds;
  runtime::host host(system, how,
                     {const_cast<adapters::system_clock&>(clock), random, log, metrics, open_store(settings)},
                     {make_payment_kind(outside.all(), {report_break, report_flag, settings.processing.public_url})},
                     [&fatal](std::string why) { fatal.say(std::move(why)); });
  hosted_payments payments(host, clock, log,
                           {[&outside](const domain::terms& asked) { return outside.handle(asked); },
                            [&outside](const domain::terms& asked) { return outside.explain(asked); }});
  webhook_desk webhooks(system, {},
                        {clock, log, metrics, open_inbox(settings),
                         [&payments](const std::string& payment, const domain::notice& what, notice_done done) {
                           payments.deliver(payment, what, std::move(done));
                         }},
                        outside.webhook_sources(), [&fatal](std::string why) { fatal.say(std::move(why)); });

  std::atomic<bool> draining{false};
  gateway::api_settings api_settings;
  api_settings.request_deadline = settings.request_deadline;
  api_settings.docs_url = settings.docs_url;
  api_settings.openapi_json = openapi_json();
  gateway::api api({payments, credentials, clock, random, log, metrics, &webhooks}, std::move(api_settings));
  adapters::http::http_server server(
      public_listener(settings, log),
      [&api](runtime::http_request asked, runtime::http_respond respond) {
        api.handle(std::move(asked), std::move(respond));
      },
      [&api](runtime::http_refusal why, std::string_view detail) { return api.render_refusal(why, detail); },
      [&settings, &host, &server, &webhooks](std::string_view method, std::string_view target) {
        return gateway::admits(settings.admission,
                               {host.commands_in_hand(), server.requests_in_flight(), webhooks.waiting()}, method,
                               target);
      });
  adapters::http::http_server admin(
      admin_listener(settings),
      admin_handler({host, outside.all(), [&metrics] { return metrics.exposition(); }, draining, webhooks}),
      admin_refusal);
  server.start();  // before the shards are claimed: who cannot listen must not take them from who can
  admin.start();
  host.start();
  webhooks.start();
  outside.all().listen([&payments](processor_notice told) { payments.notify(std::move(told)); });
  log.write(runtime::log_level::info, "started", {{"version", NOVAPAY_VERSION}, {"node", settings.node_name}});
  greet(settings, access.key, server.port(), admin.port());

  stop.wait();
  draining = true;
  std::cout << "\nstopping: requests under way have " << settings.stop_grace.count() / 1000 << " s to finish"
            << std::endl;
  server.stop(settings.stop_grace);
  webhooks.stop();
  host.stop();
  outside.stop();  // answers what is still open, into a host that hears nothing any more
  admin.stop(std::chrono::milliseconds{0});
  log.write(runtime::log_level::info, "stopped", {{"reason", fatal.get()}});
  if (fatal.get().empty()) return 0;
  std::cerr << "novapay: " << fatal.get() << "\n";
  return exit_bug;
}

}  // namespace

int serve(const config& settings) {
  const stop_signal stop;
  try {
    return run(settings, stop);
  } catch (const processors_failure& failed) {
    std::cerr << "novapay: " << failed.what() << "\n";
    return exit_unavailable;
  } catch (const std::logic_error& thrown) {
    std::cerr << "novapay: " << thrown.what() << "\n";
    return exit_bug;
  } catch (const std::exception& thrown) {
    std::cerr << "novapay: " << thrown.what() << "\n";
    return exit_config;
  }
}

}  // namespace novapay::node
