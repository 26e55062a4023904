// migrate: brings a PostgreSQL database to the schema this program knows, or says why it isn't there.
//
// Several nodes may migrate at once: an advisory lock lets one work, and the others find it done. Everything lives in the
// first schema of the connection's search_path.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "adapters/postgres/settings.hpp"
#include "runtime/migration_plan.hpp"

namespace novapay::postgres {

// The embedded files of migrations/, ascending.
std::span<const runtime::migration> migrations();

// Each migration is one transaction; what was applied before an error stays. Then makes the key partitions for this week
// and the next, by the server's clock. A call may take `migration_timeout`, whatever the settings' call_timeout.
runtime::migration_report migrate(const settings& where);
runtime::migration_report migrate(const settings& where, std::span<const runtime::migration> known);

// nullopt: the database is as this program knows it. Changes nothing.
std::optional<std::string> check(const settings& where);
std::optional<std::string> check(const settings& where, std::span<const runtime::migration> known);

inline constexpr std::chrono::seconds migration_connect_timeout{30};
inline constexpr std::chrono::minutes migration_timeout{30};  // of one migration, waiting for another node's included

}  // namespace novapay::postgres
