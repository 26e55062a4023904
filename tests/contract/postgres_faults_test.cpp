// What PostgreSQL, and the network before it, can do to an append, each for real.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>

#include <chrono>
#include <functional>
#include <thread>

#include "adapters/postgres/connection.hpp"
#include "adapters/postgres/migrate.hpp"
#include "runtime/log_writer.hpp"
#include "tests/contract/journal_contract.hpp"
#include "tests/contract/relay.hpp"

using namespace novapay::test;
namespace postgres = novapay::postgres;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds short_timeout{600};
const shard_id home{5};

// The connection string with another value for what it has under `key`.
template <class Change>
std::string with_value(std::string connection, const std::string& key, Change change) {
  const auto from = connection.find(key + "=");
  REQUIRE(from != std::string::npos);
  const auto begin = from + key.size() + 1;
  const auto size = std::min(connection.find(' ', begin), connection.size()) - begin;
  return connection.replace(begin, size, change(connection.substr(begin, size)));
}

// A database, a relay before it, a journal through the relay that has already written, and one around it.
struct line {
  postgres_bench made;
  relay between{made.schema.connection()};
  postgres::journal_store through{{between.connection(), short_timeout}};
  std::unique_ptr<journal> log = through.open();
  std::unique_ptr<journal> direct = made.store.open();

  line() { REQUIRE(append(*log, {claim(home, 0), events(home, 1, 0, entity(1), 1)}) == append_status::committed); }
  std::uint64_t next_offset() { return head_of(*direct, home).next_offset; }
};

// Speaks to the server beside the journals, as the schema's owner.
struct operator_desk {
  explicit operator_desk(const std::string& where) : db{{where, std::chrono::seconds{20}}} {}
  postgres::connection db;

  postgres::answer run(const std::string& sql) {
    auto done = db.run_once(sql, {}, db.next_deadline());
    INFO(done.detail);
    REQUIRE(done.what == postgres::fate::done);
    return done;
  }
  // Asks again until a row says so: each question is a round trip, and the case fails after some thousand.
  void await(const std::string& condition) {
    for (int i = 0; i < 20'000; ++i)
      if (run("select 1 where " + condition).rows.size() == 1) return;
    FAIL("never came true: ", condition);
  }
};

std::string lock_of_journal(const std::string& schema, const std::string& which) {
  return "exists (select 1 from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = "
         "c.relnamespace "
         "where c.relname = 'journal' and n.nspname = '" +
         schema + "' and " + which + ")";
}

// Holds the journal's table from beginning to end: a second session waits, with the table, for a door the first one keeps.
class table_lock {
 public:
  explicit table_lock(const temp_schema& schema)
      : door_{schema.connection()}, key_{"hashtext('" + schema.name() + "')"}, holder_{schema.connection()} {
    door_.run("select pg_advisory_lock(" + key_ + ")");
    holding_ = std::thread{[this] {
      const auto sql =
          "begin; lock table journal in access exclusive mode; select pg_advisory_lock(" + key_ + "); rollback";
      holder_.db.script(sql, holder_.db.next_deadline());
    }};
    door_.await(lock_of_journal(schema.name(), "l.granted and l.mode = 'AccessExclusiveLock'"));
  }
  ~table_lock() {
    door_.run("select pg_advisory_unlock(" + key_ + ")");
    holding_.join();
  }

 private:
  operator_desk door_;
  std::string key_;
  operator_desk holder_;
  std::thread holding_;
};

// Connections are made, by the kernel, and nothing ever answers.
class silent_listener {
 public:
  silent_listener() : descriptor_{socket(AF_INET, SOCK_STREAM, 0)} {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    REQUIRE(bind(descriptor_, reinterpret_cast<sockaddr*>(&where), size) == 0);
    REQUIRE(listen(descriptor_, 16) == 0);
    REQUIRE(getsockname(descriptor_, reinterpret_cast<sockaddr*>(&where), &size) == 0);
    port_ = std::to_string(ntohs(where.sin_port));
  }
  ~silent_listener() { close(descriptor_); }
  const std::string& port() const { return port_; }

 private:
  int descriptor_;
  std::string port_;
};

template <class Call>
milliseconds duration_of(Call call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

pending_append asked(std::uint64_t sequence) {
  pending_append made{home, 0, entity(2), sequence, {"event"}, noon, {}, std::nullopt};
  made.row = entity_row{entity(2), home, "thing", sequence, "state", std::nullopt, {}};
  return made;
}

}  // namespace

TEST_CASE("postgres/faults: a connection cut on the way there or back is `unknown`, and the next call connects anew") {
  if (!postgres_bench::available()) return;
  line one;
  one.between.arm(cut::request);
  CHECK(append(*one.log, {events(home, 2, 0, entity(1), 2)}) == append_status::unknown);
  CHECK(one.next_offset() == 2);
  CHECK(append(*one.log, {events(home, 2, 0, entity(1), 2)}) == append_status::committed);

  one.between.arm(cut::answer);
  CHECK(append(*one.log, {events(home, 3, 0, entity(1), 3)}) == append_status::unknown);
  CHECK(record_at(*one.log, home, 3).has_value());
  CHECK(append(*one.log, {events(home, 3, 0, entity(1), 3)}) == append_status::collided);
  CHECK(append(*one.log, {events(home, 4, 0, entity(1), 4)}) == append_status::committed);
}

TEST_CASE("postgres/faults: a silent server costs the deadline and no more") {
  if (!postgres_bench::available()) return;
  line one;
  one.between.arm(cut::stall_answer);
  auto status = append_status::committed;
  const auto took = duration_of([&] { status = append(*one.log, {events(home, 2, 0, entity(1), 2)}); });
  CHECK(status == append_status::unknown);
  CHECK(took >= short_timeout - milliseconds{50});
  CHECK(took < short_timeout * 3);
  CHECK(record_at(*one.log, home, 2).has_value());  // it had arrived

  one.between.arm(cut::stall_answer);
  const auto reading = duration_of([&] { CHECK_FALSE(one.log->heads(std::vector{home}).value.has_value()); });
  CHECK(reading < short_timeout * 3);

  // Not even the greeting: no connection, so certainly nothing was written.
  auto fresh = one.through.open();
  one.between.arm(cut::stall_answer);
  CHECK(append(*fresh, {events(home, 3, 0, entity(1), 3)}) == append_status::unavailable);
  CHECK(append(*fresh, {events(home, 3, 0, entity(1), 3)}) == append_status::committed);
}

TEST_CASE("postgres/faults: a host that says nothing does not hide the next one, nor does a name that nobody knows") {
  if (!postgres_bench::available()) return;
  postgres_bench made;
  const silent_listener silent;
  const auto before = made.schema.connection();
  const auto ports = with_value(
      before, "port", [&](const std::string& port) { return "1," + port + "," + silent.port() + "," + port; });
  const auto hosts = with_value(
      ports, "host", [](const std::string& host) { return "nobody.invalid," + host + ",127.0.0.1," + host; });
  const auto reversed =
      with_value(with_value(before, "port", [&](const std::string& port) { return silent.port() + "," + port; }),
                 "host", [](const std::string& host) { return "127.0.0.1," + host; });
  for (const auto& where : {hosts, reversed}) {
    postgres::journal_store store{{where, std::chrono::seconds{20}, milliseconds{300}}};
    auto log = store.open();
    CHECK(duration_of([&] { CHECK(log->heads(std::vector{home}).value.has_value()); }) < std::chrono::seconds{10});
  }
}

TEST_CASE("postgres/faults: nobody listens, so nothing was written") {
  if (!postgres_bench::available()) return;
  postgres::journal_store nowhere{{"host=127.0.0.1 port=1 user=x dbname=x", short_timeout}};
  auto log = nowhere.open();
  CHECK(append(*log, {claim(home, 0)}) == append_status::unavailable);
  CHECK_FALSE(log->heads(std::vector{home}).value.has_value());
}

TEST_CASE("postgres/faults: a schema that isn't there is `unavailable`") {
  if (!postgres_bench::available()) return;
  temp_schema empty;
  postgres::journal_store store{{empty.connection(), short_timeout}};
  auto log = store.open();
  CHECK(append(*log, {claim(home, 0)}) == append_status::unavailable);
  CHECK_FALSE(log->heads(std::vector{home}).value.has_value());
  REQUIRE(postgres::migrate({empty.connection()}).error == std::nullopt);
  CHECK(append(*log, {claim(home, 0)}) == append_status::committed);  // on the same connection
}

TEST_CASE("postgres/faults: a lock held too long is `unavailable`, because the server gave up first") {
  if (!postgres_bench::available()) return;
  line one;
  {
    const table_lock held{one.made.schema};
    CHECK(append(*one.log, {events(home, 2, 0, entity(1), 2)}) == append_status::unavailable);
  }
  CHECK(append(*one.log, {events(home, 2, 0, entity(1), 2)}) == append_status::committed);
}

TEST_CASE("postgres/faults: a session ended by the operator is noticed when idle and `unknown` when busy") {
  if (!postgres_bench::available()) return;
  line one;
  postgres::journal_store named{{one.made.schema.connection() + " application_name=victim", std::chrono::seconds{20}}};
  auto log = named.open();
  const std::string kill =
      "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = 'victim'";
  operator_desk desk{one.made.schema.connection()};
  REQUIRE(append(*log, {events(home, 2, 0, entity(1), 2)}) == append_status::committed);
  desk.run(kill);
  CHECK(append(*log, {events(home, 3, 0, entity(1), 3)}) == append_status::committed);

  auto status = append_status::committed;
  {
    const table_lock held{one.made.schema};
    std::thread writing{[&] { status = append(*log, {events(home, 4, 0, entity(1), 4)}); }};
    desk.await(lock_of_journal(one.made.schema.name(), "not l.granted"));
    desk.run(kill);
    writing.join();
  }
  CHECK(status == append_status::unknown);
  CHECK(one.next_offset() == 4);
  CHECK(append(*log, {events(home, 4, 0, entity(1), 4)}) == append_status::committed);
}

TEST_CASE("postgres/faults: a key's partition that vanished is made again") {
  if (!postgres_bench::available()) return;
  line one;
  operator_desk desk{one.made.schema.connection()};
  auto keyed = events(home, 2, 0, entity(2), 1);
  keyed.key = creation_key{"m_1", "key"};
  REQUIRE(append(*one.log, {keyed}) == append_status::committed);
  desk.run("select drop_key_partitions(100000)");
  auto again = events(home, 3, 0, entity(3), 1);
  again.key = creation_key{"m_1", "again"};
  CHECK(append(*one.log, {again}) == append_status::unavailable);
  CHECK(append(*one.log, {again}) == append_status::committed);
}

TEST_CASE("postgres/faults: an answer is only given for what is on the disk, whatever the server's default") {
  if (!postgres_bench::available()) return;
  line one;
  const auto lax =
      one.made.schema.connection().substr(0, one.made.schema.connection().size() - 1) + " -c synchronous_commit=off'";
  postgres::connection db{{lax, std::chrono::seconds{20}}};
  const auto shown = db.run_once("show synchronous_commit", {}, db.next_deadline());
  REQUIRE(shown.what == postgres::fate::done);
  CHECK(shown.rows.bytes(0, 0) == "on");
}

TEST_CASE("postgres/writer: a commit whose answer or request is lost ends as committed, once") {
  if (!postgres_bench::available()) return;
  for (const auto how : {cut::request, cut::answer, cut::stall_answer, cut::stall_request}) {
    postgres_bench made;
    relay between{made.schema.connection()};
    postgres::journal_store through{{between.connection(), short_timeout}};
    log_writer writer{through.open(), "node-1", 1};
    REQUIRE(writer.claim(std::vector{home}, noon).status == write_status::committed);
    REQUIRE(writer.commit(std::vector{asked(1)}).at(0).status == write_status::committed);

    between.arm(how);
    CHECK(writer.commit(std::vector{asked(2)}).at(0).status == write_status::committed);
    between.release();  // the held request arrives after all, too late
    CHECK(writer.commit(std::vector{asked(3)}).at(0).status == write_status::committed);
    auto log = made.store.open();
    CHECK(value_of(log->history(entity(2), 0, 10)).size() == 3);
    CHECK(head_of(*log, home).next_offset == 4);
  }
}

TEST_CASE("postgres/writer: the first try that arrives between the look and the second try is recognized") {
  if (!postgres_bench::available()) return;
  line one;
  operator_desk desk{one.made.schema.connection()};
  one.between.arm(cut::stall_request);
  REQUIRE(append(*one.log, {events(home, 2, 0, entity(1), 2)}) == append_status::unknown);
  CHECK(record_at(*one.log, home, 2) == std::nullopt);
  one.between.release();
  desk.await("exists (select 1 from journal where \"offset\" = 2)");

  CHECK(append(*one.log, {events(home, 2, 0, entity(1), 2)}) == append_status::collided);
  CHECK(record_at(*one.log, home, 2) == events(home, 2, 0, entity(1), 2).records[0]);
}

TEST_CASE("postgres/writer: while the server can't be reached nobody is told either way") {
  if (!postgres_bench::available()) return;
  postgres_bench made;
  auto between = std::make_unique<relay>(made.schema.connection());
  postgres::journal_store through{{between->connection(), short_timeout}};
  log_writer writer{through.open(), "node-1", 1};
  REQUIRE(writer.claim(std::vector{home}, noon).status == write_status::committed);
  REQUIRE(writer.commit(std::vector{asked(1)}).at(0).status == write_status::committed);

  between->arm(cut::stall_request);
  std::vector<write_result> results;
  std::thread writing{[&] { results = writer.commit(std::vector{asked(2)}); }};
  between->await_cut();
  between.reset();  // gone, and its connections with it, before the request went on
  writing.join();

  CHECK(results.at(0).status == write_status::unknown);
  CHECK(writer.unresolved());
  CHECK_FALSE(writer.resolve().has_value());
  CHECK(writer.commit(std::vector{asked(3)}).at(0).status == write_status::unavailable);
}
