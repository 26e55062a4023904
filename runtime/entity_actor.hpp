// entity_actor: one live entity. Decide, append, evolve, answer, in that order; then start what the state owes.
//
// While an append is under way further commands wait in a bounded queue: nothing is decided on a state about to change.
// A client whose operation is still open waits here too; it is answered with the state at the event that closed it.
//
// It never ends by itself. When it can't go on (its shard is fenced, its append conflicts, it threw) it answers everybody who
// waits, tells its shard, and from then on refuses: the shard drops it and the next command reads the journal again.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <caf/all.hpp>

#include "runtime/context.hpp"

namespace novapay::runtime {

// What a new activation starts from.
struct activation {
  std::shared_ptr<const entity_kind> kind;
  std::unique_ptr<entity> live;
  entity_id id;
  shard_id shard{};
  std::uint64_t epoch = 0;
  caf::actor owner;  // its shard
};

class entity_state {
 public:
  entity_state(caf::event_based_actor* self) : self_(self) {}  // NOLINT: CAF constructs it from the self pointer

  void start(shared_context shared, activation begun);
  void handle(ask& job);
  void appended(append_done& done);
  void passivate();
  void rest();
  void lost(const std::string& why);
  void retry();
  void let_nobody_wait();

  static inline const char* name = "entity";

 private:
  using steady_time = caf::actor_clock::time_point;
  struct waiter {
    responder who;
    bool replayed = false;
    steady_time since;
  };
  struct append_under_way {
    ask job;
    verdict decided;
    steady_time known_since;  // what it is about
  };

  void guarded(const ask* job, const std::function<void()>& step);
  void crashed(const ask* job, const std::string& what);
  void step(ask& job);
  void drain();
  void answer_state(const responder& who) const;
  void answer_operation(const ask& job, std::uint64_t operation, bool replayed);
  void replay(const responder& who, std::uint64_t operation, std::uint64_t version) const;
  void append(ask& job, verdict& decided, timestamp now);
  void resume();
  void committed(append_under_way& done);
  void release_waiters(const std::vector<answered_operation>& answered, steady_time known_since);
  void not_appended(append_under_way& done, const write_result& result);
  void start_owed();
  void leave(departure why, const std::string& detail);
  void fail_everyone(const std::string& why);
  bool idle() const noexcept;

  caf::event_based_actor* self_;
  shared_context shared_;
  activation mine_;
  bool gone_ = false;
  // Most entities are idle most of the time: what is empty must be small. (An empty deque takes 576 bytes.)
  std::unique_ptr<append_under_way> appending_;
  std::list<ask> queue_;
  std::list<ask> retries_;                                          // outcomes whose append found no store
  std::unordered_map<std::uint64_t, std::vector<waiter>> waiting_;  // by operation
  std::size_t waiters_ = 0;
  std::unordered_set<std::string> calls_;  // owed calls under way, by key
};

caf::behavior entity_actor(caf::stateful_actor<entity_state>* self, shared_context shared,
                           std::shared_ptr<activation> begun);

}  // namespace novapay::runtime
