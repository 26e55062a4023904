#include "adapters/sandbox/sim_processor.hpp"

#include <doctest/doctest.h>

#include <map>

#include "tests/unit/adapters/sandbox/support.hpp"

using namespace novapay;
using namespace novapay::sandbox;
using namespace novapay::sandbox::test;
using enum novapay::domain::operation_kind;
namespace reported = novapay::domain::reported;

namespace {

// Steps, moving the clock on when nothing is possible now.
void run(sim_processor& processor, hand_clock& clock, std::uint64_t& seed, int steps_max = 100'000) {
  while (steps_max-- > 0) {
    const auto next = processor.next_at();
    if (!next) return;
    if (processor.pending() == 0) clock.advance(std::max(1ms, *next - clock.now()));
    processor.step(scatter(++seed));
  }
  FAIL("the simulated processor never comes to rest");
}

// A client that tries each call again under its key until the answer is definite.
void insist(sim_processor& at, processor_call call, std::map<std::string, char>& ends) {
  at.send(call, [&at, call, &ends](domain::outcome got) {
    const auto end = letter(got);
    if (end == 'U' || end == 'X') return insist(at, call, ends);
    ends[call.idempotency_key] = end;
  });
}

struct result {
  std::map<std::string, char> ends;
  std::string trace;
  std::size_t notices = 0;
};

result scenario(std::uint64_t seed) {
  hand_clock clock;
  const auto ledger = std::make_shared<memory_ledger>();
  sim_settings how;
  how.faults = {100, 100, 100, 100, 100, 300, 200, 200};
  sim_processor processor(how, clock, ledger);
  result got;
  processor.listen([&](processor_notice what) {
    got.trace += what.payment + (std::holds_alternative<domain::told::failed>(what.what.what) ? "!" : ".");
    if (++got.notices % 3 != 0) what.acknowledge();  // the third is lost
  });

  for (int i = 0; i < 30; ++i) insist(processor, call_of(authorize, "pay_" + std::to_string(i), 100), got.ends);
  run(processor, clock, seed);
  for (int i = 0; i < 30; ++i) insist(processor, call_of(capture, "pay_" + std::to_string(i), 100), got.ends);
  run(processor, clock, seed);

  for (const auto& each : ledger->operations()) {
    CHECK(each.executions == 1);
    got.trace += each.idempotency_key + std::to_string(each.attempts) + " ";
  }
  CHECK(ledger->operations().size() == 60);
  CHECK(ledger->anomalies().empty());
  for (const auto& each : ledger->notices()) CHECK(each.acknowledged_at.has_value());
  for (int i = 0; i < 30; ++i) {
    const auto sums = ledger->sums("pay_" + std::to_string(i));
    CHECK(sums.charges == 1);
    CHECK(sums.captured_minor + sums.capture_failed_minor == 100);
  }
  return got;
}

}  // namespace

TEST_CASE("sandbox/sim: nothing happens without a step") {
  hand_clock clock;
  sim_processor processor({}, clock, std::make_shared<memory_ledger>());
  int answered = 0;
  processor.step(1);
  processor.send(call_of(authorize, "pay_1", 100), [&](domain::outcome) { ++answered; });
  CHECK(processor.pending() == 1);
  CHECK(processor.ledger().operations().empty());

  processor.step(1);  // the request arrives
  CHECK(processor.ledger().operations().size() == 1);
  CHECK(answered == 0);
  processor.step(1);  // its answer arrives
  CHECK(answered == 1);
  CHECK(processor.pending() == 0);
  CHECK_FALSE(processor.next_at().has_value());
}

TEST_CASE("sandbox/sim: a delayed answer waits for the clock") {
  hand_clock clock;
  sim_processor processor({}, clock, std::make_shared<memory_ledger>());
  int answered = 0;
  processor.send(call_of(authorize, "pay_1", 100, 1, "tok_very_slow"), [&](domain::outcome) { ++answered; });
  processor.step(1);
  CHECK(processor.pending() == 0);
  CHECK(processor.next_at() == first_day + 8s);
  clock.advance(8s);
  processor.step(1);
  CHECK(answered == 1);
}

TEST_CASE("sandbox/sim: under every fault at once each intent is executed once, and the same seed runs the same") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const auto one = scenario(seed * 1'000'003);
    const auto two = scenario(seed * 1'000'003);
    CHECK(one.ends.size() == 60);
    CHECK(one.ends == two.ends);
    CHECK(one.trace == two.trace);
    CHECK(one.notices >= 30);
  }
  CHECK(scenario(1).trace != scenario(2'000'000).trace);
}

TEST_CASE("sandbox/sim: a request of a dead node still arrives, its answer reaches nobody") {
  hand_clock clock;
  const auto ledger = std::make_shared<memory_ledger>();
  sim_processor dead({}, clock, ledger), other({}, clock, ledger);
  int answered = 0;
  dead.send(call_of(authorize, "pay_1", 100), [&](domain::outcome) { ++answered; });
  dead.sever();
  CHECK(dead.pending() == 1);
  other.send(call_of(authorize, "pay_1", 100), [&](domain::outcome) { ++answered; });
  other.step(1);
  dead.step(1);
  other.step(1);
  CHECK(answered == 1);
  CHECK(dead.pending() == 0);
  CHECK(ledger->find("pay_1:authorize")->executions == 1);
  CHECK(ledger->find("pay_1:authorize")->attempts == 2);
}

TEST_CASE("sandbox/sim: over its bound a call is refused at once") {
  hand_clock clock;
  sim_settings how;
  how.in_flight_max = 1;
  sim_processor processor(how, clock, std::make_shared<memory_ledger>());
  std::string ends;
  const auto take = [&](domain::outcome got) { ends += letter(got); };
  processor.send(call_of(authorize, "pay_1", 100), take);
  processor.send(call_of(authorize, "pay_2", 100), take);
  CHECK(ends == "X");
}
