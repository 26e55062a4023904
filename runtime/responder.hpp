// responder: the duty to answer one command, exactly once, whatever happens to who holds it.
//
// CAF never answers a request whose promise was dropped, or whose receiver's connection died, and its request timers are
// never cancelled. So commands carry this instead: the first answer wins, and when the last copy is destroyed unanswered
// the caller gets `outcome_unknown`. Copies share one duty. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "runtime/entity_id.hpp"

namespace novapay::runtime {

enum class reply_status : std::uint8_t {
  ok = 1,             // `body` is the entity's encoded state at `version`
  refused,            // `body` is the kind's encoded refusal
  not_found,          // no such entity in this scope
  overloaded,         // a bounded queue is full; nothing was done
  unavailable,        // the shard is not ours (now), or the node is starting or stopping; nothing was decided
  deadline_exceeded,  // not begun in time; nothing was done
  quarantined,        // the entity keeps failing; nothing was done
  outcome_unknown,    // it may or may not have been done
  internal,           // a bug
  store_unavailable,  // as `unavailable`, and the store is the cause
  store_unknown,      // as `outcome_unknown`, and the store is the cause
};

struct reply {
  reply_status status = reply_status::ok;
  entity_id entity;
  std::uint64_t version = 0;
  std::string body;
  std::uint64_t operation = 0;          // of the kind; 0: none
  bool replayed = false;                // an idempotent repetition
  std::chrono::microseconds waited{0};  // from the intent's commit to the arrival of what answered it: time spent outside
  std::string detail;                   // for the log
};

// How many commands are unanswered; shared by who limits and who answers.
using in_flight_counter = std::shared_ptr<std::atomic<std::int64_t>>;

struct pending_reply;

class responder {
 public:
  using handler = std::function<void(reply)>;  // must not block, must not throw

  responder() = default;  // nobody waits
  explicit responder(handler done);

  bool awaited() const noexcept { return duty_ != nullptr; }  // false: nobody ever waited
  void answer(reply with) const;
  void fail(reply_status why, std::string detail = {}) const;

  // Counts this duty until it is answered. Once only, by who admits the command.
  void count_in(const in_flight_counter& counter);

  // A reference that does not keep the duty alive: for a watch on deadlines.
  class watch {
   public:
    bool expired() const noexcept { return duty_.expired(); }
    void fail(reply_status why, std::string detail) const;

   private:
    friend class responder;
    std::weak_ptr<pending_reply> duty_;
  };
  watch watched() const;

 private:
  std::shared_ptr<pending_reply> duty_;
};

}  // namespace novapay::runtime
