// processors: the processors of a node as its configuration names them, wired: adapters over one HTTP client, measured, behind their
// circuit breakers; what their webhooks look like; where a merchant's payments go.
#pragma once

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "actors/measured_processor.hpp"
#include "actors/processor_set.hpp"
#include "actors/statement.hpp"
#include "actors/webhook_desk.hpp"
#include "runtime/clock.hpp"
#include "runtime/http_client.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "runtime/node/config.hpp"

namespace novapay::node {

struct processor_ports {
  const runtime::clock& time;
  runtime::log& logger;
  runtime::metrics& registry;
};

// A ledger that cannot be opened, certificates that cannot be read.
struct processors_failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class processors {
 public:
  // Throws processors_failure. `settings` and the
  // ports outlive this.
  processors(const config& settings, const processor_ports& ports);
  ~processors();

  processor_set& all() noexcept { return *set_; }
  // Threads: any. How a new payment is handled; an empty route: nobody can take it.
  domain::handling handle(const domain::terms& asked) const;
  domain::route_choice explain(const domain::terms& asked) const;

  // Who sends webhooks; the sandbox tells by itself. They live as long as this.
  std::vector<webhook_source> webhook_sources() const;

  // Ends every call that is under way and takes no more. Answers go to a host that may have stopped.
  void stop();

 private:
  struct member;
  void make(const processor_config& how, const config& settings, const processor_ports& ports);

  const processing_config& how_;
  std::unique_ptr<runtime::http_client> client_;  // nullptr: nobody is called by HTTP
  std::vector<std::unique_ptr<member>> members_;
  std::unique_ptr<processor_set> set_;
};

// A processor's statement by itself, for a command: nothing else of the node is wired.
struct opened_statement {
  std::unique_ptr<runtime::http_client> client;  // nullptr: nobody is called
  std::unique_ptr<processor_statement> statement;
  statement_traits traits;
};
// `name` is configured and no sandbox. `reports`: files, for those that list nothing on request (Adyen). Throws processors_failure.
// `registry` outlives it.
opened_statement open_statement(const config& settings, const std::string& name,
                                const std::vector<std::string>& reports, runtime::metrics& registry);

}  // namespace novapay::node
