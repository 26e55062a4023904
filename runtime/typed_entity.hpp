// typed_entity: makes an `entity` of a kind's pure functions.
//
// A Kind is an object with
//   types      state_type, command_type, event_type
//   pure       decide(state, command, now) -> kind_decision<event_type>
//              evolve(state, event, at) -> state
//              owed(state) -> vector<owed_call>
//              wake_at(state) -> optional<timestamp>
//              summary(state) -> listing
//              answered_at(state, operation) -> version at which it was answered, or 0
//              answered_by(state, version) -> the operations answered at exactly this version
//   encoding   decode_command(bytes, id), encode_event, decode_event, encode_state, decode_state: decoders throw
//              std::runtime_error; formats are versioned
//   names      name(), encoded resume(), wake() and query() commands
#pragma once

#include <algorithm>
#include <cassert>
#include <memory>
#include <stdexcept>
#include <utility>

#include "runtime/entity.hpp"

namespace novapay::runtime {

template <class Event>
struct kind_decision {
  std::vector<Event> events;
  std::optional<std::string> refused;  // encoded
  std::uint64_t operation = 0;
};

template <class Kind>
class typed_entity final : public entity {
 public:
  using state_type = typename Kind::state_type;

  typed_entity(const Kind& kind, const entity_id& id, shard_id shard)
      : kind_(kind), id_(id), shard_(shard), state_(std::make_unique<state_type>()) {}
  typed_entity(const Kind& kind, const entity_row& row)
      : kind_(kind),
        id_(row.id),
        shard_(row.shard),
        version_(row.version),
        state_(std::make_unique<state_type>(kind.decode_state(row.state))),
        scope_(row.listed.scope) {}

  verdict decide(const std::string& command, timestamp now) override {
    auto decided = kind_.decide(values(), kind_.decode_command(command, id_), now);
    verdict result;
    result.operation = decided.operation;
    result.refused = std::move(decided.refused);
    assert(!result.refused || decided.events.empty());
    if (!decided.events.empty()) prepare(decided.events, now, result);
    return result;
  }

  void commit() override {
    state_ = std::move(next_);
    version_ = next_version_;
    scope_ = next_scope_;
  }

  void rest() override {
    next_.reset();
    next_scope_ = {};
    if (!state_) return;
    at_rest_ = kind_.encode_state(*state_);
    at_rest_.shrink_to_fit();
    state_.reset();
  }

  std::vector<owed_call> owed() const override { return kind_.owed(values()); }
  std::uint64_t answered_at(std::uint64_t operation) const override { return kind_.answered_at(values(), operation); }
  std::uint64_t version() const override { return version_; }
  std::string encoded_state() const override { return state_ ? kind_.encode_state(*state_) : at_rest_; }
  const std::string& scope() const override { return scope_; }
  entity_row row() const override { return row_of(values(), version_); }

 private:
  entity_row row_of(const state_type& state, std::uint64_t version) const {
    entity_row row;
    row.id = id_;
    row.shard = shard_;
    row.kind = kind_.name();
    row.version = version;
    row.state = kind_.encode_state(state);
    row.wake_at = kind_.wake_at(state);
    row.listed = kind_.summary(state);
    return row;
  }

  const state_type& values() const {
    if (!state_) {
      state_ = std::make_unique<state_type>(kind_.decode_state(at_rest_));
      at_rest_ = {};
    }
    return *state_;
  }

  void prepare(const std::vector<typename Kind::event_type>& events, timestamp now, verdict& result) {
    next_ = std::make_unique<state_type>(values());
    auto& next = *next_;
    next_version_ = version_;
    for (const auto& happened : events) {
      result.events.push_back(kind_.encode_event(happened));
      next = kind_.evolve(std::move(next), happened, now);
      next_version_ += 1;
      // An answer shows the state at the very event that allowed it, so a repetition can show it again, byte for byte.
      for (const auto operation : kind_.answered_by(next, next_version_)) {
        const bool last = next_version_ == version_ + events.size();  // its state is the row's, encoded below
        result.answered.push_back({operation, next_version_, last ? std::string{} : kind_.encode_state(next)});
      }
    }
    result.row = row_of(next, next_version_);
    for (auto& closed : result.answered)
      if (closed.version == next_version_) closed.state = result.row.state;
    next_scope_ = result.row.listed.scope;
  }

  const Kind& kind_;
  entity_id id_;
  shard_id shard_;
  std::uint64_t version_ = 0;
  // One of the two: as values, or at rest as the bytes that are stored, which are several times smaller.
  mutable std::unique_ptr<state_type> state_;
  mutable std::string at_rest_;
  std::string scope_;
  std::unique_ptr<state_type> next_;  // decided and not yet durable
  std::uint64_t next_version_ = 0;
  std::string next_scope_;
};

template <class Kind>
class typed_kind final : public entity_kind {
 public:
  explicit typed_kind(Kind kind) : kind_(std::move(kind)) {}

  const std::string& name() const override { return kind_.name(); }
  std::unique_ptr<entity> make(const entity_id& id, shard_id shard) const override {
    return std::make_unique<typed_entity<Kind>>(kind_, id, shard);
  }
  std::unique_ptr<entity> load(const entity_row& row) const override {
    return std::make_unique<typed_entity<Kind>>(kind_, row);
  }
  std::string replay(const entity_id&, const std::vector<log_record>& events) const override {
    typename Kind::state_type state{};
    for (const auto& happened : events)
      state = kind_.evolve(std::move(state), kind_.decode_event(happened.payload), happened.at);
    return kind_.encode_state(state);
  }
  std::string resume_command() const override { return kind_.resume(); }
  std::string wake_command() const override { return kind_.wake(); }
  std::string query_command() const override { return kind_.query(); }

 private:
  Kind kind_;
};

}  // namespace novapay::runtime
