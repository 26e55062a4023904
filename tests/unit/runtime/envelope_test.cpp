#include "runtime/envelope.hpp"

#include <doctest/doctest.h>

#include "runtime/proto/envelope.pb.h"

using namespace novapay::runtime;

namespace {

envelope to_entity() {
  envelope what;
  what.kind = "counter";
  what.entity = make_entity_id(timestamp{std::chrono::milliseconds{1'800'000'000'123}}, placement_hash{77}, 42);
  what.command = std::string("\0\xff binary", 9);
  what.deadline = timestamp{std::chrono::milliseconds{1'800'000'025'000}};
  what.trace = "req_1";
  what.scope = "mrc_a/test";
  return what;
}

}  // namespace

TEST_CASE("envelope/codec: what is sent is what arrives, for an entity and for a creation") {
  const auto one = to_entity();
  CHECK(decode_envelope(encode(one)) == one);

  auto creation = to_entity();
  creation.entity = {};
  creation.creation_key = "order-1";
  CHECK(decode_envelope(encode(creation)) == creation);
  CHECK(placement_of(creation) == place("mrc_a/test", "order-1"));
}

TEST_CASE("envelope/codec: what is no envelope, or of a later format, is refused") {
  CHECK_FALSE(decode_envelope(""));
  CHECK_FALSE(decode_envelope("\xff\xff\xff"));
  novapay::wire::Envelope later;
  REQUIRE(later.ParseFromString(encode(to_entity())));
  later.set_format(envelope_format + 1);
  CHECK_FALSE(decode_envelope(later.SerializeAsString()));
  later.set_format(envelope_format);
  later.set_entity("short");
  CHECK_FALSE(decode_envelope(later.SerializeAsString()));
}
