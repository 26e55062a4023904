// migration_plan: which embedded SQL files a database still needs, and whether it fits this program at all.
//
// A migration is never changed once it was released: its checksum is stored with it, and a difference is an error.
// Pure; the store adapters read the `schema_migration` table and run the SQL.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace novapay::runtime {

// One embedded file: adapters/<store>/migrations/0001_first.sql. Static storage.
struct migration {
  unsigned version = 0;   // 1, 2, 3, … without a gap
  std::string_view name;  // "0001_first"
  std::string_view sql;
};

// One row of `schema_migration`.
struct applied_migration {
  unsigned version = 0;
  std::string name;
  std::uint64_t checksum = 0;
};

// What `migrate` did. With an error, `applied` still names what was committed before it.
struct migration_report {
  std::vector<std::string> applied;
  std::optional<std::string> error;
};

struct migration_plan {
  std::vector<migration> to_apply;   // ascending; empty with an error
  std::optional<std::string> error;  // the database was changed by hand, or is newer than this program
};

std::uint64_t migration_checksum(std::string_view sql) noexcept;  // FNV-1a, 64 bits

// Both lists ascend by version.
migration_plan plan_migrations(std::span<const migration> known, std::span<const applied_migration> applied);

// nullopt when the database is exactly what this program knows; otherwise what is wrong and what to do.
std::optional<std::string> check_migrations(std::span<const migration> known,
                                            std::span<const applied_migration> applied);

}  // namespace novapay::runtime
