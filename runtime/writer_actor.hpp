// writer_actor: the one that commits. Group commit without a timer: a batch is whatever arrived while the last one was
// being committed. Runs detached, because the journal blocks. Answers an append only when its outcome is known: while a
// commit is unresolved it keeps looking. While the store fails, what arrives is refused as `unavailable`, and a probe every
// `store_probe_every` tells when it works again.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include <caf/all.hpp>

#include "runtime/context.hpp"
#include "runtime/log_writer.hpp"

namespace novapay::runtime {

struct writer_state {
  std::unique_ptr<log_writer> log;
  std::unique_ptr<journal> upkeep;  // a connection of its own for maintenance
  std::deque<append_request> pending;
  bool flush_scheduled = false;
  bool doubt_told = false;  // to those of `unresolved`
  std::vector<caf::actor>
      unresolved;  // whose appends were answered `unknown`, in order: log_writer::resolve answers just these
  static inline const char* name = "journal_writer";
};

caf::behavior writer_actor(caf::stateful_actor<writer_state>* self, shared_context shared,
                           std::shared_ptr<std::unique_ptr<log_writer>> log, std::shared_ptr<journal_store> store);

}  // namespace novapay::runtime
