#include "runtime/envelope.hpp"

#include <algorithm>

#include "runtime/proto/envelope.pb.h"

namespace novapay::runtime {

placement_hash placement_of(const envelope& what) noexcept {
  return what.creation_key.empty() ? what.entity.placement() : place(what.scope, what.creation_key);
}

std::string encode(const envelope& what) {
  wire::Envelope out;
  out.set_format(envelope_format);
  out.set_kind(what.kind);
  if (what.creation_key.empty()) out.set_entity(what.entity.bytes.data(), what.entity.bytes.size());
  out.set_command(what.command);
  out.set_deadline_ms(what.deadline.time_since_epoch().count());
  out.set_trace(what.trace);
  out.set_scope(what.scope);
  out.set_creation_key(what.creation_key);
  return out.SerializeAsString();
}

std::optional<envelope> decode_envelope(std::string_view bytes) {
  wire::Envelope in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || in.format() != envelope_format)
    return std::nullopt;
  envelope what;
  const bool creates = !in.creation_key().empty();
  if (in.entity().size() != (creates ? 0 : what.entity.bytes.size())) return std::nullopt;
  std::copy(in.entity().begin(), in.entity().end(), what.entity.bytes.begin());
  what.kind = in.kind();
  what.command = in.command();
  what.deadline = timestamp{std::chrono::milliseconds{in.deadline_ms()}};
  what.trace = in.trace();
  what.scope = in.scope();
  what.creation_key = in.creation_key();
  return what;
}

}  // namespace novapay::runtime
