// inbox: the webhooks' inbox without a disk, for simulation and tests, whose faults are scripted.
//
// Every inbox a store opens shares one truth behind one mutex: stores and inboxes are thread-safe, and an inbox outlives its store.
#pragma once

#include <cstddef>
#include <memory>

#include "actors/webhook_inbox.hpp"

namespace novapay::memory {

class inbox_store final : public webhook_inbox_store {
 public:
  inbox_store();
  ~inbox_store() override;
  std::unique_ptr<webhook_inbox> open() override;

  // The next `count` writes answer `status`; with `unknown` they may have been `applied` all the same.
  void fail_writes(std::size_t count, inbox_status status, bool applied = false);
  void fail_reads(std::size_t count);

  struct state;

 private:
  std::shared_ptr<state> state_;
};

}  // namespace novapay::memory
