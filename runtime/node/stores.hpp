// stores: the journal a config names: opened, checked, migrated.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "actors/webhook_inbox.hpp"
#include "runtime/journal.hpp"
#include "runtime/journal_scan.hpp"
#include "runtime/migration_plan.hpp"
#include "runtime/node/config.hpp"

namespace novapay::node {

std::shared_ptr<runtime::journal_store> open_store(const config& settings);
std::shared_ptr<webhook_inbox_store> open_inbox(const config& settings);  // beside the journal
std::unique_ptr<runtime::journal_scan> open_scan(const config& settings);
runtime::migration_report migrate_store(const config& settings);
std::optional<std::string> check_store(const config& settings);  // nullopt: fits this program

std::string ledger_path(const config& settings);     // DATA/sandbox.db
std::string describe_store(const config& settings);  // "SQLite in data/novapay.db", "PostgreSQL"; never a password

}  // namespace novapay::node
