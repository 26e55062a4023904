#include "actors/payment_codec.hpp"

#include <doctest/doctest.h>

#include <limits>
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

  state.set_stage(static_cast<std::uint32_t>(domain::stage::authorized));
  decode_payment(state.SerializeAsString());
  const auto refuses = [&state](auto damage) {
    auto damaged = state;
    damage(damaged);
    CHECK_THROWS_AS(decode_payment(damaged.SerializeAsString()), std::runtime_error);
  };
  refuses([](auto& s) { s.mutable_agreed()->set_currency(65536 + 840); });  // must not be cut down to 840
  refuses([](auto& s) { s.mutable_agreed()->set_currency(0); });
  refuses([](auto& s) { s.mutable_agreed()->set_amount_minor(0); });
  refuses([](auto& s) { s.mutable_agreed()->set_mode(0); });
  refuses([](auto& s) { s.set_updated_at_ms(INT64_MAX); });
  refuses([](auto& s) { s.set_created_at_ms(-1); });
  refuses([](auto& s) { s.mutable_operations(0)->mutable_id()->set_kind(0); });
  refuses([](auto& s) { s.mutable_operations(0)->set_progress(0); });
  refuses([](auto& s) { s.mutable_operations(0)->set_amount_minor(-1); });
  refuses([](auto& s) {  // captured more than authorized
    auto& more = *s.add_operations() = s.operations(0);
    more.mutable_id()->set_kind(static_cast<std::uint32_t>(domain::operation_kind::capture));
    more.set_amount_minor(s.agreed().amount_minor() + 1);
  });
  refuses([](auto& s) {  // refunded what was not captured
    auto& more = *s.add_operations() = s.operations(0);
    more.mutable_id()->set_kind(static_cast<std::uint32_t>(domain::operation_kind::refund));
    more.set_amount_minor(1);
  });

  wire::PaymentEvent event;
  event.set_format(payment_format);
  CHECK_THROWS_AS(decode_event(event.SerializeAsString()), std::runtime_error);
}

// A damaged row must end as one payment put aside, not as a failed assertion of whoever sums it up.
TEST_CASE("payment_codec/limits: a stored state above its limits is refused") {
  domain::payment now;
  now.agreed.amount = {100, domain::currency{978}};
  now.stage = domain::stage::authorized;
  const auto add = [&now](domain::operation_kind kind, std::uint32_t number, std::int64_t amount,
                          domain::progress progress) {
    auto& what = now.operations.emplace_back();
    what.id = {kind, number};
    what.amount_minor = amount;
    what.progress = progress;
  };
  using enum domain::operation_kind;
  using enum domain::progress;
  add(domain::operation_kind::authorize, 1, 100, succeeded);
  add(capture, 1, 60, succeeded);
  add(capture, 2, 41, failed);
  add(refund, 1, 60, sending);
  CHECK(decode_payment(encode(now)) == now);

  SUBCASE("more captured than authorized") { add(capture, 3, 41, sending); }
  SUBCASE("more refunded than captured") { add(refund, 2, 1, in_doubt); }
  SUBCASE("refunded from what is only being captured") {
    add(capture, 3, 40, sending);
    add(refund, 2, 1, sending);
  }
  SUBCASE("an amount below nothing") { add(capture, 3, -1, sending); }
  SUBCASE("sums that are no number") {
    now.agreed.amount.minor = std::numeric_limits<std::int64_t>::max();
    add(capture, 3, std::numeric_limits<std::int64_t>::max(), sending);
  }
  CHECK_THROWS_AS(decode_payment(encode(now)), std::runtime_error);
}
