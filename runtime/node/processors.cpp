#include "runtime/node/processors.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "adapters/adyen/adyen_processor.hpp"
#include "adapters/adyen/report_statement.hpp"
#include "adapters/adyen/settlement.hpp"
#include "adapters/adyen/webhooks.hpp"
#include "adapters/http_client/client.hpp"
#include "adapters/sandbox/sandbox_processor.hpp"
#include "adapters/stripe/lookup.hpp"
#include "adapters/stripe/settlement.hpp"
#include "adapters/stripe/statement.hpp"
#include "adapters/stripe/stripe_processor.hpp"
#include "adapters/stripe/webhooks.hpp"
#include "adapters/system/thread_priority.hpp"
#include "runtime/node/stores.hpp"

namespace novapay::node {
namespace {

sandbox::settings sandbox_settings(const config& settings) {
  sandbox::settings how;
  how.ledger_path = ledger_path(settings);
  how.latency = settings.sandbox.latency;
  how.on_thread = adapters::run_after_the_others;
  how.behaviour.slow_delay = settings.sandbox.slow_delay;
  how.behaviour.very_slow_delay = settings.sandbox.very_slow_delay;
  how.behaviour.answer_timeout = settings.sandbox.answer_timeout;
  how.behaviour.settle_after = settings.sandbox.settle_after;
  how.behaviour.late_failure_after = settings.sandbox.late_failure_after;
  how.behaviour.notice_retry = settings.sandbox.notice_retry;
  return how;
}

stripe::settings stripe_settings(const processor_config& from) {
  stripe::settings how;
  how.name = from.name;
  how.live = from.live;
  how.secret_key = from.api_key;
  if (!from.base_url.empty()) how.base_url = from.base_url;
  how.webhook_secrets = from.webhook_secrets;
  how.connect_timeout = from.connect_timeout;
  how.request_timeout = from.call_timeout;
  how.call_timeout = 2 * from.call_timeout;
  how.in_flight_max = from.calls_max + from.queue_max;
  how.multicapture = from.multicapture;
  return how;
}

adyen::settings adyen_settings(const processor_config& from) {
  adyen::settings how;
  how.name = from.name;
  how.live = from.live;
  how.api_key = from.api_key;
  how.merchant_account = from.merchant_account;
  if (!from.base_url.empty()) how.base_url = from.base_url;
  how.hmac_keys = from.webhook_secrets;
  how.webhook_user = from.webhook_user;
  how.webhook_password = from.webhook_password;
  how.report_user = from.report_user;
  how.report_password = from.report_password;
  how.connect_timeout = from.connect_timeout;
  how.request_timeout = from.call_timeout;
  how.in_flight_max = from.calls_max + from.queue_max;
  return how;
}

// Connections as many as calls: a call must not wait for one that never comes.
adapters::http_client::pool_settings pool_of(const processor_config& from) {
  adapters::http_client::pool_settings pool;
  pool.calls_max = from.calls_max;
  pool.queue_max = from.queue_max;
  pool.connections_max = from.calls_max;
  pool.ca_file = from.ca_file;
  return pool;
}

}  // namespace

struct processors::member {
  std::string name;
  std::unique_ptr<processor> adapter;
  std::unique_ptr<measured_processor> measured;
  std::unique_ptr<webhook_format> webhooks;
  std::unique_ptr<processor_settlement> settlement;
  std::unique_ptr<payment_lookup> lookup;
};

processors::processors(const config& settings, const processor_ports& ports) : how_(settings.processing) {
  std::map<std::string, adapters::http_client::pool_settings> pools;
  for (const auto& one : how_.processors)
    if (one.kind != processor_kind::sandbox) pools.emplace(one.name, pool_of(one));
  try {
    if (!pools.empty()) client_ = std::make_unique<adapters::http_client::client>(pools, ports.registry);
  } catch (const std::exception& thrown) { throw processors_failure(thrown.what()); }

  std::vector<processor_member> set;
  for (const auto& one : how_.processors) {
    make(one, settings, ports);
    const bool in_process = one.kind == processor_kind::sandbox;
    set.push_back({one.name, members_.back()->measured.get(), one.live, one.currencies, in_process, !in_process});
  }
  set_ = std::make_unique<processor_set>(std::move(set), how_.breaker, ports.time, ports.logger, ports.registry);
}

processors::~processors() { stop(); }

void processors::make(const processor_config& how, const config& settings, const processor_ports& ports) {
  auto& made = *members_.emplace_back(std::make_unique<member>());
  made.name = how.name;
  switch (how.kind) {
    case processor_kind::sandbox: {
      std::string problem;
      made.adapter = sandbox::sandbox_processor::open(sandbox_settings(settings), ports.time, ports.logger, problem);
      if (!made.adapter) throw processors_failure(problem);
      break;
    }
    case processor_kind::stripe: {
      const auto stripe = stripe_settings(how);
      made.adapter =
          std::make_unique<stripe::stripe_processor>(stripe, *client_, ports.time, ports.logger, ports.registry);
      made.webhooks = std::make_unique<stripe::webhooks>(stripe, ports.logger, ports.registry);
      made.settlement = std::make_unique<stripe::settlement>(stripe, *client_);
      made.lookup = std::make_unique<stripe::intent_lookup>(stripe, *client_);
      break;
    }
    case processor_kind::adyen: {
      const auto adyen = adyen_settings(how);
      made.adapter =
          std::make_unique<adyen::adyen_processor>(adyen, *client_, ports.time, ports.logger, ports.registry);
      made.webhooks = std::make_unique<adyen::webhooks>(adyen, ports.logger, ports.registry);
      made.settlement = std::make_unique<adyen::settlement>(adyen, *client_, ports.logger, ports.registry);
      break;
    }
  }
  made.measured = std::make_unique<measured_processor>(*made.adapter, how.name, ports.time, ports.registry);
}

domain::handling processors::handle(const domain::terms& asked) const {
  const auto& merchant = how_.of(asked.merchant);
  auto choice = domain::choose_route(asked, merchant.routing, set_->standings());
  return {std::move(choice.route), std::move(choice.rule), merchant.expiring, merchant.expiring_lead};
}

domain::route_choice processors::explain(const domain::terms& asked) const {
  return domain::choose_route(asked, how_.of(asked.merchant).routing, set_->standings(), domain::explain::yes);
}

std::vector<webhook_source> processors::webhook_sources() const {
  std::vector<webhook_source> all;
  for (const auto& one : members_)
    if (one->webhooks) all.push_back({one->name, one->webhooks.get(), one->settlement.get(), one->lookup.get()});
  return all;
}

opened_statement open_statement(const config& settings, const std::string& name,
                                const std::vector<std::string>& reports, runtime::metrics& registry) {
  const auto& all = settings.processing.processors;
  const auto how =
      std::find_if(all.begin(), all.end(), [&](const processor_config& each) { return each.name == name; });
  opened_statement opened;
  if (how == all.end() || how->kind == processor_kind::sandbox) throw processors_failure(name + " has no statement");
  if (how->kind == processor_kind::adyen) {
    opened.statement = std::make_unique<adyen::report_statement>(adyen_settings(*how), reports);
    opened.traits = adyen::report_traits;
    return opened;
  }
  try {
    const std::map<std::string, adapters::http_client::pool_settings> pools{{name, pool_of(*how)}};
    opened.client = std::make_unique<adapters::http_client::client>(pools, registry);
  } catch (const std::exception& thrown) { throw processors_failure(thrown.what()); }
  opened.statement = std::make_unique<stripe::statement>(stripe_settings(*how), *opened.client);
  opened.traits = stripe::list_traits;
  return opened;
}

void processors::stop() {
  client_.reset();
  for (auto& one : members_)
    if (dynamic_cast<sandbox::sandbox_processor*>(one->adapter.get()) != nullptr) one->adapter.reset();
}

}  // namespace novapay::node
