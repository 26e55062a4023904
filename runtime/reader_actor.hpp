// reader_actor: reads from the journal on a connection of its own. Activations and key look-ups are batched the way the
// writer batches appends; any other read runs by itself. Runs detached, because the journal blocks.
#pragma once

#include <memory>

#include <caf/all.hpp>

#include "runtime/context.hpp"

namespace novapay::runtime {

struct reader_state {
  std::unique_ptr<journal> log;
  std::vector<load_request> loads;
  std::vector<key_request> keys;
  bool flush_scheduled = false;
  static inline const char* name = "journal_reader";
};

caf::behavior reader_actor(caf::stateful_actor<reader_state>* self, shared_context shared,
                           std::shared_ptr<journal_store> store);

}  // namespace novapay::runtime
