// Random orders of commands, outcomes, notices and wake-ups, from seeds: what must hold after every single event.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/payment_codec.hpp"
#include "tests/unit/actors/domain/payment_fixture.hpp"

using namespace novapay::domain;
using namespace novapay::domain::testing;

namespace {

constexpr int seeds = 3000;
constexpr int steps = 80;

struct dice {
  std::mt19937_64 engine;
  std::uint64_t below(std::uint64_t bound) { return engine() % bound; }
};

std::string any_reference(dice& roll) { return "ref_" + std::to_string(roll.below(9)); }

outcome any_outcome(dice& roll) {
  switch (roll.below(10)) {
    case 0: return reported::declined{card_declined};
    case 8: return reported::declined{card_declined, any_reference(roll)};
    case 9: return reported::accepted{any_reference(roll)};
    case 1: return reported::needs_action{redirect, "auth_1"};
    case 2:
    case 3: return reported::unknown{"processor_timeout"};
    case 4: return reported::not_executed{"rate_limited"};
    default: return reported::approved{any_reference(roll), std::nullopt};
  }
}

news any_news(dice& roll) {
  switch (roll.below(8)) {
    case 0: return told::settled{};
    case 1: return told::settled{settlement{"po_1", 5, 1, "usd"}};
    case 2: return told::failed{card_declined};
    case 3: return told::voided{roll.below(2) == 0 ? "expired" : "canceled"};
    case 4: {
      const auto stage = static_cast<dispute_stage>(1 + roll.below(5));
      const auto id = "dp_" + std::to_string(roll.below(disputes_max + 2));
      return told::disputed{{id, stage, 1, "", std::nullopt, noon + std::chrono::seconds{roll.below(99)}}};
    }
    default: return told::result{any_outcome(roll)};
  }
}

const std::vector<std::string> names{"north", "south", "west"};

handling any_handling(dice& roll) {
  auto how = usual_handling({names.begin(), names.begin() + 1 + static_cast<std::ptrdiff_t>(roll.below(3))});
  how.expiring = static_cast<on_expiry>(roll.below(3));
  if (roll.below(2) == 0) how.expiring_lead = 24h;
  return how;
}

command_type any_notice(dice& roll, operation_id about, std::int64_t amount) {
  notice told{about, any_news(roll)};
  if (roll.below(3) == 0) told.about.number = 0;
  if (roll.below(2) == 0) told.processor = names[roll.below(3)];
  if (roll.below(2) == 0) told.reference = any_reference(roll);
  if (roll.below(2) == 0)
    told.amount_minor = 1 + static_cast<std::int64_t>(roll.below(static_cast<std::uint64_t>(amount)));
  return command::notify{told};
}

command_type any_command(dice& roll, std::int64_t amount) {
  const auto number = static_cast<std::uint32_t>(1 + roll.below(4));
  const auto key = "key-" + std::to_string(roll.below(12));
  const auto some = [&]() -> std::optional<std::int64_t> {
    if (roll.below(3) == 0) return std::nullopt;
    return static_cast<std::int64_t>(roll.below(static_cast<std::uint64_t>(amount) + 2));
  };
  const operation_id any_operation{static_cast<operation_kind>(1 + roll.below(5)), number};
  switch (roll.below(12)) {
    case 0: return command::confirm{key, {}};
    case 1:
    case 2: return command::capture{key, some(), roll.below(5) == 0};
    case 3: return command::cancel{key, ""};
    case 4:
    case 5: return command::refund{key, some(), ""};
    case 6: return command::wake{};
    case 7:
    case 8: return any_notice(roll, any_operation, amount);
    default: return command::report{any_operation, any_outcome(roll)};
  }
}

void check_sums(const payment& now) {
  std::int64_t reserved = 0;
  std::int64_t captured = 0;
  std::int64_t refunds = 0;
  for (const auto& what : now.operations) {
    if (what.progress == progress::failed) continue;
    if (what.id.kind == operation_kind::capture) reserved += what.amount_minor;
    if (what.id.kind == operation_kind::capture && what.progress == progress::succeeded) captured += what.amount_minor;
    if (what.id.kind == operation_kind::refund) refunds += what.amount_minor;
  }
  REQUIRE(reserved <= now.agreed.amount.minor);
  REQUIRE(refunds <= captured);
  const auto seen = summarize(now);
  REQUIRE(seen.amount_captured <= now.agreed.amount.minor);
  REQUIRE(seen.amount_refunded <= seen.amount_captured);
  REQUIRE(seen.amount_capturable >= 0);
  REQUIRE(seen.amount_capturable + reserved <= now.agreed.amount.minor);
}

void check_answers_stand(const payment& before, const payment& after) {
  for (const auto& what : before.operations)
    if (what.answered_version != 0) REQUIRE(find(after, what.id)->answered_version == what.answered_version);
}

// A call is the same call for ever: its key, whom it is for and what it is about.
void check_calls(const payment& before, const payment& after) {
  std::set<std::string> keys;
  for (const auto& what : after.operations) REQUIRE(keys.insert(processor_key(after, what.id)).second);
  for (const auto& what : before.operations) {
    const auto* now = find(after, what.id);
    REQUIRE(now->processor == what.processor);
    REQUIRE(now->target_reference == what.target_reference);
    REQUIRE(now->amount_minor == what.amount_minor);
    REQUIRE(processor_key(after, what.id) == processor_key(before, what.id));
  }
}

// One authorization stands at most, wherever it is; any other that a processor told of is being released there.
struct authorizations {
  std::set<std::pair<std::string, std::string>> told;
  int stood = 0;

  void hear(const payment& now, const command_type& asked) {
    const auto* answer = std::get_if<command::report>(&asked);
    if (answer == nullptr || answer->about.kind > operation_kind::confirm) return;
    const auto* yes = std::get_if<reported::approved>(&answer->outcome);
    const auto* what = find(now, answer->about);
    if (yes != nullptr && what != nullptr) told.emplace(what->processor, yes->reference);
  }
  void check(const payment& now) const {
    REQUIRE(stood <= 1);
    for (const auto& [processor, reference] : told) {
      INFO(processor << " approved " << reference);
      const bool stands = stood == 1 && processor == processor_of(now) && reference == now.processor_reference;
      const bool released = std::ranges::any_of(now.operations, [&](const operation& what) {
        return what.id.kind == operation_kind::cancel && what.processor == processor &&
               (what.target_reference == reference ||
                (what.target_reference.empty() && now.processor_reference == reference));
      });
      REQUIRE((stands || released));
    }
  }
};

void walk(std::uint64_t seed, std::int64_t amount) {
  INFO("seed " << seed << ", amount " << amount);
  dice roll{std::mt19937_64{seed}};
  const auto method = roll.below(2) == 0 ? capture_method::automatic : capture_method::manual;
  auto when = noon;
  std::vector<std::pair<event_type, timestamp>> journal;
  payment now;
  authorizations held;
  const auto apply = [&](const decision& made) {
    for (const auto& happened : made.events) {
      const auto before = now;
      now = evolve(std::move(now), happened, when);
      REQUIRE(now.version == before.version + 1);
      check_sums(now);
      check_answers_stand(before, now);
      check_calls(before, now);
      held.stood += std::holds_alternative<event::authorized>(happened) ? 1 : 0;
      journal.emplace_back(novapay::decode_event(novapay::encode(happened)), when);
    }
  };
  apply(decide(now, command::create{usual_terms(method, amount), any_handling(roll)}, when));
  for (int step = 0; step < steps; ++step) {
    when += std::chrono::milliseconds{roll.below(5) == 0 ? roll.below(200'000'000) : roll.below(3000)};
    const auto asked = any_command(roll, amount);
    const auto made = decide(now, asked, when);
    if (made.refused) REQUIRE(made.events.empty());
    held.hear(now, asked);
    apply(made);
    held.check(now);
    REQUIRE(is_sound(now));
    if (const auto due = wake_at(now)) {
      REQUIRE_MESSAGE(!decide(now, command::wake{}, *due).events.empty(), "a wake-up at wake_at must do something");
      REQUIRE(decide(now, command::wake{}, *due - 1ms).events.empty());
    }
  }
  payment replayed;
  for (const auto& [happened, at_time] : journal) replayed = evolve(std::move(replayed), happened, at_time);
  REQUIRE(replayed == now);
  REQUIRE(novapay::decode_payment(novapay::encode(now)) == now);
}

}  // namespace

TEST_CASE(
    "payment/properties: no order of commands and outcomes breaks captured <= authorized or refunded <= captured") {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) walk(seed, 1 + static_cast<std::int64_t>(seed % 1000));
}

TEST_CASE("payment/properties: amounts at the edges of int64 and of each exponent") {
  for (const std::int64_t amount :
       {std::int64_t{1}, std::int64_t{2}, std::int64_t{9'999}, std::numeric_limits<std::int64_t>::max() - 2})
    for (std::uint64_t seed = 1; seed <= 100; ++seed) walk(seed, amount);
  for (const char* name : {"jpy", "usd", "bhd", "clf"}) {  // 0, 2, 3 and 4 digits
    auto t = usual_terms(capture_method::manual, std::numeric_limits<std::int64_t>::max());
    t.amount.code = *parse_currency(name);
    auto now = given({event::created{t}, event::authorized{authorize, "auth_1", noon + 24h}});
    const auto all = decide(now, command::capture{"k1", std::nullopt, false}, noon);
    REQUIRE(all.events.size() == 1);
    now = evolve(std::move(now), all.events.front(), noon);
    CHECK(decide(now, command::capture{"k2", 1, false}, noon).refused->code == refusal_code::amount_exceeds_capturable);
    now = evolve(std::move(now), event::captured{1, "c"}, noon);
    CHECK(summarize(now).amount_captured == std::numeric_limits<std::int64_t>::max());
    CHECK(decide(now, command::refund{"k3", std::numeric_limits<std::int64_t>::max(), ""}, noon).events.size() == 1);
  }
}

TEST_CASE("payment/properties: a payment has at most one effective charge however often outcomes are repeated") {
  auto now = given({event::created{usual_terms()}});
  const auto yes = command::report{authorize, reported::approved{"auth_1", std::nullopt}};
  for (const auto& happened : decide(now, yes, noon).events) now = evolve(std::move(now), happened, noon);
  CHECK(decide(now, yes, noon).events.empty());
  CHECK(owed(now).empty());
}

TEST_CASE(
    "payment/decide: an approval heard after the capture's failure does not revive it") {  // found by simulation, seed 504
  auto now = given({event::created{usual_terms()}, event::authorized{authorize, "auth_1", noon + 24h},
                    event::capture_requested{1, "k", std::nullopt, 100, false}});
  const auto failed = decide(now, told_failed(capture()), noon);
  REQUIRE(failed.events.size() == 1);
  now = evolve(std::move(now), failed.events.front(), noon);
  CHECK(decide(now, command::report{capture(), reported::approved{"cap_1", std::nullopt}}, noon).events.empty());
  CHECK(summarize(now).amount_captured == 0);
}
