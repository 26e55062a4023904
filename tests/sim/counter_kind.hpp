// counter_kind: the smallest kind the runtime can host, which can be told to misbehave. Commands are text:
//   "add N"   an event "N"                    "get"     the state as it is
//   "boom"    throws in decide                "poison"  an event after which the stored state cannot be read
//   "nap MS"  wakes in MS; a wake adds 1000   "wake"    sent by the timekeeper
//   "call N"  N calls to the outside, one after the other, before it is answered; a call ends when the test says "done"
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/typed_entity.hpp"

namespace novapay::sim {

struct counter_functions {
  struct state_type {
    std::int64_t sum = 0;
    std::int64_t wake_ms = 0;
    bool poisoned = false;
    std::int64_t calls_left = 0;  // not stored, as is:
    bool all_called = false;
  };
  using command_type = std::string;
  using event_type = std::string;

  static constexpr std::uint64_t calling = 1;  // the operation
  std::shared_ptr<std::vector<runtime::deliver>> calls = std::make_shared<std::vector<runtime::deliver>>();

  const std::string& name() const {
    static const std::string text = "counter";
    return text;
  }
  runtime::kind_decision<event_type> decide(const state_type& now, const command_type& asked,
                                            runtime::timestamp at) const {
    if (asked == "boom") throw std::runtime_error("boom");
    const auto ms = at.time_since_epoch().count();
    if (asked == "wake") return now.wake_ms != 0 && now.wake_ms <= ms ? decided("woke") : decided();
    if (asked == "get") return decided();
    if (asked == "refuse") {
      auto no = decided();
      no.refused = "no";
      return no;
    }
    if (asked.starts_with("call ")) {
      auto made = decided(asked);
      made.operation = calling;
      return made;
    }
    if (asked.starts_with("nap ")) return decided("nap " + std::to_string(ms + std::stoll(asked.substr(4))));
    return decided(asked.starts_with("add ") ? asked.substr(4) : asked);
  }
  state_type evolve(state_type now, const event_type& happened, runtime::timestamp) const {
    now.all_called = false;
    if (happened.starts_with("call ")) {
      now.calls_left = std::stoll(happened.substr(5));
    } else if (happened == "done") {
      now.all_called = --now.calls_left == 0;
    } else if (happened == "poison") {
      now.poisoned = true;
    } else if (happened == "woke") {
      now.wake_ms = 0;
      now.sum += 1000;
    } else if (happened.starts_with("nap ")) {
      now.wake_ms = std::stoll(happened.substr(4));
    } else {
      now.sum += std::stoll(happened);
    }
    return now;
  }
  std::vector<runtime::owed_call> owed(const state_type& now) const {
    if (now.calls_left == 0) return {};
    return {{std::to_string(now.calls_left), [to = calls](runtime::deliver done) { to->push_back(std::move(done)); }}};
  }
  std::optional<runtime::timestamp> wake_at(const state_type& now) const {
    if (now.wake_ms == 0) return std::nullopt;
    return runtime::timestamp{std::chrono::milliseconds{now.wake_ms}};
  }
  runtime::listing summary(const state_type& now) const {
    runtime::listing listed;
    listed.scope = "a/test";
    listed.status = now.poisoned ? "poisoned" : "counting";
    listed.amount = now.sum;
    return listed;
  }
  std::uint64_t answered_at(const state_type&, std::uint64_t) const { return 0; }
  std::vector<std::uint64_t> answered_by(const state_type& now, std::uint64_t) const {
    return now.all_called ? std::vector{calling} : std::vector<std::uint64_t>{};
  }
  command_type decode_command(const std::string& bytes, const runtime::entity_id&) const { return bytes; }
  std::string encode_event(const event_type& happened) const { return happened; }
  event_type decode_event(const std::string& bytes) const { return bytes; }
  std::string encode_state(const state_type& now) const {
    return now.poisoned ? "poison" : std::to_string(now.sum) + " " + std::to_string(now.wake_ms);
  }
  state_type decode_state(const std::string& bytes) const {
    if (bytes == "poison") throw std::runtime_error("the stored state cannot be read");
    const auto space = bytes.find(' ');
    state_type now;
    now.sum = std::stoll(bytes.substr(0, space));
    now.wake_ms = std::stoll(bytes.substr(space + 1));
    return now;
  }
  std::string resume() const { return "get"; }
  std::string wake() const { return "wake"; }
  std::string query() const { return "get"; }

 private:
  static runtime::kind_decision<event_type> decided(std::optional<std::string> happened = std::nullopt) {
    runtime::kind_decision<event_type> made;
    if (happened) made.events.push_back(*std::move(happened));
    return made;
  }
};

}  // namespace novapay::sim
