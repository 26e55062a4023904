// Whole lives of payments under crashes, split ownership, store faults and a lying network to the processor, from seeds.
// NOVAPAY_SIM_SEEDS=1000 runs more; NOVAPAY_SIM_SEED=17 runs one.
#include <doctest/doctest.h>

#include <cstdlib>
#include <set>

#include "actors/payment_codec.hpp"
#include "actors/payment_kind.hpp"
#include "tests/sim/world.hpp"

using namespace novapay;
using namespace novapay::sim;
using domain::capture_method;

namespace {

struct intent {
  std::string key;
  std::int64_t amount = 0;
  capture_method method{};
  std::string token;
  std::vector<promise> calls;
};

struct later_call {
  std::string payment;
  promise got;
};

const std::vector<std::string> tokens{"tok_visa",
                                      "tok_visa",
                                      "tok_visa",
                                      "tok_declined_insufficient_funds",
                                      "tok_3ds_required",
                                      "tok_answer_lost",
                                      "tok_timeout_before",
                                      "tok_capture_answer_lost",
                                      "tok_capture_declined",
                                      "tok_capture_fails_later",
                                      "tok_refund_fails_later",
                                      "tok_rate_limited"};

struct scenario {
  world in;
  std::vector<intent> intents;
  std::vector<later_call> later;

  explicit scenario(world_settings settings) : in(settings) {}

  std::optional<std::string> id_of(const intent& what) const {
    for (const auto& call : what.calls)
      if (call->ok) return call->ok->payment.agreed.id;
    return std::nullopt;
  }

  void one_call() {
    auto& roll = in.roll();
    if (intents.empty() || roll.below(4) == 0) {
      intent fresh;
      fresh.key = "key-" + std::to_string(intents.size());
      fresh.amount = 1 + static_cast<std::int64_t>(roll.below(1000));
      fresh.method = roll.below(2) == 0 ? capture_method::automatic : capture_method::manual;
      fresh.token = tokens[roll.below(tokens.size())];
      intents.push_back(fresh);
    }
    auto& chosen = intents[roll.below(intents.size())];
    const auto id = id_of(chosen);
    if (!id || roll.below(5) == 0) {
      chosen.calls.push_back(in.create(chosen.key, chosen.amount, chosen.method, chosen.token));
      return;
    }
    const auto key = "op-" + std::to_string(roll.below(6));
    const auto some = static_cast<std::int64_t>(1 + roll.below(static_cast<std::uint64_t>(chosen.amount)));
    domain::command_type what;
    switch (roll.below(6)) {
      case 0: what = domain::command::capture{"c" + key, some, roll.below(4) == 0}; break;
      case 1: what = domain::command::capture{"c" + key, std::nullopt, false}; break;
      case 2: what = domain::command::refund{"r" + key, some, "other"}; break;
      case 3: what = domain::command::cancel{"x" + key, ""}; break;
      case 4: what = domain::command::confirm{"f" + key, {}}; break;
      default: what = domain::command::query{}; break;
    }
    later.push_back({*id, in.ask(*id, what)});
  }
};

bool same_answer(const answer& a, const answer& b) { return a.payment == b.payment && a.operation == b.operation; }

// Shard logs without gap or fork, and every entity's sequence without gap; their replay is the stored state.
void check_journal(world& in) {
  std::map<runtime::entity_id, std::pair<std::uint64_t, domain::payment>> replayed;
  for (unsigned shard = 0; shard < (1u << in.shard_bits()); ++shard) {
    std::uint64_t offset = 0;
    std::uint64_t epoch = 0;
    for (const auto& record : in.store().log(static_cast<runtime::shard_id>(shard))) {
      REQUIRE(record.offset == offset++);
      REQUIRE(record.epoch >= epoch);
      epoch = record.epoch;
      if (record.type != runtime::record_type::event) continue;
      auto& [sequence, state] = replayed[record.entity];
      REQUIRE(record.sequence == sequence + 1);
      sequence = record.sequence;
      state = domain::evolve(std::move(state), decode_event(record.payload), record.at);
    }
  }
  auto log = in.store().open();
  for (const auto& [id, seen] : replayed) {
    const auto rows = log->load({&id, 1});
    REQUIRE(rows.value);
    REQUIRE(rows.value->front());
    CHECK(decode_payment(rows.value->front()->state) == seen.second);
  }
}

// All processors together. A charge that was canceled again is none.
struct truth {
  std::uint32_t charges = 0;
  std::string charged_at;
  std::int64_t captured_minor = 0;
  std::int64_t refunded_minor = 0;
};
truth truth_of(const world& in, const std::string& payment) {
  truth all;
  for (const auto& [name, ledger] : in.ledgers()) {
    const auto sums = ledger->sums(payment);
    all.captured_minor += sums.captured_minor;
    all.refunded_minor += sums.refunded_minor;
    if (sums.charges == 0 || sums.cancels > 0) continue;
    all.charges += sums.charges;
    all.charged_at = name;
  }
  return all;
}

void check_money(scenario& s) {
  auto log = s.in.store().open();
  std::set<std::string> ids;
  for (const auto& what : s.intents) {
    const auto id = s.id_of(what);
    const runtime::creation_key key{"mrc_a/test", what.key};
    const auto found = log->find_keys({&key, 1});
    REQUIRE(found.value);
    if (id) {  // acknowledged: never lost
      REQUIRE(found.value->front());
      CHECK(payment_id_text(*found.value->front()) == *id);
    }
    const answer* first = nullptr;
    for (const auto& call : what.calls) {
      if (!call->ok) continue;
      CHECK(call->ok->payment.agreed.amount.minor == what.amount);
      if (first != nullptr) CHECK(same_answer(*first, *call->ok));
      first = &*call->ok;
    }
    if (!found.value->front()) continue;
    ids.insert(payment_id_text(*found.value->front()));
    const auto rows = log->load({&*found.value->front(), 1});
    const auto now = decode_payment(rows.value->front()->state);
    INFO("payment " << now.agreed.id << " token " << now.agreed.token << " version " << now.version);
    const auto seen = domain::summarize(now);
    const auto truth = truth_of(s.in, now.agreed.id);
    CHECK(truth.charges <= 1);
    if (truth.charges == 1 && now.stage == domain::stage::authorized)
      CHECK(truth.charged_at == domain::processor_of(now));
    CHECK(now.created_at == found.value->front()->created_at());
    CHECK(domain::owed(now).empty());
    for (const auto& operation : now.operations)
      CHECK_MESSAGE(
          (operation.progress == domain::progress::succeeded || operation.progress == domain::progress::failed ||
           operation.progress == domain::progress::needs_action),
          domain::to_text(operation.id.kind));
    std::int64_t contested = 0;
    for (const auto& operation : now.operations)
      if (operation.contested) contested += operation.amount_minor;
    CHECK(seen.amount_captured - contested == truth.captured_minor);
    CHECK(seen.amount_refunded == truth.refunded_minor);
    CHECK(seen.amount_captured <= what.amount);
    CHECK(seen.amount_refunded <= seen.amount_captured);
  }
  for (const auto& call : s.later)
    if (call.got->ok) CHECK(call.got->ok->payment.agreed.id == call.payment);
  for (const auto& [name, ledger] : s.in.ledgers()) {
    for (const auto& operation : ledger->operations())  // nothing was charged that nobody asked for
      CHECK_MESSAGE(ids.contains(operation.payment), operation.idempotency_key);
    for (const auto& odd : ledger->anomalies()) CHECK_MESSAGE(false, name << ": " << odd.what << ": " << odd.detail);
  }
}

void run_seed(std::uint64_t seed) {
  INFO("seed " << seed);
  CAPTURE(seed);
  world_settings settings;
  settings.seed = seed;
  settings.shard_bits = static_cast<unsigned>(seed % 3);
  settings.processor_faults = {20, 20, 10, 20, 20, 100, 0, 0};
  settings.store_faults = seed % 4 == 0 ? 0 : 15;
  if (seed % 2 == 1) {
    settings.processors = {"north", "south"};
    settings.accept = 150;
    settings.deny = 100;
  }
  settings.bounds.live_entities_per_shard = 1 + seed % 5;
  settings.bounds.idle_after = std::chrono::milliseconds{400};
  scenario s(settings);
  s.in.start_node();
  s.in.run(50);
  for (int turn = 0; turn < 60; ++turn) {
    for (std::uint64_t calls = s.in.roll().below(4); calls > 0; --calls) s.one_call();
    s.in.run(s.in.roll().below(150));
    if (s.in.roll().chance(30)) {
      s.in.crash_node();
      s.in.start_node();
    } else if (s.in.roll().chance(20)) {
      s.in.start_node();  // two that both believe they own all shards: the log decides
      s.in.run(s.in.roll().below(300));
      s.in.keep_owner();
    }
  }
  s.in.settle();
  CHECK(s.in.ready());
  check_journal(s.in);
  check_money(s);
  for (const auto& what : s.intents)
    for (const auto& call : what.calls) CHECK(call->answered);
}

}  // namespace

TEST_CASE("sim/payments: money moves once and nothing acknowledged is lost, whatever crashes when") {
  if (const char* one = std::getenv("NOVAPAY_SIM_SEED")) return run_seed(std::strtoull(one, nullptr, 10));
  const char* many = std::getenv("NOVAPAY_SIM_SEEDS");
  const auto seeds = many != nullptr ? std::strtoull(many, nullptr, 10) : 200;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) run_seed(seed);
}

TEST_CASE("sim/payments: the same seed gives the same run") {
  const auto trace = [](std::uint64_t seed) {
    world_settings settings;
    settings.seed = seed;
    settings.processor_faults = {20, 20, 10, 20, 20, 100, 0, 0};
    settings.store_faults = 15;
    scenario s(settings);
    s.in.start_node();
    for (int turn = 0; turn < 30; ++turn) {
      s.one_call();
      s.in.run(100);
    }
    std::vector<runtime::log_record> all;
    for (unsigned shard = 0; shard < (1u << settings.shard_bits); ++shard)
      for (auto& record : s.in.store().log(static_cast<runtime::shard_id>(shard))) all.push_back(record);
    return all;
  };
  const auto first = trace(5);
  CHECK(first.size() > 10);
  CHECK(first == trace(5));
  CHECK(first != trace(6));
}
