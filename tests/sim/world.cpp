#include "tests/sim/world.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "actors/payment_kind.hpp"

namespace novapay::sim {

namespace {

// A node's way to the store. Once cut, nothing of that node reaches the store any more: the process is dead.
struct cut_line {
  bool cut = false;
};

class severed_journal final : public runtime::journal {
 public:
  severed_journal(std::unique_ptr<runtime::journal> through, std::shared_ptr<cut_line> line)
      : through_(std::move(through)), line_(std::move(line)) {}

  runtime::append_outcome append(std::span<const runtime::append_entry> batch) override {
    if (line_->cut) return {runtime::append_status::unavailable, "dead"};
    return through_->append(batch);
  }
  runtime::read_outcome<std::vector<runtime::shard_head>> heads(std::span<const runtime::shard_id> shards) override {
    if (line_->cut) return {std::nullopt, "dead"};
    return through_->heads(shards);
  }
  runtime::read_outcome<std::vector<std::optional<runtime::log_record>>> read_at(
      std::span<const runtime::log_position> where) override {
    if (line_->cut) return {std::nullopt, "dead"};
    return through_->read_at(where);
  }
  runtime::read_outcome<std::vector<std::optional<runtime::entity_row>>> load(
      std::span<const runtime::entity_id> ids) override {
    if (line_->cut) return {std::nullopt, "dead"};
    return through_->load(ids);
  }
  runtime::read_outcome<std::vector<std::optional<runtime::entity_id>>> find_keys(
      std::span<const runtime::creation_key> keys) override {
    if (line_->cut) return {std::nullopt, "dead"};
    return through_->find_keys(keys);
  }
  runtime::read_outcome<std::vector<runtime::entity_id>> due(runtime::timestamp until, std::size_t limit) override {
    if (line_->cut) return {std::nullopt, "dead"};
    return through_->due(until, limit);
  }
  runtime::read_outcome<runtime::list_page> list(const runtime::list_query& query) override {
    if (line_->cut) return {std::nullopt, "dead"};
    return through_->list(query);
  }
  runtime::read_outcome<std::vector<runtime::log_record>> history(const runtime::entity_id& id, std::uint64_t after,
                                                                  std::size_t limit) override {
    if (line_->cut) return {std::nullopt, "dead"};
    return through_->history(id, after, limit);
  }
  runtime::append_outcome maintain(runtime::timestamp now) override {
    if (line_->cut) return {runtime::append_status::unavailable, "dead"};
    return through_->maintain(now);
  }

 private:
  std::unique_ptr<runtime::journal> through_;
  std::shared_ptr<cut_line> line_;
};

class severed_store final : public runtime::journal_store {
 public:
  severed_store(std::shared_ptr<memory::journal_store> through, std::shared_ptr<cut_line> line)
      : through_(std::move(through)), line_(std::move(line)) {}
  std::unique_ptr<runtime::journal> open() override {
    return std::make_unique<severed_journal>(through_->open(), line_);
  }

 private:
  std::shared_ptr<memory::journal_store> through_;
  std::shared_ptr<cut_line> line_;
};

struct test_config : caf::actor_system_config {
  test_config() { set("scheduler.policy", caf::atom("testing")); }
};

}  // namespace

class node {
 public:
  explicit node(world& in)
      : line_(std::make_shared<cut_line>()),
        processor_(in.processor_settings_, in.clock_, in.beyond_),
        system_(config_),
        host_(system_, settings(in),
              {in.clock_, in.entropy_, in.log_, in.metrics_, std::make_shared<severed_store>(in.store_, line_)},
              {make_payment_kind(processor_)}, [](const std::string& why) { throw std::logic_error(why); }),
        payments_(host_, in.clock_, in.log_, {router(in.settings_.processors), {}}) {
    processor_.listen([this](processor_notice told) { payments_.notify(std::move(told)); });
    host_.start();
  }
  // Dead first: what still runs while the actors end reaches nothing and nobody.
  ~node() {
    die();
    host_.stop();
    while (step(0)) {}
    system_.await_actors_before_shutdown(false);
  }
  void die() {
    line_->cut = true;
    processor_.sever();
  }

  bool step(std::uint64_t random) {
    auto& jobs = scheduler().jobs;
    if (jobs.empty()) return false;
    std::swap(jobs.front(), jobs[random % jobs.size()]);
    return scheduler().try_run_once();
  }
  void advance(std::chrono::milliseconds by) { scheduler().advance_time(by); }
  bool ready() const { return host_.ready(); }
  payments& api() { return payments_; }
  sim_network& processor() { return processor_; }

 private:
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }
  // All of them, beginning with one that the amount says.
  static handling_chooser router(std::vector<std::string> names) {
    return [names = std::move(names)](const domain::terms& asked) {
      domain::handling how{names, "all"};
      const auto first = asked.amount.minor % static_cast<std::int64_t>(names.size());
      std::ranges::rotate(how.route, how.route.begin() + first);
      return how;
    };
  }
  static runtime::host_settings settings(world& in) {
    runtime::host_settings how;
    how.shard_bits = in.settings_.shard_bits;
    how.incarnation = in.entropy_.next();
    how.bounds = in.settings_.bounds;
    how.detached = false;
    return how;
  }

  std::shared_ptr<cut_line> line_;
  sim_network processor_;
  test_config config_;
  caf::actor_system system_;
  runtime::host host_;
  hosted_payments payments_;
};

world::world(world_settings settings)
    : settings_(settings),
      roll_(settings.seed),
      entropy_(settings.seed * 7919 + 1),
      store_(std::make_shared<memory::journal_store>()),
      beyond_(std::make_shared<outside>()) {
  processor_settings_.faults = settings.processor_faults;
  for (const auto& name : settings.processors) beyond_->ledgers[name] = std::make_shared<sandbox::memory_ledger>();
  beyond_->accept = settings.accept;
  beyond_->deny = settings.deny;
}

world::~world() = default;

void world::start_node() { nodes_.push_back(std::make_unique<node>(*this)); }

void world::crash_node() { nodes_.pop_back(); }

void world::keep_owner() {
  const auto is_ready = [](const auto& one) { return one->ready(); };
  run(2000);  // claims on their way arrive first
  for (int i = 0; i < 20'000 && std::count_if(nodes_.begin(), nodes_.end(), is_ready) != 1; ++i) step();
  std::erase_if(nodes_, std::not_fn(is_ready));
  if (nodes_.empty()) start_node();  // they fenced each other shard by shard
  while (nodes_.size() > 1) nodes_.erase(nodes_.begin());
}

caller world::someone() {
  caller who{"mrc_a", domain::mode::test, "req", {}};
  who.deadline = clock_.now() + std::chrono::seconds{25};
  return who;
}

namespace {
reply_handler keep(const promise& into) {
  return [into](const reply& with) {
    into->answered = true;
    if (const auto* ok = std::get_if<answer>(&with)) into->ok = *ok;
    if (const auto* no = std::get_if<domain::refusal>(&with)) into->refused = *no;
    if (const auto* bad = std::get_if<trouble_report>(&with)) into->trouble = *bad;
  };
}
}  // namespace

promise world::create(const std::string& key, std::int64_t amount, domain::capture_method method,
                      const std::string& token) {
  auto into = std::make_shared<told>();
  domain::terms asked;
  asked.merchant = "mrc_a";
  asked.idempotency_key = key;
  asked.amount = {amount, *domain::parse_currency("usd")};
  asked.capture = method;
  asked.method_type = "card";
  asked.token = token;
  nodes_[roll_.below(nodes_.size())]->api().create(someone(), asked, keep(into));
  return into;
}

promise world::ask(const std::string& payment, domain::command_type what) {
  auto into = std::make_shared<told>();
  nodes_[roll_.below(nodes_.size())]->api().ask(someone(), payment, std::move(what), keep(into));
  return into;
}

std::optional<std::vector<history_entry>> world::history(const std::string& payment) {
  std::optional<history_reply> got;
  nodes_.back()->api().history(someone(), payment, [&got](history_reply with) { got = std::move(with); });
  for (int i = 0; i < 100'000 && !got; ++i) step();
  if (!got || !std::holds_alternative<std::vector<history_entry>>(*got)) return std::nullopt;
  return std::get<std::vector<history_entry>>(*std::move(got));
}

void world::advance(std::chrono::milliseconds by) {
  clock_.advance(by);
  for (auto& one : nodes_) one->advance(by);
}

void world::inject() {
  using enum memory::append_fault;
  if (calm_ || !roll_.chance(settings_.store_faults)) return;
  static constexpr memory::append_fault faults[] = {unavailable, unknown_applied, unknown_lost, unknown_applied_late};
  store_->fail_append(faults[roll_.below(4)], 1 + roll_.below(6));
  if (roll_.chance(300)) store_->fail_reads(1 + roll_.below(3), roll_.below(4));
}

void world::step() {
  inject();
  auto& one = *nodes_[roll_.below(nodes_.size())];
  if (one.step(roll_.next())) return;
  if (one.processor().pending() > 0) return one.processor().step(roll_.next());
  advance(std::chrono::milliseconds{1 + roll_.below(300)});
}

bool world::ready() const { return nodes_.size() == 1 && nodes_.front()->ready(); }

void world::run(std::size_t steps) {
  for (std::size_t i = 0; i < steps; ++i) step();
}

void world::settle() {
  calm_ = true;
  store_->heal();
  for (int round = 0; round < 400; ++round) {
    run(400);
    advance(std::chrono::milliseconds{500});
  }
  beyond_->calm = true;  // what was accepted and never told of is asked after
  for (int hour = 0; hour < 3; ++hour) {
    advance(domain::accepted_first);
    run(4000);
  }
}

}  // namespace novapay::sim
