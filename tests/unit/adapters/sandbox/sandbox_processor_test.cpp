#include "adapters/sandbox/sandbox_processor.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "adapters/sandbox/ledger.hpp"
#include "adapters/sandbox/sqlite.hpp"
#include "tests/unit/adapters/sandbox/support.hpp"

using namespace novapay;
using namespace novapay::sandbox;
using namespace novapay::sandbox::test;
using enum novapay::domain::operation_kind;
namespace reported = novapay::domain::reported;

namespace {

struct bench {
  temporary_folder folder;
  hand_clock clock;
  counting_log log;
  settings how;

  bench() {
    how.ledger_path = folder.file("data/sandbox.db");
    how.behaviour.slow_delay = 30ms;
    how.behaviour.very_slow_delay = 60'000ms;
    how.behaviour.answer_timeout = 20ms;
    how.notice_poll = 5ms;  // the hand-set clock does not wake anybody
  }
  std::unique_ptr<sandbox_processor> open() {
    std::string error;
    auto made = sandbox_processor::open(how, clock, log, error);
    REQUIRE_MESSAGE(made != nullptr, error);
    return made;
  }
  ledger_contents ledger() {
    std::string error;
    auto all = read_ledger(how.ledger_path, error);
    REQUIRE_MESSAGE(all.has_value(), error);
    return *all;
  }
};

std::string code_of(const domain::outcome& outcome) {
  if (const auto* unknown = std::get_if<reported::unknown>(&outcome)) return unknown->reason;
  if (const auto* not_executed = std::get_if<reported::not_executed>(&outcome)) return not_executed->reason;
  if (const auto* declined = std::get_if<reported::declined>(&outcome)) return declined->why.code;
  return "";
}

}  // namespace

TEST_CASE("sandbox/processor: one key over many threads and two processes' worth of ledgers executes once") {
  bench with;
  with.how.behaviour.settle_after = 0ms;
  auto one = with.open();
  auto two = with.open();

  constexpr std::size_t threads = 8, each_sends = 50;
  mailbox box;
  std::vector<std::thread> senders;
  for (std::size_t t = 0; t < threads; ++t)
    senders.emplace_back([&, t] {
      for (std::size_t i = 0; i < each_sends; ++i)
        (t % 2 == 0 ? *one : *two).send(call_of(authorize, "pay_1", 500), box.taker());
    });
  for (auto& each : senders) each.join();

  const auto answers = box.wait_for(threads * each_sends);
  REQUIRE(answers.size() == threads * each_sends);
  const auto reference = std::get<reported::approved>(answers[0]).reference;
  for (const auto& each : answers) CHECK(std::get<reported::approved>(each).reference == reference);

  one.reset();
  two.reset();
  auto reopened = with.open();
  CHECK(std::get<reported::approved>(ask(*reopened, call_of(authorize, "pay_1", 500))).reference == reference);

  const auto ledger = with.ledger();
  REQUIRE(ledger.operations.size() == 1);
  CHECK(ledger.operations[0].executions == 1);
  CHECK(ledger.operations[0].attempts == threads * each_sends + 1);
  REQUIRE(ledger.payments.size() == 1);
  CHECK(ledger.payments[0].charges == 1);
  CHECK(ledger.anomalies.empty());
  CHECK(with.log.lines == 0);
}

TEST_CASE("sandbox/processor: attempts are counted across a restart") {
  bench with;
  CHECK(code_of(ask(*with.open(), call_of(authorize, "pay_1", 500, 1, "tok_timeout_before"))) == "processor_timeout");
  CHECK(with.ledger().operations.at(0).executions == 0);
  CHECK(letter(ask(*with.open(), call_of(authorize, "pay_1", 500, 1, "tok_timeout_before"))) == 'A');
  CHECK(with.ledger().operations.at(0).executions == 1);
}

TEST_CASE("sandbox/processor: a lost answer was executed, and the next attempt gets it") {
  bench with;
  auto processor = with.open();
  CHECK(code_of(ask(*processor, call_of(authorize, "pay_1", 500, 1, "tok_answer_lost"))) == "processor_timeout");
  CHECK(with.ledger().payments.at(0).charges == 1);
  CHECK(letter(ask(*processor, call_of(authorize, "pay_1", 500, 1, "tok_answer_lost"))) == 'A');
  CHECK(with.ledger().payments.at(0).charges == 1);
}

TEST_CASE("sandbox/processor: a slow answer does not hold up the others") {
  bench with;
  with.how.behaviour.slow_delay = 300ms;
  auto processor = with.open();
  mailbox slow;
  const auto began = std::chrono::steady_clock::now();
  processor->send(call_of(authorize, "pay_1", 500, 1, "tok_slow"), slow.taker());
  CHECK(letter(ask(*processor, call_of(authorize, "pay_2", 500))) == 'A');
  CHECK(slow.count() == 0);
  CHECK(letter(slow.wait_for(1).at(0)) == 'A');
  CHECK(std::chrono::steady_clock::now() - began >= 300ms);
}

TEST_CASE("sandbox/processor: a notice is repeated with backoff until acknowledged, across restarts") {
  bench with;
  auto processor = with.open();
  notice_box silent;
  processor->listen(silent.taker(false));
  ask(*processor, call_of(authorize, "pay_1", 500));
  ask(*processor, call_of(capture, "pay_1", 500, 2));
  CHECK(with.ledger().notices.at(0).deliveries == 0);
  CHECK_FALSE(with.ledger().operations.at(1).settled_at.has_value());

  with.clock.advance(with.how.behaviour.settle_after);
  const auto first = silent.wait_for(1);
  REQUIRE(first.size() == 1);
  CHECK(first[0].payment == "pay_1");
  CHECK(first[0].what.about == domain::operation_id{capture, 2});
  CHECK(std::holds_alternative<domain::told::settled>(first[0].what.what));
  const auto settled_at = with.ledger().operations.at(1).settled_at;
  CHECK(settled_at == first_day + with.how.behaviour.settle_after);
  CHECK(with.ledger().notices.at(0).next_at == with.clock.now() + 1s);

  with.clock.advance(1s);
  CHECK(silent.wait_for(2).size() == 2);
  CHECK(with.ledger().notices.at(0).next_at == with.clock.now() + 2s);

  processor.reset();
  first[0].acknowledge();  // too late, and harmless

  auto reopened = with.open();
  notice_box heard;
  reopened->listen(heard.taker(true));
  with.clock.advance(2s);
  CHECK(heard.wait_for(1).size() == 1);
  reopened.reset();  // an acknowledgement given before the end is kept

  const auto ledger = with.ledger();
  CHECK(ledger.notices.at(0).acknowledged_at == with.clock.now());
  CHECK(ledger.notices.at(0).deliveries == 3);
  CHECK(ledger.operations.at(1).settled_at == settled_at);

  auto last = with.open();
  notice_box nothing;
  last->listen(nothing.taker(true));
  with.clock.advance(1h);
  ask(*last, call_of(authorize, "pay_2", 500));
  ask(*last, call_of(authorize, "pay_3", 500));
  last.reset();
  CHECK(with.ledger().notices.at(0).deliveries == 3);
}

TEST_CASE("sandbox/processor: a late failure takes the money back when it is reported") {
  bench with;
  auto processor = with.open();
  notice_box heard;
  processor->listen(heard.taker(true));
  ask(*processor, call_of(authorize, "pay_1", 500, 1, "tok_capture_fails_later"));
  CHECK(letter(ask(*processor, call_of(capture, "pay_1", 500))) == 'A');
  CHECK(with.ledger().payments.at(0).captured_minor == 500);

  with.clock.advance(with.how.behaviour.late_failure_after);
  const auto notices = heard.wait_for(1);
  REQUIRE(notices.size() == 1);
  CHECK(std::get<domain::told::failed>(notices[0].what.what).why.code == "capture_failed");
  CHECK(with.ledger().payments.at(0).captured_minor == 0);
  CHECK(with.ledger().payments.at(0).capture_failed_minor == 500);

  database direct(with.how.ledger_path, database::access::read_only);
  CHECK(direct.integer("SELECT captured_minor FROM payment_sums") == 0);
  CHECK(direct.integer("SELECT capture_failed_minor FROM payment_sums") == 500);
}

TEST_CASE("sandbox/processor: over its bound a call is refused at once and never executed") {
  bench with;
  with.how.in_flight_max = 2;
  auto processor = with.open();
  mailbox waiting, refused;
  processor->send(call_of(authorize, "pay_1", 500, 1, "tok_very_slow"), waiting.taker());
  processor->send(call_of(authorize, "pay_2", 500, 1, "tok_very_slow"), waiting.taker());
  processor->send(call_of(authorize, "pay_3", 500), refused.taker());
  REQUIRE(refused.count() == 1);
  CHECK(code_of(refused.wait_for(1)[0]) == "processor_busy");

  processor.reset();  // and the end answers those still waiting
  const auto ended = waiting.wait_for(2);
  REQUIRE(ended.size() == 2);
  for (const auto& entry : with.ledger().operations) CHECK(entry.payment != "pay_3");
}

TEST_CASE("sandbox/processor: shutdown says unknown of what was executed and not_executed of what was not") {
  bench with;
  with.how.behaviour.answer_timeout = 60'000ms;
  auto processor = with.open();
  mailbox executed, unexecuted;
  processor->send(call_of(authorize, "pay_1", 500, 1, "tok_very_slow"), executed.taker());
  processor->send(call_of(authorize, "pay_2", 500, 1, "tok_timeout_before"), unexecuted.taker());
  ask(*processor, call_of(authorize, "pay_3", 500));  // both have been judged by now

  processor.reset();

  REQUIRE(executed.count() == 1);
  CHECK(letter(executed.wait_for(1)[0]) == 'U');
  CHECK(code_of(executed.wait_for(1)[0]) == "processor_shutdown");
  REQUIRE(unexecuted.count() == 1);
  CHECK(letter(unexecuted.wait_for(1)[0]) == 'X');
  CHECK(code_of(unexecuted.wait_for(1)[0]) == "processor_shutdown");
}

TEST_CASE("sandbox/processor: a ledger that cannot be opened or is too new is a clear error") {
  bench with;
  std::string error;
  { std::ofstream(with.folder.file("text")) << std::string(4096, 'x'); }
  with.how.ledger_path = with.folder.file("text");
  CHECK(sandbox_processor::open(with.how, with.clock, with.log, error) == nullptr);
  CHECK(error.find("not a database") != std::string::npos);

  with.how.ledger_path = with.folder.file("text/sandbox.db");
  CHECK(sandbox_processor::open(with.how, with.clock, with.log, error) == nullptr);

  with.how.ledger_path = with.folder.file("newer.db");
  with.open();
  database(with.how.ledger_path, database::access::read_write).execute("PRAGMA user_version = 99");
  CHECK(sandbox_processor::open(with.how, with.clock, with.log, error) == nullptr);
  CHECK(error.find("newer NovaPay") != std::string::npos);
  CHECK_FALSE(read_ledger(with.how.ledger_path, error).has_value());
  CHECK(nlohmann::json::parse(ledger_json(with.folder.file("nothing.db"))).contains("error"));
}

TEST_CASE("sandbox/processor: a key that does not begin with its payment's id is no way around the ledger") {
  bench with;
  auto processor = with.open();
  auto odd = call_of(authorize, "pay_1", 500);
  odd.idempotency_key = "odd";
  CHECK(letter(ask(*processor, odd)) == 'A');
  CHECK(letter(ask(*processor, odd)) == 'A');
  auto borrowed = call_of(capture, "pay_1", 200);
  borrowed.idempotency_key = "pay_2:capture:1";
  CHECK(letter(ask(*processor, borrowed)) == 'A');

  CHECK(letter(ask(*processor, call_of(capture, "pay_1", 300))) == 'A');
  CHECK(letter(ask(*processor, call_of(authorize, "pay_2", 500))) == 'A');
  CHECK(with.ledger().anomalies.empty());

  CHECK(code_of(ask(*processor, call_of(capture, "pay_2", 200))) == "idempotency_error");
  ask(*processor, call_of(capture, "pay_1", 1, 2));
  ask(*processor, call_of(authorize, "pay_1", 500));
  const auto ledger = with.ledger();
  REQUIRE(ledger.operations.size() == 6);
  CHECK(ledger.operations[0].executions == 1);
  CHECK(ledger.operations[0].attempts == 2);
  REQUIRE(ledger.anomalies.size() == 3);
  CHECK(ledger.anomalies[1].what == "over_capture");
  CHECK(ledger.anomalies[2].what == "second_charge");
}

TEST_CASE("sandbox/processor: a ledger of version 1 is read, and taken over with what it holds") {
  bench with;
  ask(*with.open(), call_of(authorize, "pay_1", 500));
  database(with.how.ledger_path, database::access::read_write)
      .execute(
          "DROP INDEX operation_stray; CREATE INDEX operation_by_payment ON operation (payment); "
          "PRAGMA user_version = 1");
  CHECK(with.ledger().operations.size() == 1);

  CHECK(letter(ask(*with.open(), call_of(capture, "pay_1", 500))) == 'A');
  const database now(with.how.ledger_path, database::access::read_only);
  CHECK(now.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'operation_by_payment'") == 0);
  CHECK(now.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'operation_stray'") == 1);
}

TEST_CASE("sandbox/processor: while the ledger cannot be written nothing is executed, and it says so") {
  bench with;
  auto processor = with.open();
  database(with.how.ledger_path, database::access::read_write).execute("DROP TABLE anomaly");
  auto capture_of_nothing = call_of(capture, "pay_1", 500);
  CHECK(code_of(ask(*processor, capture_of_nothing)) == "processor_unavailable");
  CHECK(with.log.lines == 1);
  CHECK(letter(ask(*processor, call_of(authorize, "pay_2", 500))) == 'A');  // and goes on
}

TEST_CASE("sandbox/ledger: JSON, the view and the helpers agree") {
  bench with;
  auto processor = with.open();
  ask(*processor, call_of(authorize, "pay_1", 500, 1, "tok_3ds_required"));
  ask(*processor, call_of(confirm, "pay_1", 500));
  ask(*processor, call_of(capture, "pay_1", 300, 1));
  ask(*processor, call_of(refund, "pay_1", 100, 1));
  ask(*processor, call_of(authorize, "pay_2", 700, 1, "tok_declined_generic"));
  ask(*processor, call_of(authorize, "pay_3", 900, 1, "tok_unavailable"));
  ask(*processor, call_of(authorize, "pay_4", 200));
  ask(*processor, call_of(cancel, "pay_4", 200));
  ask(*processor, call_of(refund, "pay_4", 1));
  auto odd_text = call_of(authorize, "pay_5", 10);
  odd_text.description = "\xff\xfe";
  odd_text.payment = "pay_\xff";
  ask(*processor, odd_text);

  const auto all = nlohmann::json::parse(ledger_json(with.how.ledger_path));
  CHECK(all["operations"].size() == 10);
  CHECK(all["operations"][0]["outcome"] == "needs_action");
  CHECK(all["operations"][4]["decline_code"] == "generic_decline");
  CHECK(all["operations"][5]["outcome"].is_null());
  CHECK(all["operations"][5]["executions"] == 0);
  CHECK(all["anomalies"].size() == 1);
  CHECK(all["anomalies"][0]["what"] == "over_refund");
  CHECK(all["notices"].size() == 1);
  CHECK(all["truncated"] == false);

  database direct(with.how.ledger_path, database::access::read_only);
  for (const auto& sums : with.ledger().payments) {
    CAPTURE(sums.payment);
    auto row = direct.prepare("SELECT * FROM payment_sums WHERE payment = ?");
    row.bind(sums.payment);
    REQUIRE(row.next());
    CHECK(row.text(1) == "eur");
    CHECK(row.integer(2) == sums.authorized_minor);
    CHECK(row.integer(3) == sums.captured_minor);
    CHECK(row.integer(4) == sums.refunded_minor);
    CHECK(row.integer(5) == sums.canceled_minor);
    CHECK(row.integer(6) == sums.capture_failed_minor);
    CHECK(row.integer(7) == sums.charges);
    CHECK(row.integer(8) == sums.captures);
    CHECK(row.integer(9) == sums.refunds);
    CHECK(row.integer(10) == sums.cancels);
  }
  CHECK(direct.integer("SELECT count(*) FROM payment_sums") ==
        static_cast<std::int64_t>(with.ledger().payments.size()));
}
