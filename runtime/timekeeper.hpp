// timekeeper: does what is done every so often. It reads the heads of the logs, so that a shard learns that it has another owner even
// when it does not write. And it wakes entities whose wake_at has come. The store is asked, so a timer needs no live actor and survives a crash;
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
  std::string detail;
};
struct fences_read {};  // the heads were read, or could not be
struct woken {
  entity_id id;
  std::uint64_t batch = 0;
  bool done = false;  // it was served: its next wake_at counts again
};
struct wake_soon {};  // the shards were just claimed: look `recovery_horizon` ahead once

class timekeeper_state {
 public:
  timekeeper_state(caf::event_based_actor* self) : self_(self) {}  // NOLINT: CAF constructs it from the self pointer

  void start(shared_context shared);
  void tick();
  void found(due_found& due);
  void one_woken(const woken& who);
  void fences_known() { checking_ = false; }
  void look_ahead() { horizon_ = recovery_horizon; }

  static inline const char* name = "timekeeper";

 private:
  void wake(const entity_id& id);
  void check_fences();

  caf::event_based_actor* self_;
  shared_context shared_;
  bool asking_ = false;
  bool checking_ = false;        // the fences; one look at a time, however long the store takes
  std::size_t outstanding_ = 0;  // of this batch
  std::uint64_t batch_ = 0;
  caf::actor_clock::time_point asked_{};
  caf::actor_clock::time_point batch_began_{};
  caf::actor_clock::time_point fences_checked_{};
  std::chrono::milliseconds horizon_{0};
  std::chrono::milliseconds asked_horizon_{0};  // of the question under way
  std::unordered_map<entity_id, caf::actor_clock::time_point>
      recent_;  // woken less than rewake_after ago and not served yet
};

caf::behavior timekeeper_actor(caf::stateful_actor<timekeeper_state>* self, shared_context shared);

}  // namespace novapay::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::due_found)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::fences_read)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::woken)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(novapay::runtime::wake_soon)
