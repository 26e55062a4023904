// The set of processors: who gets a call, when it is kept from them, and what the log says of it.
#include <doctest/doctest.h>

#include <vector>

#include "actors/processor_set.hpp"
#include "tests/support/silent_ports.hpp"

using namespace novapay;
namespace reported = domain::reported;
using domain::call_health;
using domain::operation_kind;

namespace {

// Answers when it is told to.
class held_processor final : public processor {
 public:
  void send(processor_call call, processor_done done) override { held.emplace_back(std::move(call), std::move(done)); }
  void listen(notice_sink to) override { sink = std::move(to); }
  void answer_all(const domain::outcome& with) {
    auto calls = std::exchange(held, {});
    for (auto& [call, done] : calls) done(with);
  }
  std::vector<std::pair<processor_call, processor_done>> held;
  notice_sink sink;
};

struct bench {
  held_processor stripe, adyen;
  testing::fake_clock clock;
  testing::remembering_log log;
  testing::silent_metrics metrics;
  processor_set set{{{"stripe", &stripe, true}, {"adyen", &adyen, true, {"eur"}}}, {}, clock, log, metrics};
  std::vector<domain::outcome> answers;

  void send(const std::string& to, operation_kind what = operation_kind::authorize) {
    processor_call call;
    call.processor = to;
    call.operation = what;
    set.send(std::move(call), [this](domain::outcome answer) { answers.push_back(std::move(answer)); });
  }
  std::string last_reason() const {
    const auto* no = answers.empty() ? nullptr : std::get_if<reported::not_executed>(&answers.back());
    return no == nullptr ? "" : no->reason;
  }
};

processor_call one_call() {
  processor_call call;
  call.operation = operation_kind::authorize;
  return call;
}

}  // namespace

TEST_CASE("processor_set: a call goes to the one it names, one without a name to the first") {
  bench with;
  with.send("adyen");
  with.send("");
  CHECK(with.adyen.held.size() == 1);
  CHECK(with.stripe.held.size() == 1);
  with.send("worldpay");
  CHECK(with.last_reason() == "processor_not_configured");
}

TEST_CASE("processor_set: faults open the breaker of that processor and operation only") {
  bench with;
  for (int i = 0; i < 10; ++i) with.send("stripe");
  with.stripe.answer_all(reported::unknown{"timeout"});
  with.answers.clear();
  with.send("stripe");
  CHECK(with.last_reason() == "circuit_open");
  CHECK(with.stripe.held.empty());
  with.send("stripe", operation_kind::capture);
  with.send("adyen");
  CHECK(with.stripe.held.size() == 1);
  CHECK(with.adyen.held.size() == 1);

  const auto known = with.set.standings();
  CHECK_FALSE(known[0].healthy);
  CHECK(known[1].healthy);
  CHECK(known[1].currencies == std::vector<std::string>{"eur"});
}

TEST_CASE("processor_set: declines and rate limits never open it") {
  bench with;
  for (int round = 0; round < 50; ++round) {
    with.send("stripe");
    with.stripe.answer_all(round % 2 == 0 ? domain::outcome{reported::declined{}}
                                          : domain::outcome{reported::not_executed{"rate_limited"}});
  }
  CHECK(with.set.standings()[0].healthy);
  CHECK(health_of(reported::unknown{"connection_lost"}) == call_health::fault);
  CHECK(health_of(reported::not_executed{"processor_unavailable"}) == call_health::fault);
  CHECK(health_of(reported::not_executed{"processor_busy"}) == call_health::neither);
  CHECK(health_of(reported::accepted{}) == call_health::good);
}

TEST_CASE("processor_set: opening and closing are each logged once; probes close it") {
  bench with;
  for (int i = 0; i < 10; ++i) with.send("stripe");
  with.stripe.answer_all(reported::not_executed{"processor_unavailable"});
  for (int i = 0; i < 5; ++i) with.send("stripe");
  CHECK(with.log.count("a circuit breaker has opened: calls are kept from this processor") == 1);
  with.clock.advance(domain::breaker_settings{}.open_for);
  for (int i = 0; i < 3; ++i) with.send("stripe");
  CHECK(with.stripe.held.size() == 3);
  with.stripe.answer_all(reported::approved{});
  CHECK(with.log.count("a circuit breaker has closed") == 1);
  CHECK(with.set.standings()[0].healthy);
}

TEST_CASE("processor_set: one that stalls is told of as open, though routing keeps every call from it") {
  bench with;
  const domain::breaker_settings by;
  for (std::uint32_t i = 0; i < by.stalled_min; ++i) with.send("stripe");
  with.clock.advance(by.stall_after - std::chrono::milliseconds{1});
  CHECK(with.set.standings()[0].healthy);
  CHECK(with.log.count("a circuit breaker has opened") == 0);
  with.clock.advance(std::chrono::milliseconds{1});
  CHECK_FALSE(with.set.standings()[0].healthy);
  CHECK_FALSE(with.set.standings()[0].healthy);
  CHECK(with.log.count("a circuit breaker has opened: calls are kept from this processor processor=stripe") == 1);
  with.stripe.answer_all(reported::approved{});
  CHECK(with.set.standings()[0].healthy);
  CHECK(with.log.count("a circuit breaker has closed") == 1);
}

TEST_CASE("processor_set: an operator opens and closes by hand, and hands back") {
  bench with;
  CHECK_FALSE(with.set.override_breaker("worldpay", {}, domain::breaker_override::open));
  CHECK_FALSE(with.set.override_breaker("", {}, domain::breaker_override::open));
  CHECK(with.set.override_breaker("stripe", operation_kind::authorize, domain::breaker_override::open));
  with.send("stripe");
  CHECK(with.last_reason() == "circuit_open");
  with.send("stripe", operation_kind::refund);
  CHECK(with.stripe.held.size() == 1);
  CHECK(with.set.breakers()[0].overridden == domain::breaker_override::open);
  CHECK(with.set.override_breaker("stripe", {}, domain::breaker_override::none));
  with.send("stripe");
  CHECK(with.stripe.held.size() == 2);
}

TEST_CASE("processor_set: what is not guarded is never kept from calls") {
  held_processor own;
  testing::fake_clock clock;
  testing::remembering_log log;
  testing::silent_metrics metrics;
  processor_set set{{{"sandbox", &own, false, {}, true, false}}, {}, clock, log, metrics};
  for (int i = 0; i < 50; ++i) set.send(one_call(), [](const domain::outcome&) {});
  own.answer_all(reported::not_executed{"processor_unavailable"});
  CHECK(set.standings()[0].healthy);
  set.send(one_call(), [](const domain::outcome&) {});
  CHECK(own.held.size() == 1);
}

TEST_CASE("processor_set: notices carry their processor's name") {
  bench with;
  std::vector<std::string> heard;
  with.set.listen([&heard](processor_notice told) { heard.push_back(told.what.processor); });
  with.adyen.sink({});
  with.stripe.sink({});
  CHECK(heard == std::vector<std::string>{"adyen", "stripe"});
}
