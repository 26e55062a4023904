// migrate: brings the embedded store's file to the schema this program knows, or says why it isn't there.
//
// Safe to call from several processes at once: each migration is one exclusive transaction.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "adapters/sqlite/settings.hpp"
#include "runtime/migration_plan.hpp"

namespace novapay::sqlite {

// The embedded files of migrations/, ascending.
std::span<const runtime::migration> migrations();

// Makes the folder and the file if need be. What was applied before an error stays applied.
runtime::migration_report migrate(const settings& where);
runtime::migration_report migrate(const settings& where, std::span<const runtime::migration> known);

// nullopt: the file is as this program knows it. Never makes a file.
std::optional<std::string> check(const settings& where);
std::optional<std::string> check(const settings& where, std::span<const runtime::migration> known);

}  // namespace novapay::sqlite
