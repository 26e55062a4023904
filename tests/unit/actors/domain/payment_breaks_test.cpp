// What the processor reports and our journal says cannot be.
#include <doctest/doctest.h>

#include "tests/unit/actors/domain/payment_fixture.hpp"

using namespace novapay::domain;
using namespace novapay::domain::testing;

namespace {

payment failed_capture() {
  return given({event::created{usual_terms()}, event::authorized{authorize, "auth_1", noon + authorization_window},
                event::capture_requested{1, "key-capture", 100, 100, false},
                event::capture_failed{1, card_declined, false}});
}

payment after(payment now, const command_type& told) {
  for (const auto& happened : decide(now, told, noon).events) now = evolve(std::move(now), happened, noon);
  return now;
}

}  // namespace

TEST_CASE("payment/breaks: a settlement of a failed capture is journaled once and changes nothing else") {
  const auto now = failed_capture();
  const command_type told = told_settled(capture());

  const auto decided = decide(now, told, noon);

  REQUIRE(decided.events.size() == 1);
  CHECK(decided.events[0] ==
        event_type{event::break_noted{capture(), "settled_after_failure", std::nullopt, "settled"}});
  auto noted = after(now, told);
  CHECK(text_of(decide(noted, told, noon)) == "nothing");
  CHECK(noted.version == now.version + 1);
  noted.version = now.version;
  noted.breaks.clear();
  CHECK(noted == now);
}

TEST_CASE("payment/breaks: so many operations that nobody asked for are journaled, further ones are refused") {
  auto now = failed_capture();
  for (std::uint32_t number = 2; now.breaks.size() < breaks_max; ++number)
    now = after(std::move(now), told_failed(capture(number)));
  CHECK(now.breaks.size() == breaks_max);
  CHECK(text_of(decide(now, told_failed(capture(99)), noon)) == "refused too_many_operations");
  CHECK(text_of(decide(now, told_failed(capture(2)), noon)) == "nothing");
}
