// shard_actor: one shard of the ids of this node. Finds or activates the entity a command is for, settles which entity a
// creation key means (in its own mailbox, so the same key meets itself here), counts what is in flight, lets idle entities go.
//
// Serves only while it holds a claim (`claimed`). When an append says that the log has another owner it drops everything
// and answers `unavailable`: the new owner has the truth.
#pragma once

#include <deque>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include <caf/all.hpp>

#include "runtime/context.hpp"
#include "runtime/entity_actor.hpp"

namespace novapay::runtime {

class shard_state {
 public:
  shard_state(caf::event_based_actor* self) : self_(self) {}  // NOLINT: CAF constructs it from the self pointer

  void start(shared_context shared, shard_id mine);
  void claim(std::uint64_t epoch);
  void handle(ask& job);
  void loaded(load_done& done);
  void key_known(key_done& done);
  void entity_left(const departed& how);
  void entity_busy(const entity_id& id);
  void epoch_known(std::uint64_t epoch);
  void sweep();

  static inline const char* name = "shard";

 private:
  using steady_time = caf::actor_clock::time_point;
  enum class phase : std::uint8_t { loading, live, leaving };
  struct entry {
    phase where = phase::loading;
    caf::actor actor;
    bool resting = false;
    std::vector<ask> waiting;  // while loading or leaving
    steady_time used;
    std::list<entity_id>::iterator age;  // place in by_age_
  };
  // A creation key: looked up (waiting), then known to mean `id`. Not forgotten while its entity is here, since its first append
  // may be under way, nor after that entity has crashed: until the store knows the key, this is the only place that does.
  struct known_key {
    bool looking = true;
    bool kept = false;
    entity_id id;
    std::vector<ask> waiting;
    std::list<const creation_key*>::iterator age;
  };
  struct key_hash {
    std::size_t operator()(const creation_key& key) const noexcept {
      return std::hash<std::string>{}(key.key) * 31 + std::hash<std::string>{}(key.scope);
    }
  };
  struct crash_count {
    std::size_t count = 0;
    steady_time first;
  };

  bool admit(ask& job);
  void create(ask& job);
  void create_as(ask& job, const entity_id& id, bool fresh);
  void dispatch(ask& job);
  static void refuse_for_store(const ask& job);
  entry& insert(const entity_id& id, phase where);
  void activate(const entity_id& id, entry& one, const ask& first, const std::optional<entity_row>& row);
  void erase(const entity_id& id);
  void touch(entry& one);
  void let_rest(steady_time now);
  void let_go(const entity_id& id, entry& one);
  void hold_to_cap();
  void forget_keys();
  void count_crash(const departed& how);
  void lose(const std::string& why);
  void arm_sweep();

  caf::event_based_actor* self_;
  shared_context shared_;
  shard_id mine_{};
  std::uint64_t epoch_ = 0;
  bool claimed_ = false;
  bool sweeping_ = false;
  in_flight_counter in_flight_;
  std::unordered_map<entity_id, entry> entities_;
  std::list<entity_id> by_age_;  // longest unused first
  std::unordered_map<creation_key, known_key, key_hash> keys_;
  std::list<const creation_key*> keys_by_age_;  // the keys of keys_, oldest first
  std::unordered_map<entity_id, crash_count> crashes_;
  std::deque<std::pair<timestamp, responder::watch>> deadlines_;
};

caf::behavior shard_actor(caf::stateful_actor<shard_state>* self, shared_context shared, shard_id mine);

}  // namespace novapay::runtime
