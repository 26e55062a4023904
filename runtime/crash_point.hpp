// crash_point: places at which a test build can be told to die at once, as by a power cut.
//
// `passing(where)` marks one; it is nothing unless the build has NOVAPAY_CRASH_POINTS (preset `fire`). Named `append.after`
// and so on: adapters/system/crash_points.cpp, which also knows what is armed. A new one: here, there, and one line where it
// is passed; tests/fire/fire_grid.py finds it by itself.
#pragma once

#include <cstdint>

namespace novapay::runtime {

enum class crash_point : std::uint8_t {
  claim_before,        // the claims of a new owner are not in the log yet
  claim_after,         // they are, and nobody knows
  maintenance_before,  // the store's upkeep, right after a start
  maintenance_after,
  key_before,          // a creation's key is not looked up yet
  key_after,           // it is, and is not acted upon
  activation_before,   // an entity's state is not read yet
  activation_after,    // it is, and the entity does not live
  resume_before,       // an earlier life left calls owed; nothing says yet that they are sent again
  append_before,       // a batch has not reached the store
  append_after,        // its fate is known to the writer alone
  commit_before,       // SQLite: every row is written, COMMIT is not
  commit_sent,         // PostgreSQL: the statement is on its way, its answer is not here
  doubt_before,        // the fate of a commit is open, and is not looked up yet
  doubt_after,         // the log has said what became of it
  evolve_before,       // the events are durable, the entity does not know
  evolve_after,        // it does, nobody is answered and nothing owed is begun
  processor_before,    // a call is not sent
  processor_sent,      // it is handed over
  processor_executed,  // sandbox: money has moved, nobody has heard
  processor_after,     // the outcome is here
  outcome_after,       // it is on its way to its entity
  notice_before,       // a settlement or late failure is told
  notice_after,        // it is in the journal and not acknowledged
  wake_before,         // a timer is due
  wake_after,          // what it was due for is durable
  reply_before,        // nothing of an answer is written to the client
  reply_after,         // it is in the socket
};
inline constexpr auto crash_point_last = crash_point::reply_after;

#ifdef NOVAPAY_CRASH_POINTS
void passing(crash_point where) noexcept;
#else
constexpr void passing(crash_point) noexcept {}
#endif

}  // namespace novapay::runtime
