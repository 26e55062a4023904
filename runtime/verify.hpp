// verify: is what is stored what was journaled? Replays every entity with its kind's own evolve and compares the result with
// the stored state and the columns it is listed by; looks for gaps and forks in every log and every history.
//
// Reads the whole store in order, one page of each kind at a time. Nodes may go on writing: what looks wrong is read again
// before it is reported.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/entity.hpp"
#include "runtime/journal.hpp"
#include "runtime/journal_scan.hpp"

namespace novapay::runtime {

struct finding {
  std::optional<entity_id> entity;  // what it is about, or else …
  std::optional<log_position> at;   // … where in the log
  std::string what;
};

struct verify_counts {
  std::uint64_t shards = 0;   // with a log
  std::uint64_t records = 0;  // of the logs, claims included
  std::uint64_t entities = 0;
  std::uint64_t events = 0;  // replayed
  std::uint64_t findings = 0;
};

struct verify_ports {
  journal_scan& scan;
  journal& fresh;  // reads again what looks wrong
  std::vector<std::shared_ptr<const entity_kind>> kinds;
  std::function<void(const finding&)> found;
  std::function<void(const verify_counts&)> progress;  // after every page
};

struct verify_outcome {
  verify_counts counts;
  std::optional<std::string> broken_off;  // a read failed: the rest is not known
};

verify_outcome verify(const verify_ports& ports);

}  // namespace novapay::runtime
