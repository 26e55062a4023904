// timekeeper: wakes entities whose wake_at has come. The store is asked, so a timer needs no live actor and survives a crash;
// the next batch is asked for when the last one has been woken, so a storm of timers doesn't flood the shards.
#pragma once

#include <unordered_map>
#include <vector>

#include <caf/all.hpp>

#include "runtime/context.hpp"

namespace novapay::runtime {

struct due_found {
  bool failed = false;
  std::vector<entity_id> ids;
};
struct woken {};
struct wake_soon {};  // the shards were just claimed: look `recovery_horizon` ahead once

class timekeeper_state {
 public:
  timekeeper_state(caf::event_based_actor* self) : self_(self) {}  // NOLINT: CAF constructs it from the self pointer

  void start(shared_context shared);
  void tick();
  void found(due_found& due);
  void one_woken() { --outstanding_; }
  void look_ahead() { horizon_ = recovery_horizon; }

  static inline const char* name = "timekeeper";

 private:
  void wake(const entity_id& id);

  caf::event_based_actor* self_;
  shared_context shared_;
  bool asking_ = false;
  std::size_t outstanding_ = 0;
  std::chrono::milliseconds horizon_{0};
  std::unordered_map<entity_id, caf::actor_clock::time_point> recent_;  // woken less than rewake_after ago
};

caf::behavior timekeeper_actor(caf::stateful_actor<timekeeper_state>* self, shared_context shared);

}  // namespace novapay::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::due_found)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::woken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::wake_soon)
