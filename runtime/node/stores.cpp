#include "runtime/node/stores.hpp"

#include "adapters/postgres/inbox.hpp"
#include "adapters/postgres/journal.hpp"
#include "adapters/postgres/migrate.hpp"
#include "adapters/postgres/scan.hpp"
#include "adapters/sqlite/inbox.hpp"
#include "adapters/sqlite/journal.hpp"
#include "adapters/sqlite/migrate.hpp"
#include "adapters/sqlite/scan.hpp"

namespace novapay::node {
namespace {

sqlite::settings sqlite_settings(const config& settings) {
  return {settings.data + "/novapay.db", settings.store_timeout};
}
postgres::settings postgres_settings(const config& settings) { return {settings.postgres, settings.store_timeout}; }

}  // namespace

std::shared_ptr<runtime::journal_store> open_store(const config& settings) {
  if (settings.store == store_kind::sqlite) return std::make_shared<sqlite::journal_store>(sqlite_settings(settings));
  return std::make_shared<postgres::journal_store>(postgres_settings(settings));
}

std::shared_ptr<webhook_inbox_store> open_inbox(const config& settings) {
  if (settings.store == store_kind::sqlite) return std::make_shared<sqlite::inbox_store>(sqlite_settings(settings));
  return std::make_shared<postgres::inbox_store>(postgres_settings(settings));
}

std::unique_ptr<runtime::journal_scan> open_scan(const config& settings) {
  return settings.store == store_kind::sqlite ? sqlite::open_scan(sqlite_settings(settings))
                                              : postgres::open_scan(postgres_settings(settings));
}

runtime::migration_report migrate_store(const config& settings) {
  return settings.store == store_kind::sqlite ? sqlite::migrate(sqlite_settings(settings))
                                              : postgres::migrate(postgres_settings(settings));
}

std::optional<std::string> check_store(const config& settings) {
  return settings.store == store_kind::sqlite ? sqlite::check(sqlite_settings(settings))
                                              : postgres::check(postgres_settings(settings));
}

std::string ledger_path(const config& settings) { return settings.data + "/sandbox.db"; }

std::string describe_store(const config& settings) {
  return settings.store == store_kind::sqlite ? "SQLite in " + settings.data + "/novapay.db" : "PostgreSQL";
}

}  // namespace novapay::node
