// novapay: the one program. Reads the command line and the config file, and runs a command.
#include <iostream>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "actors/api_key.hpp"
#include "adapters/credentials/key_hash.hpp"
#include "adapters/credentials/keys_file.hpp"
#include "adapters/sandbox/ledger.hpp"
#include "adapters/sandbox/tokens.hpp"
#include "adapters/system/crash_points.hpp"
#include "adapters/system/system_random.hpp"
#include "runtime/host.hpp"
#include "runtime/node/config.hpp"
#include "runtime/node/reconcile.hpp"
#include "runtime/node/serve.hpp"
#include "runtime/node/stores.hpp"
#include "runtime/node/verify.hpp"

namespace {

using namespace novapay;
using namespace novapay::node;

constexpr int exit_usage = 64;
constexpr int exit_unavailable = 69;
constexpr int exit_config = 78;

// What the command line sets over the file. Empty or absent: the file's value stands.
struct options {
  std::string config_file;
  std::string data;
  std::string listen;
  std::string admin;
  std::string store;
  std::string postgres;
  std::string credentials;
  std::string log_level;
  int shard_bits = -1;
};

void add_store_options(CLI::App& command, options& into) {
  command.add_option("--config", into.config_file, "YAML file; cluster-config/node.yaml shows every setting");
  command.add_option("--data", into.data, "folder of the embedded store and the sandbox's ledger (default: data)");
  command.add_option("--store", into.store, "sqlite (default) or postgres")
      ->check(CLI::IsMember({"sqlite", "postgres"}));
  command.add_option("--postgres", into.postgres,
                     "libpq connection string: \"host=127.0.0.1 dbname=novapay user=novapay\"");
}

void add_serve_options(CLI::App& command, options& into) {
  add_store_options(command, into);
  command.add_option("--listen", into.listen,
                     "address and port of the REST API (default: 127.0.0.1:8080; port 0: any free one)");
  command.add_option("--admin", into.admin, "address and port of health and metrics (default: 127.0.0.1:9090)");
  command.add_option("--credentials", into.credentials,
                     "API keys file (default: DATA/credentials.yaml with a test merchant)");
  command.add_option("--shard-bits,--shards-bits", into.shard_bits, "log2 of the number of shards (default: 10)")
      ->check(CLI::Range(0, static_cast<int>(runtime::shard_bits_max)));
  command.add_option("--log-level", into.log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
}

std::variant<config, config_error> effective(const options& given) {
  config settings;
  if (!given.config_file.empty()) {
    auto read = read_config(given.config_file);
    if (std::holds_alternative<config_error>(read)) return read;
    settings = std::get<config>(std::move(read));
  }
  const auto over = [](const std::string& from, std::string& into) {
    if (!from.empty()) into = from;
  };
  over(given.data, settings.data);
  over(given.listen, settings.listen);
  over(given.admin, settings.admin);
  over(given.postgres, settings.postgres);
  over(given.credentials, settings.credentials);
  over(given.log_level, settings.log_level);
  if (!given.store.empty()) settings.store = given.store == "postgres" ? store_kind::postgres : store_kind::sqlite;
  if (given.shard_bits >= 0) settings.shard_bits = static_cast<unsigned>(given.shard_bits);
  if (auto problem = problem_with(settings); !problem.empty()) return config_error{std::move(problem)};
  return settings;
}

template <class Run>
int with_config(const options& given, Run run) {
  const auto settings = effective(given);
  if (const auto* bad = std::get_if<config_error>(&settings)) {
    std::cerr << "novapay: " << bad->message << "\n";
    return exit_config;
  }
  return run(std::get<config>(settings));
}

void add_reconcile_options(CLI::App& command, options& into, reconcile_options& asked) {
  add_store_options(command, into);
  command.add_option("--processor", asked.processor, "its configured name")->required();
  command.add_option("--from", asked.from, "the period's beginning: 2026-11-21 (UTC) or 2026-11-21T09:30:00Z")
      ->required();
  command.add_option("--to", asked.to, "its end, excluded")->required();
  command.add_option("--report", asked.reports,
                     "Adyen: its settlement detail reports, all that follow the period; may be given several times");
  command.add_option(
      "--lag", asked.lag,
      "how old an operation must be to be missed where it is not listed: 90s, 5m, 2h, 7d (default: 1m; with reports "
      "7d, counted back from their newest line)");
  command.add_option("-o,--output", asked.output, "table (default) or json")->check(CLI::IsMember({"table", "json"}));
}

int migrate(const config& settings) {
  const auto report = migrate_store(settings);
  for (const auto& name : report.applied) std::cout << "applied " << name << "\n";
  if (report.error) {
    std::cerr << "novapay: " << *report.error << "\n";
    return exit_unavailable;
  }
  if (report.applied.empty()) std::cout << "nothing to do: " << describe_store(settings) << " is up to date\n";
  return 0;
}

int print_ledger(const config& settings) {
  std::string error;
  if (!sandbox::read_ledger(ledger_path(settings), error)) {
    std::cerr << "novapay: " << error << "\n";
    return exit_unavailable;
  }
  std::cout << sandbox::ledger_json(ledger_path(settings)) << "\n";
  return 0;
}

int keygen(const std::string& merchant, const std::string& mode, const std::string& file, const std::string& name) {
  adapters::system_random random;
  const auto in = mode == "live" ? domain::mode::live : domain::mode::test;
  const auto key = make_api_key(in, random);
  if (!file.empty()) {
    try {
      adapters::append_key(file, {merchant, in, adapters::sha256(key), name});
    } catch (const std::exception& thrown) {
      std::cerr << "novapay: " << thrown.what() << "\n";
      return exit_config;
    }
    std::cout << key << "\n"
              << "added to " << file << " for " << merchant << "; the key is shown this once\n";
    return 0;
  }
  std::cout << key << "\n"
            << "entry for the credentials file (the key itself is shown this once):\n"
            << "  - merchant: " << merchant << "\n    mode: " << mode << "\n    sha256: \"" << adapters::key_hash(key)
            << "\"\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
#ifdef NOVAPAY_CRASH_POINTS
  if (argc == 2 && std::string_view{argv[1]} == "crash-points") {
    std::cout << adapters::crash_point_names();
    return 0;
  }
  if (const auto problem = adapters::arm_crash_point()) {
    std::cerr << "novapay: " << *problem << "\n";
    return exit_usage;
  }
#endif
  CLI::App app{"NovaPay: takes payments for merchants and carries them through processors.", "novapay"};
  app.set_version_flag("--version", "novapay " NOVAPAY_VERSION);
  app.require_subcommand(1);
  options given;

  auto* serve_command = app.add_subcommand("serve", "run a node: REST API, payments, sandbox processor");
  add_serve_options(*serve_command, given);
  auto* migrate_command = app.add_subcommand("migrate", "bring the database to the schema this version knows");
  add_store_options(*migrate_command, given);
  auto* verify_command = app.add_subcommand(
      "verify",
      "replay every payment from the journal and compare it with what is stored; look for gaps and forks in every log. "
      "Reads only, and may run beside serving nodes. Ends with 0 if all is sound, 65 if something differs");
  add_store_options(*verify_command, given);
  reconcile_options asked;
  auto* reconcile_command = app.add_subcommand("reconcile",
                                               "compare what the journal says was done at a processor in a period with "
                                               "what the processor lists. Payments count with the time "
                                               "they were created, and their captures and cancels with them, as they "
                                               "stand now; refunds with their own. Of Adyen's reports "
                                               "captures and refunds are compared, each with its own time. Reads only, "
                                               "and may run beside serving nodes; progress goes to standard "
                                               "error. Ends with 0 if both agree, 65 if something differs; 64: wrong "
                                               "options, 66: a report that cannot be used, 69: store "
                                               "or processor out of reach, 78: wrong configuration, 130: interrupted");
  add_reconcile_options(*reconcile_command, given, asked);

  std::string merchant = "mrc_demo";
  std::string mode = "test";
  std::string file;
  std::string name;
  auto* keygen_command = app.add_subcommand("keygen", "make an API key");
  keygen_command->add_option("--merchant", merchant, "who it belongs to (default: mrc_demo)");
  keygen_command->add_option("--mode", mode, "test (default) or live")->check(CLI::IsMember({"test", "live"}));
  keygen_command->add_option("--file", file, "credentials file to add its hash to; without it the entry is printed");
  keygen_command->add_option("--name", name, "a name for the entry");

  auto* tokens_command = app.add_subcommand("tokens", "print the sandbox's test tokens as JSON");
  auto* sandbox_command = app.add_subcommand("sandbox", "look into the sandbox processor");
  sandbox_command->require_subcommand(1);
  auto* ledger_command = sandbox_command->add_subcommand("ledger", "print what the sandbox charged, as JSON");
  add_store_options(*ledger_command, given);

  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError& missing) {  // says that something is missing, even where something else was given
    const auto unknown = app.remaining(true);
    if (unknown.empty()) return app.exit(missing) == 0 ? 0 : exit_usage;
    std::cerr << "novapay: there is no '" << unknown.front() << "'; --help says what there is\n";
    return exit_usage;
  } catch (const CLI::ParseError& wrong) { return app.exit(wrong) == 0 ? 0 : exit_usage; }
  if (*serve_command) return with_config(given, serve);
  if (*migrate_command) return with_config(given, migrate);
  if (*verify_command) return with_config(given, verify_store);
  if (*reconcile_command)
    return with_config(given, [&asked](const config& settings) { return reconcile_period(settings, asked); });
  if (*keygen_command) return keygen(merchant, mode, file, name);
  if (*tokens_command) {
    std::cout << sandbox::tokens_json() << "\n";
    return 0;
  }
  if (*ledger_command) return with_config(given, print_ledger);
  return exit_usage;
}
