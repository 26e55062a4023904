// writer_actor: the one that commits. Group commit without a timer: a batch is whatever arrived while the last one was
// being committed. Runs detached, because the journal blocks. Answers an append only when its outcome is known: while a
// commit is unresolved it keeps looking, and everything else waits.
#pragma once

#include <memory>

#include <caf/all.hpp>

#include "runtime/context.hpp"
#include "runtime/log_writer.hpp"

namespace novapay::runtime {

struct writer_state {
  std::unique_ptr<log_writer> log;
  std::unique_ptr<journal> upkeep;           // a connection of its own for maintenance
  std::vector<append_request> pending;
  std::size_t pending_bytes = 0;
  bool flush_scheduled = false;
  std::vector<append_request> unresolved;    // in the order of the unresolved batch
  static inline const char* name = "journal_writer";
};

caf::behavior writer_actor(caf::stateful_actor<writer_state>* self, shared_context shared,
                           std::shared_ptr<std::unique_ptr<log_writer>> log, std::shared_ptr<journal_store> store);

}  // namespace novapay::runtime
