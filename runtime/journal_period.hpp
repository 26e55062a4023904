// journal_period: the entities to which anything happened in a period, by the logs. It costs what happened then, not what is stored: each
// log is in the order of time but for clocks that disagree, so where a period begins in it is found by halving.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "runtime/journal.hpp"
#include "runtime/journal_scan.hpp"

namespace novapay::runtime {

// How far the clocks of a shard's owners may disagree: records are at most that much out of order.
inline constexpr std::chrono::minutes log_disorder_max{10};

struct period_ports {
  journal_scan& scan;
  journal& log;
  // In any order, and again for each of its events. What it says ends the walk.
  std::function<std::optional<std::string>(const entity_id&)> found;
  // After every page; what it says ends the walk.
  std::function<std::optional<std::string>(std::uint64_t records)> progress;
};

// Events recorded in [from, to). nullopt: all of them were told; otherwise why not.
std::optional<std::string> walk_period(const period_ports& ports, timestamp from, timestamp to);

}  // namespace novapay::runtime
