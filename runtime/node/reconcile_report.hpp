// reconcile_report: what a reconciliation came to, for people (a table) and for programs (JSON, one document).
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "actors/reconcile.hpp"

namespace novapay::node {

// Differences that are kept and shown; further ones are only counted.
inline constexpr std::size_t differences_kept_max = 10'000;

struct reconcile_result {
  std::string processor;
  domain::timestamp from{};
  domain::timestamp to{};
  std::uint64_t lines = 0;  // listed by the processor
  domain::reconciliation_report report;
  std::vector<domain::difference> differences;  // in the order of payments

  std::uint64_t not_shown() const { return report.differing() - differences.size(); }
};

void print_table(std::ostream& to, const reconcile_result& what);
void print_json(std::ostream& to, const reconcile_result& what);

}  // namespace novapay::node
