// payment_wire: the parts that a payment's state, events and commands share, to and from protobuf. Internal to the codec.
#pragma once

#include <stdexcept>
#include <string>

#include "actors/domain/payment.hpp"
#include "actors/payment_codec.hpp"
#include "actors/proto/payment.pb.h"

namespace novapay {

inline std::int64_t to_ms(domain::timestamp at) { return at.time_since_epoch().count(); }
// What is beyond the year 9999 was not written by us, and sums with it would overflow.
inline domain::timestamp from_ms(std::int64_t ms) {
  constexpr std::int64_t last_ms = 253'402'300'799'999;
  if (ms < 0 || ms > last_ms) throw std::runtime_error("a time beyond 9999 in a stored payment");
  return domain::timestamp{std::chrono::milliseconds{ms}};
}

// An enum value that this version does not know would be guessed at by a cast: refuse it.
template <class Enum>
Enum checked(std::uint32_t raw, Enum last, const char* what, std::uint32_t first = 1) {
  if (raw < first || raw > static_cast<std::uint32_t>(last))
    throw std::runtime_error(std::string("unknown ") + what + " in a stored payment");
  return static_cast<Enum>(raw);
}

void write(const domain::failure& from, wire::Failure& to);
void write(const domain::next_action& from, wire::NextAction& to);
void write(const domain::operation_id& from, wire::OperationId& to);
void write(const domain::terms& from, wire::Terms& to);
void write(const domain::operation& from, wire::Operation& to);
void write(const domain::outcome& from, wire::Outcome& to);
void write(const domain::handling& from, wire::Handling& to);
void write(const domain::settlement& from, wire::Settlement& to);
void write(const domain::dispute& from, wire::Dispute& to);

domain::failure read(const wire::Failure& from);
domain::next_action read(const wire::NextAction& from);
domain::operation_id read(const wire::OperationId& from);
domain::terms read(const wire::Terms& from);
domain::operation read(const wire::Operation& from);
domain::outcome read(const wire::Outcome& from);
domain::handling read(const wire::Handling& from);
domain::settlement read(const wire::Settlement& from);
domain::dispute read(const wire::Dispute& from);

template <class Field>
void write_pairs(const std::map<std::string, std::string>& from, Field& to) {
  for (const auto& [key, value] : from) {
    auto* pair = to.Add();
    pair->set_key(key);
    pair->set_value(value);
  }
}
template <class Field>
std::map<std::string, std::string> read_pairs(const Field& from) {
  std::map<std::string, std::string> pairs;
  for (const auto& pair : from) pairs.emplace(pair.key(), pair.value());
  return pairs;
}

// A cleared message of the calling thread's own: it keeps its memory from use to use, so that encoding and decoding, done
// several times a command, allocate next to nothing. What it gives is valid until the thread's next call for the same type.
template <class Message>
Message& scratch() {
  thread_local Message reused;
  reused.Clear();
  return reused;
}

template <class Message>
const Message& parse(std::string_view bytes, const char* what) {
  auto& in = scratch<Message>();
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    throw std::runtime_error(std::string("a stored ") + what + " is damaged");
  if (in.format() < 1 || in.format() > payment_format)
    throw std::runtime_error(std::string("a stored ") + what + " has format " + std::to_string(in.format()) +
                             ", this version of NovaPay knows 1 to " + std::to_string(payment_format));
  return in;
}

}  // namespace novapay
