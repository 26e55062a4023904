// memory: a journal without a disk, for simulation and tests, whose faults are scripted.
//
// Every journal a store opens shares one truth behind one mutex: stores and journals are thread-safe, and a journal
// outlives its store. Nothing here looks at a clock or draws a random number, so a run replays exactly.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "runtime/journal.hpp"

namespace novapay::memory {

enum class append_fault {
  unavailable,           // not written, answered `unavailable`
  unknown_applied,       // written, answered `unknown`: only the answer is lost
  unknown_lost,          // not written, answered `unknown`: the request never arrived
  unknown_applied_late,  // answered `unknown`, written when `calls` further calls have been made on any journal of the
                         // store: the old transaction was still in flight. It vanishes if it collides by then
};

class journal_store final : public runtime::journal_store {
 public:
  journal_store();
  ~journal_store() override;

  std::unique_ptr<runtime::journal> open() override;

  // Faults queue up: each append takes the next one. `calls` (at least 1) only matters to unknown_applied_late.
  void fail_append(append_fault fault, std::size_t calls = 1);

  // The next `count` reads answer no value, after `passing` that still work.
  void fail_reads(std::size_t count, std::size_t passing = 0);

  // What is still in flight arrives now, and scripted faults that nobody met are forgotten.
  void heal();

  // One shard's whole log, for checks. Not a call of the port: meets no fault, lets nothing arrive.
  std::vector<runtime::log_record> log(runtime::shard_id shard) const;

  struct state;

 private:
  std::shared_ptr<state> state_;
};

}  // namespace novapay::memory
