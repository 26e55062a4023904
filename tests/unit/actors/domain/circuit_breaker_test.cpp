// The circuit breaker by its clock: what opens it, what it lets through, what closes it again.
#include <doctest/doctest.h>

#include <vector>

#include "actors/domain/circuit_breaker.hpp"

using namespace novapay::domain;

namespace {

struct bench {
  breaker_settings by;
  circuit_breaker breaker{by};
  timestamp now{std::chrono::hours{24 * 365 * 50}};

  bool call(call_health how) {
    const auto pass = breaker.start(now);
    if (pass) breaker.ended(*pass, how, now);
    return pass.has_value();
  }
  void calls(int count, call_health how) {
    for (int i = 0; i < count; ++i) call(how);
  }
  breaker_state state() const { return breaker.state(now); }
};

constexpr auto good = call_health::good;
constexpr auto fault = call_health::fault;

}  // namespace

TEST_CASE("circuit_breaker: faults in a row open it, one good answer between them does not let it") {
  bench with;
  with.calls(9, fault);
  CHECK(with.state() == breaker_state::closed);
  with.call(good);
  with.calls(9, fault);
  CHECK(with.state() == breaker_state::closed);
  with.call(fault);
  CHECK(with.state() == breaker_state::open);
  CHECK_FALSE(with.call(good));
  CHECK(with.breaker.times_opened() == 1);
}

TEST_CASE("circuit_breaker: a share of faults opens it, and only those of the window count") {
  bench with;
  for (int i = 0; i < 9; ++i) {
    with.call(good);
    with.call(fault);
  }
  CHECK(with.state() == breaker_state::closed);  // 18 calls are too few to judge by
  SUBCASE("20 calls, half of them faults") {
    with.call(good);
    with.call(fault);
    CHECK(with.state() == breaker_state::open);
  }
  SUBCASE("the same calls, but the first ones are long ago") {
    with.now += with.by.window;
    with.call(good);
    with.call(fault);
    CHECK(with.state() == breaker_state::closed);
  }
}

TEST_CASE("circuit_breaker: declines and our own limits are no faults") {
  bench with;
  with.calls(100, call_health::neither);
  CHECK(with.state() == breaker_state::closed);
  CHECK(with.call(good));
}

TEST_CASE("circuit_breaker: calls that nobody answers open it before they end") {
  bench with;
  std::vector<breaker_pass> passes;
  for (int i = 0; i < 5; ++i) passes.push_back(*with.breaker.start(with.now));
  with.now += with.by.stall_after - std::chrono::milliseconds{1};
  CHECK(with.state() == breaker_state::closed);
  SUBCASE("one answer shows life") {
    with.breaker.ended(passes[0], good, with.now);
    with.now += std::chrono::milliseconds{1};
    CHECK(with.state() == breaker_state::closed);
  }
  SUBCASE("none") {
    with.now += std::chrono::milliseconds{1};
    CHECK(with.state() == breaker_state::open);
    CHECK(with.breaker.refuses(with.now));
    CHECK_FALSE(with.breaker.start(with.now).has_value());
    CHECK(with.breaker.times_opened() == 1);
  }
}

TEST_CASE("circuit_breaker: few slow calls are not a stall") {
  bench with;
  for (int i = 0; i < 4; ++i) CHECK(with.breaker.start(with.now).has_value());
  with.now += std::chrono::seconds{20};
  CHECK(with.state() == breaker_state::closed);
}

TEST_CASE("circuit_breaker: half open it lets a few through; their answers close it") {
  bench with;
  with.calls(10, fault);
  with.now += with.by.open_for;
  CHECK(with.state() == breaker_state::half_open);
  std::vector<breaker_pass> probes;
  for (std::uint32_t i = 0; i < with.by.probes; ++i) probes.push_back(*with.breaker.start(with.now));
  CHECK_FALSE(with.breaker.start(with.now).has_value());
  for (const auto probe : probes) with.breaker.ended(probe, good, with.now);
  CHECK(with.state() == breaker_state::closed);
  with.calls(9, fault);
  CHECK(with.state() == breaker_state::closed);  // it begins anew
}

TEST_CASE("circuit_breaker: a probe that fails or stalls opens it again, for twice as long, up to a bound") {
  bench with;
  with.calls(10, fault);
  auto wait = with.by.open_for;
  for (int round = 0; round < 6; ++round) {
    with.now += wait;
    REQUIRE(with.state() == breaker_state::half_open);
    REQUIRE(with.breaker.start(with.now).has_value());
    with.now += with.by.stall_after;  // no answer
    CHECK_FALSE(with.breaker.start(with.now).has_value());
    wait = std::min(wait * 2, with.by.open_longest);
    with.now += wait - std::chrono::milliseconds{1};
    CHECK(with.state() == breaker_state::open);
    with.now += std::chrono::milliseconds{1} - wait;
  }
  CHECK(wait == with.by.open_longest);
  CHECK(with.breaker.times_opened() == 1);  // one outage
}

TEST_CASE("circuit_breaker: calls begun before it opened say nothing about the probes") {
  bench with;
  const auto old = *with.breaker.start(with.now);
  with.calls(10, fault);
  with.now += with.by.open_for;
  const auto probe = *with.breaker.start(with.now);
  with.breaker.ended(old, fault, with.now);
  CHECK(with.state() == breaker_state::half_open);
  with.breaker.ended(probe, good, with.now);
  with.calls(2, good);
  CHECK(with.state() == breaker_state::closed);
}

TEST_CASE("circuit_breaker: the operator's word stands above what it sees") {
  bench with;
  with.breaker.override_with(breaker_override::open);
  CHECK_FALSE(with.call(good));
  with.breaker.override_with(breaker_override::closed);
  with.calls(50, fault);
  CHECK(with.call(good));
  with.breaker.override_with(breaker_override::none);
  CHECK(with.state() == breaker_state::open);  // what it saw meanwhile
}
