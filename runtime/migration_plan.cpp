#include "runtime/migration_plan.hpp"

#include <algorithm>

namespace novapay::runtime {

namespace {

std::string four_digits(unsigned version) {
  auto text = std::to_string(version);
  if (text.size() < 4) text.insert(0, 4 - text.size(), '0');
  return text;
}

std::string hex(std::uint64_t value) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(16, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, value >>= 4) *at = digits[value & 15];
  return text;
}

std::optional<std::string> fault(const migration& known, const applied_migration& applied) {
  if (applied.version != known.version)
    return "migration " + four_digits(known.version) + " is missing from the database though later ones were applied";
  const auto checksum = migration_checksum(known.sql);
  if (applied.checksum != checksum)
    return "migration " + four_digits(known.version) + " was changed after it was applied (checksum " +
           hex(applied.checksum) + " in the database, " + hex(checksum) + " in this novapay)";
  return std::nullopt;
}

}  // namespace

std::uint64_t migration_checksum(std::string_view sql) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : sql) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  return hash;
}

migration_plan plan_migrations(std::span<const migration> known, std::span<const applied_migration> applied) {
  for (std::size_t i = 0; i < std::min(known.size(), applied.size()); ++i)
    if (auto error = fault(known[i], applied[i])) return {{}, std::move(error)};

  if (applied.size() > known.size()) {
    const auto newest = known.empty() ? 0 : known.back().version;
    return {{},
            "the database is newer (" + four_digits(applied.back().version) + ") than this novapay (" +
                four_digits(newest) + "): upgrade novapay"};
  }
  return {{known.begin() + static_cast<std::ptrdiff_t>(applied.size()), known.end()}, std::nullopt};
}

std::optional<std::string> check_migrations(std::span<const migration> known,
                                            std::span<const applied_migration> applied) {
  const auto plan = plan_migrations(known, applied);
  if (plan.error) return plan.error;
  if (plan.to_apply.empty()) return std::nullopt;
  if (applied.empty()) return "the database is empty: run `novapay migrate`";
  return "the database is at " + four_digits(applied.back().version) + ", this novapay knows " +
         four_digits(known.back().version) + ": run `novapay migrate`";
}

}  // namespace novapay::runtime
