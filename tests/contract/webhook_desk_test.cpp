// Webhooks from their delivery to the journal of their payment, each with the exact order forced, on every store.
#include <doctest/doctest.h>

#include <condition_variable>

#include "tests/contract/webhook_bench.hpp"

using namespace novapay;
using namespace novapay::test;
using domain::operation_kind;
using enum inbox_state;

namespace {

template <class Bench>
struct node_on {
  Bench made;
  webhook_node node{borrowed(made.store), borrowed(made.inbox)};
};

const domain::outcome approved = domain::reported::approved{"ref-1", std::nullopt};

}  // namespace

STORE_TEST_CASE(
    "webhooks: ten at once, the same, before our own call returns: each is acknowledged, one takes effect") {
  if (!bench::available()) return;
  node_on<bench> on;
  auto& node = on.node;
  const auto payment = node.authorized_payment("one");
  node.capture(payment);
  auto [call, answer] = node.through.next(operation_kind::capture);  // the processor has it, and is silent

  const auto body = "captured " + payment + " 1\n";
  std::vector<std::thread> senders;
  std::atomic<int> acknowledged{0};
  for (int i = 0; i < 10; ++i)
    senders.emplace_back([&] {
      const auto given = node.take(body).get();
      if (given.verdict == intake_verdict::taken && given.acknowledgement.status == 200 &&
          given.acknowledgement.body == "[ok]")
        ++acknowledged;
    });
  for (auto& one : senders) one.join();
  CHECK(acknowledged == 10);
  node.await_states(10, applied);
  CHECK(node.events(payment, "captured") == 1);

  answer(approved);  // now our own call returns, with old news
  node.await_states(10, applied);
  CHECK(node.events(payment, "captured") == 1);
  CHECK(domain::summarize(node.read(payment)).status == domain::status::captured);
  CHECK(node.listed(received).empty());
}

STORE_TEST_CASE("webhooks: settled, then captured, then settled again: the later state stands") {
  if (!bench::available()) return;
  node_on<bench> on;
  auto& node = on.node;
  const auto payment = node.authorized_payment("order");
  node.capture(payment);
  auto [call, answer] = node.through.next(operation_kind::capture);
  std::size_t sent = 0;
  for (const auto* verb : {"settled ", "captured ", "settled "}) {
    CHECK(node.taken(verb + payment + " 1\n").verdict == intake_verdict::taken);
    node.await_states(++sent, applied);
  }
  answer(approved);
  CHECK(node.events(payment, "captured") == 1);
  CHECK(node.events(payment, "settled") == 1);
  CHECK(domain::summarize(node.read(payment)).status == domain::status::settled);
}

STORE_TEST_CASE("webhooks: a payment nobody knows waits as unmatched, is tried again by itself, and can be replayed") {
  if (!bench::available()) return;
  node_on<bench> on;
  auto& node = on.node;
  CHECK(node.taken("settled pay_00000000000000000000000000 1\n").verdict == intake_verdict::taken);
  CHECK(node.taken("settled order-7 1\n").verdict == intake_verdict::taken);
  node.await_states(2, unmatched);
  const auto lines = node.listed(unmatched);
  CHECK(lines[1].detail == "there is no such payment");
  CHECK(lines[1].next_attempt_at.has_value());
  CHECK(lines[0].detail == "not the id of a payment of ours");
  CHECK(node.log.count("a webhook fits no payment: it is tried again") == 2);

  // First the webhook, then the payment: the store of payments is asked in this very order.
  const auto payment = node.authorized_payment("later");
  node.capture(payment);
  auto [call, answer] = node.through.next(operation_kind::capture);
  std::atomic<bool> known{false};
  std::atomic<int> refused{0};
  node.before_delivery = [&](const std::string& about, notice_done& done) {
    if (about != payment || known) return false;
    ++refused;
    done(notice_fate::unknown_payment, "not yet");
    return true;
  };
  CHECK(node.taken("captured " + payment + " 1\n").verdict == intake_verdict::taken);
  node.await_states(3, unmatched);
  known = true;
  node.await_states(1, applied);  // by itself, a second after the first attempt
  CHECK(refused >= 1);
  CHECK(node.events(payment, "captured") == 1);

  // After a week it waits for an operator, who can have it applied all the same.
  known = false;
  CHECK(node.taken("settled " + payment + " 1\n").verdict == intake_verdict::taken);
  node.await_states(3, unmatched);
  node.clock.advance(unmatched_for + 1min);
  await([&] { return node.log.has("a webhook is not tried any more"); }, "the last attempt");
  await(
      [&] {
        for (const auto& line : node.listed(unmatched))
          if (line.next_attempt_at) return false;
        return true;
      },
      "no further attempts");
  known = true;
  CHECK(node.replay_all(unmatched, 3));
  node.await_states(2, applied);
  CHECK(node.events(payment, "settled") == 1);
  node.await_states(2, unmatched);  // the others still fit nothing
  answer(approved);
}

STORE_TEST_CASE("webhooks: acknowledged and not applied when the node dies: the next life applies it") {
  if (!bench::available()) return;
  node_on<bench> on;
  auto& node = on.node;
  const auto payment = node.authorized_payment("crash");
  node.capture(payment);
  auto [call, answer] = node.through.next(operation_kind::capture);
  std::atomic<int> lost{0};
  std::vector<notice_done> never;  // the payment was about to be told
  node.before_delivery = [&](const std::string&, notice_done& done) {
    never.push_back(std::move(done));
    ++lost;
    return true;
  };
  CHECK(node.taken("captured " + payment + " 1\n").verdict == intake_verdict::taken);
  await([&] { return lost == 1; }, "the moment before it is applied");
  CHECK(node.listed(received).size() == 1);
  node.desk->stop();
  CHECK(node.taken("captured " + payment + " 1\n").verdict == intake_verdict::unavailable);
  CHECK(node.events(payment, "captured") == 0);

  node.before_delivery = nullptr;
  node.restart_desk();
  node.await_states(1, applied);
  CHECK(node.events(payment, "captured") == 1);
  answer(approved);
}

STORE_TEST_CASE("webhooks: a forged one changes nothing, and is kept as evidence; two secrets while one is rotated") {
  if (!bench::available()) return;
  node_on<bench> on;
  auto& node = on.node;
  const auto payment = node.authorized_payment("forged");
  const auto body = "settled " + payment + " 1\n";
  const runtime::http_fields more{{"authorization", "Basic c2VjcmV0"}, {"cookie", "a=b"}, {"x-other", "shown"}};
  const auto forged = node.taken(body, "guessed", more);
  CHECK(forged.verdict == intake_verdict::rejected);
  CHECK(forged.reason == "signature_mismatch");
  node.await_states(1, rejected);
  CHECK(node.taken("card 4242424242424242", "guessed").verdict == intake_verdict::rejected);
  node.await_states(2, rejected);
  const auto inbox = node.inbox_store->open();
  const auto lines = node.listed(rejected);
  const auto kept = **inbox->find(lines[1].id).value;
  CHECK(kept.body == body);
  REQUIRE(kept.fields.size() == 2);
  CHECK(kept.fields[1].first == "x-other");
  CHECK((*inbox->find(lines[0].id).value)->body.empty());
  CHECK(node.history(payment).size() == node.read(payment).version);

  CHECK(node.taken("other\n", "secret-1").verdict == intake_verdict::taken);
  CHECK(node.taken("other\n", "secret-2").verdict == intake_verdict::taken);
  node.await_states(2, applied);
  std::promise<intake_answer> unknown;
  node.desk->take("nobody", {}, "", [&](intake_answer given) { unknown.set_value(std::move(given)); });
  CHECK(unknown.get_future().get().verdict == intake_verdict::unknown_processor);
  CHECK(node.log.count("webhooks rejected") == 1);
  for (std::size_t i = 0; i < rejected_stored_per_minute + 5; ++i)
    CHECK(node.taken(body, "guessed").verdict == intake_verdict::rejected);
  node.await_states(rejected_stored_per_minute, rejected);
}

STORE_TEST_CASE(
    "webhooks: a batch is applied item by item; what concerns no payment is done; what nobody understands waits") {
  if (!bench::available()) return;
  node_on<bench> on;
  auto& node = on.node;
  const auto one = node.authorized_payment("a"), two = node.authorized_payment("b");
  for (const auto& payment : {one, two}) {
    node.capture(payment);
    node.through.next(operation_kind::capture);
  }
  CHECK(node.taken("captured " + one + " 1\nother\ncaptured " + two + " 1\nsettled " + one + " 1\n").verdict ==
        intake_verdict::taken);
  node.await_states(1, applied);
  CHECK(domain::summarize(node.read(one)).status == domain::status::settled);
  CHECK(domain::summarize(node.read(two)).status == domain::status::captured);

  CHECK(node.taken("garbage\n").verdict == intake_verdict::taken);
  CHECK(node.taken("throw\n").verdict == intake_verdict::taken);
  CHECK(node.taken("other\n").verdict == intake_verdict::taken);
  node.await_states(2, unreadable);
  node.await_states(2, applied);
  CHECK(node.listed(unreadable)[0].detail == "reading it failed: a bug in a format");
  CHECK(node.replay_all(unreadable, 2));
  node.await_states(2, unreadable);
}

namespace {

// Two pages; the first asked for fails, and a line's payment is named by its reference only.
class two_pages final : public processor_settlement, public payment_lookup {
 public:
  explicit two_pages(std::string payment) : payment_(std::move(payment)) {}
  void fetch(std::string report, std::string at, std::function<void(settlement_result)> done) override {
    asked.push_back(report + "/" + at);
    if (asked.size() == 1) return done(statement_failure{true, "processor_timeout"});
    if (report == "gone") return done(statement_failure{false, "processor_credentials"});
    settlement_page page;
    if (at.empty()) {
      page.next = "2";
      page.others = {"txn_1 stripe_fee"};
    } else {
      domain::notice what;
      what.about = {operation_kind::capture, 1};
      what.what = domain::told::settled{};
      page.items = {{payment_, what}, {"", what}};
    }
    done(std::move(page));
  }
  void find(std::string reference, std::function<void(answer)> done) override {
    looked_up.push_back(reference);
    if (looked_up.size() == 1) return done({false, ""});
    done({true, reference == "ours" ? payment_ : ""});
  }
  std::vector<std::string> asked, looked_up;

 private:
  std::string payment_;
};

}  // namespace

TEST_CASE("webhooks: settlement reports are fetched page by page, references looked up, both again after trouble") {
  memory_bench made;
  webhook_node node{borrowed(made.store), borrowed(made.inbox)};
  CHECK(node.taken("report first\n").verdict == intake_verdict::taken);
  node.await_states(1, unmatched);  // nothing fetches it yet

  const auto payment = node.authorized_payment("settled");
  node.capture(payment);
  auto [call, answer] = node.through.next(operation_kind::capture);
  two_pages from{payment};
  node.settlement = &from;
  node.lookup = &from;
  node.restart_desk();
  node.await_states(1, applied);
  CHECK(from.asked == std::vector<std::string>{"first/", "first/", "first/2"});
  CHECK(node.events(payment, "settled") == 1);

  CHECK(node.taken("report gone\n").verdict == intake_verdict::taken);
  node.await_states(1, unreadable);
  CHECK(node.listed(unreadable)[0].detail == "the settlement report was not had: processor_credentials");

  CHECK(node.taken("lookup ours 1\nlookup theirs 1\n").verdict == intake_verdict::taken);
  node.await_states(2, applied);
  CHECK(from.looked_up.size() >= 4);
  CHECK(node.events(payment, "settled") == 1);
}

TEST_CASE(
    "webhooks: what the payments could not look at is told again, and what the store did not mark is marked later") {
  memory_bench made;
  webhook_node node{borrowed(made.store), borrowed(made.inbox)};
  const auto payment = node.authorized_payment("again");
  std::atomic<int> tries{0};
  node.before_delivery = [&](const std::string&, notice_done& done) {
    if (++tries > 3) return false;
    done(notice_fate::not_taken, "the store fails");
    return true;
  };
  CHECK(node.taken("settled " + payment + " 1\n").verdict == intake_verdict::taken);
  await([&] { return tries >= 4; }, "the fourth attempt");
  node.await_states(1, applied);

  made.inbox.fail_writes(1, inbox_status::unavailable);
  CHECK(node.taken("other\n").verdict == intake_verdict::unavailable);
  await([&] { return node.taken("other\n").verdict == intake_verdict::taken; }, "the store");
  node.await_states(2, applied);
  made.inbox.fail_writes(1, inbox_status::unknown, true);  // stored, and nobody knows
  CHECK(node.taken("other\n").verdict == intake_verdict::unavailable);
  node.clock.advance(apply_patience + 1s);
  node.await_states(3, applied);
  CHECK(node.log.count("the webhooks' inbox fails") == 2);
}

namespace {

// An inbox whose first write waits for the test.
struct gate {
  std::mutex mutex;
  std::condition_variable opened;
  bool open = false;
  std::atomic<int> waiting{0};
};
class gated_inbox final : public webhook_inbox {
 public:
  gated_inbox(std::unique_ptr<webhook_inbox> through, std::shared_ptr<gate> at)
      : through_(std::move(through)), at_(std::move(at)) {}
  inbox_written write(std::span<const inbox_entry> fresh, std::span<const inbox_mark> marks) override {
    std::unique_lock lock(at_->mutex);
    ++at_->waiting;
    at_->opened.wait(lock, [&] { return at_->open; });
    return through_->write(fresh, marks);
  }
  runtime::read_outcome<std::vector<inbox_entry>> due(domain::timestamp until, std::size_t limit) override {
    return through_->due(until, limit);
  }
  runtime::read_outcome<inbox_page> list(const inbox_query& query) override { return through_->list(query); }
  runtime::read_outcome<std::optional<inbox_entry>> find(std::int64_t id) override { return through_->find(id); }
  runtime::read_outcome<std::vector<inbox_count>> counts() override { return through_->counts(); }
  runtime::read_outcome<std::optional<inbox_state>> replay(std::int64_t id, domain::timestamp now) override {
    return through_->replay(id, now);
  }
  runtime::read_outcome<std::int64_t> replay_all(inbox_state state, const std::string& of,
                                                 domain::timestamp now) override {
    return through_->replay_all(state, of, now);
  }
  runtime::read_outcome<bool> purge(const inbox_retention& keep, domain::timestamp now) override {
    return through_->purge(keep, now);
  }

 private:
  std::unique_ptr<webhook_inbox> through_;
  std::shared_ptr<gate> at_;
};
struct gated_store final : webhook_inbox_store {
  explicit gated_store(memory::inbox_store& through) : store(through) {}
  std::unique_ptr<webhook_inbox> open() override { return std::make_unique<gated_inbox>(store.open(), at); }
  memory::inbox_store& store;
  std::shared_ptr<gate> at = std::make_shared<gate>();
};

}  // namespace

TEST_CASE("webhooks: a flood beyond the queue is refused at once, and what was taken is stored and applied") {
  memory_bench made;
  gated_store store{made.inbox};
  webhook_node node{borrowed(made.store), borrowed(store)};
  std::vector<std::future<intake_answer>> answers;
  for (std::size_t i = 0; i < webhooks_waiting_max; ++i) answers.push_back(node.take("other\n"));
  CHECK(node.desk->waiting() == webhooks_waiting_max);
  for (int i = 0; i < 10; ++i) CHECK(node.taken("other\n").verdict == intake_verdict::overloaded);
  {
    const std::lock_guard lock(store.at->mutex);
    store.at->open = true;
  }
  store.at->opened.notify_all();
  for (auto& one : answers) CHECK(one.get().verdict == intake_verdict::taken);
  CHECK(node.desk->waiting() == 0);
  await([&] { return made.inbox.open()->counts().value->empty(); }, "all to be applied");
  CHECK(node.taken("other\n").verdict == intake_verdict::taken);
}

TEST_CASE("webhooks: the wait between attempts doubles up to its bound") {
  CHECK(backoff(1, 1s, 1h) == 1s);
  CHECK(backoff(2, 1s, 1h) == 2s);
  CHECK(backoff(12, 1s, 1h) == 2048s);
  CHECK(backoff(13, 1s, 1h) == 1h);
  CHECK(backoff(4'000'000'000, 1s, 1h) == 1h);
}

// By hand: tests/servers/with-postgres build/release/bin/test_contract -ns -tc='bench/webhooks*'
TEST_CASE("bench/webhooks: verified, stored and applied each second" * doctest::skip(true)) {
  if (!postgres_bench::available()) return;
  postgres_bench made;
  webhook_node node{borrowed(made.store), borrowed(made.inbox), runtime::shard_bits_default};
  node.through.prompt = true;
  constexpr std::size_t count = 20'000, senders_max = 512;
  std::vector<std::string> payments(count);
  std::atomic<std::size_t> made_of{0};
  const auto asked_by = [&](const std::string& id) {
    caller who{"mrc_a", domain::mode::test, "req", {}};
    who.deadline = node.clock.now() + 60s;
    node.payments.ask(who, id, domain::command::capture{"c", std::nullopt, true}, [&](const reply&) { ++made_of; });
  };
  for (std::size_t i = 0; i < count; ++i) {
    domain::terms asked;
    asked.merchant = "mrc_a";
    asked.idempotency_key = "k" + std::to_string(i);
    asked.amount = {1000, *domain::parse_currency("usd")};
    asked.capture = domain::capture_method::manual;
    asked.method_type = "card";
    asked.token = "tok_visa";
    caller who{"mrc_a", domain::mode::test, "req", {}};
    who.deadline = node.clock.now() + 60s;
    node.payments.create(who, asked, [&, i](const reply& given) {
      payments[i] = std::get<answer>(given).payment.agreed.id;
      asked_by(payments[i]);
    });
    await([&] { return i < made_of + senders_max; }, "room");
  }
  await([&] { return made_of == count; }, "the payments");

  std::string padding;  // as much as Stripe's, and about as easy to compress
  for (std::uint64_t x = 1; padding.size() < 2'500; x = x * 6364136223846793005u + 1442695040888963407u)
    padding +=
        "\"payment_method_details_" + std::to_string(x >> 60) + "\":{\"amount\":" + std::to_string(x >> 40) + "},";
  std::atomic<std::size_t> acknowledged{0};
  const auto begun = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    const auto body = "settled " + payments[i] + " 1 " + padding + "\n";
    node.desk->take(
        "lines", {{"x-signature", sign("secret-1", body)}, {"content-type", "text/plain"}}, body,
        [&](const intake_answer& given) { acknowledged += given.verdict == intake_verdict::taken ? 1 : 0; });
    while (i >= acknowledged + senders_max) std::this_thread::yield();
  }
  await([&] { return acknowledged == count; }, "acknowledgements");
  const auto stored = std::chrono::steady_clock::now();
  const auto inbox = made.inbox.open();
  await(
      [&] {
        const auto open = inbox->counts();
        return open.value && open.value->empty();
      },
      "all to be applied");
  const auto done = std::chrono::steady_clock::now();
  const auto rate = [&](auto until) {
    return static_cast<double>(count) / std::chrono::duration<double>(until - begun).count();
  };
  MESSAGE("webhooks: ", count, ", acknowledged/s ", rate(stored), ", applied/s ", rate(done));
  CHECK(node.events(payments.back(), "settled") == 1);
  CHECK(rate(done) >= 5'000);
}
