#include "actors/payment_codec.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "actors/proto/payment.pb.h"
#include "tests/unit/actors/domain/payment_fixture.hpp"

using namespace novapay;
using namespace novapay::domain::testing;

// Events and states go there and back in the property tests; here are commands, refusals and what must be refused.

TEST_CASE("payment_codec/command: every command goes there and back") {
  for (const auto& [name, asked, when] : questions()) {
    INFO(name);
    const auto bytes = encode(asked);
    const auto back = decode_command(bytes);
    CHECK(back.index() == asked.index());
    CHECK(encode(back) == bytes);
  }
}

TEST_CASE("payment_codec/refusal: a refusal goes there and back") {
  const domain::refusal no{domain::refusal_code::amount_exceeds_refundable, "Too much.", "amount", {"refund", "query"}};
  CHECK(decode_refusal(encode(no)) == no);
}

TEST_CASE("payment_codec/format: damaged bytes, later formats and unknown values are refused, not guessed at") {
  CHECK_THROWS_AS(decode_payment("\xff"), std::runtime_error);
  CHECK_THROWS_AS(decode_event(""), std::runtime_error);
  CHECK_THROWS_AS(decode_command(""), std::runtime_error);

  wire::PaymentState state;
  REQUIRE(state.ParseFromString(encode(situations().at(3).now)));
  state.set_format(payment_format + 1);
  CHECK_THROWS_AS(decode_payment(state.SerializeAsString()), std::runtime_error);
  state.set_format(payment_format);
  state.set_stage(99);
  CHECK_THROWS_AS(decode_payment(state.SerializeAsString()), std::runtime_error);

  wire::PaymentEvent event;
  event.set_format(payment_format);
  CHECK_THROWS_AS(decode_event(event.SerializeAsString()), std::runtime_error);
}
