#include "adapters/postgres/connection.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "adapters/postgres/binary.hpp"
#include "runtime/crash_point.hpp"

namespace novapay::postgres {

namespace {

using steady = std::chrono::steady_clock;

constexpr int binary_format = 1;

// Results one statement can leave behind: one for each statement of a script, and an error.
constexpr int results_max = 1000;

// Waits for `events` on the connection's socket; 0: the deadline passed. A broken socket counts as ready: libpq finds out.
short wait_for(PGconn* raw, short events, deadline until) {
  pollfd descriptor{PQsocket(raw), events, 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady::now()).count();
    if (left <= 0) return 0;
    const int ready = poll(&descriptor, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready > 0) return descriptor.revents;
    if (ready < 0 && errno != EINTR) return POLLERR;
  }
}

// libpq wants pointers; all our parameters are binary and none is null.
struct raw_parameters {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;

  explicit raw_parameters(const std::vector<std::string>& parameters) : formats(parameters.size(), binary_format) {
    for (const auto& parameter : parameters) {
      values.push_back(parameter.data());
      lengths.push_back(static_cast<int>(parameter.size()));
    }
  }
  int count() const { return static_cast<int>(values.size()); }
};

std::string field(const PGresult* raw, int code) {
  const char* text = PQresultErrorField(raw, code);
  return text ? text : "";
}

// What libpq cannot read it repeats in its message, password and all; so it is asked beforehand, and its words are left out. A
// password's '@' that is not escaped makes the rest of the password a part of the host, which messages name.
std::optional<std::string> problem_with(const std::string& connection) {
  if (connection.find_first_of("=:") == std::string::npos) return std::nullopt;  // the mere name of a database
  char* words = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options{
      PQconninfoParse(connection.c_str(), &words), &PQconninfoFree};
  PQfreemem(words);
  if (!options)
    return "the connection string is malformed: it is neither \"host=… dbname=… user=…\" nor a postgresql:// URI "
           "(libpq's own "
           "words are left out, since they may repeat the password)";
  for (const auto* option = options.get(); option->keyword != nullptr; ++option)
    if (std::string_view{option->keyword} == "host" && option->val != nullptr &&
        std::string_view{option->val}.find('@') != std::string_view::npos)
      return "the connection string is malformed: its host has an '@'; in a URI's password write it as %40";
  return std::nullopt;
}

bool succeeded(const PGresult* raw) {
  const auto status = PQresultStatus(raw);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

}  // namespace

void result_rows::drop(pg_result* raw) { PQclear(raw); }
int result_rows::size() const { return raw_ ? PQntuples(raw_.get()) : 0; }
bool result_rows::is_null(int row, int column) const { return PQgetisnull(raw_.get(), row, column) != 0; }
std::string_view result_rows::bytes(int row, int column) const {
  return {PQgetvalue(raw_.get(), row, column), static_cast<std::size_t>(PQgetlength(raw_.get(), row, column))};
}
std::int64_t result_rows::number(int row, int column) const { return read_integer(bytes(row, column)); }

connection::connection(settings where) : connection{where, std::make_shared<address_book>(where.connection)} {}
connection::connection(settings where, std::shared_ptr<address_book> book)
    : settings_{std::move(where)}, book_{std::move(book)} {}
connection::~connection() { close(); }

deadline connection::next_deadline() const { return steady::now() + settings_.call_timeout; }

void connection::close() {
  prepared_.clear();
  if (raw_) PQfinish(std::exchange(raw_, nullptr));
}

std::string connection::message() const {
  std::string text = raw_ ? PQerrorMessage(raw_) : "no connection";
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// An idle connection has nothing to say: if it has, it may be the server's goodbye, which libpq reads here.
bool connection::is_alive() {
  if (!raw_ || PQstatus(raw_) != CONNECTION_OK || PQtransactionStatus(raw_) != PQTRANS_IDLE) return false;
  pollfd descriptor{PQsocket(raw_), POLLIN, 0};
  if (poll(&descriptor, 1, 0) == 0) return true;
  return PQconsumeInput(raw_) == 1 && PQstatus(raw_) == CONNECTION_OK && poll(&descriptor, 1, 0) == 0;
}

std::optional<std::string> connection::connect(deadline until) {
  if (is_alive()) return std::nullopt;
  close();
  if (auto why = problem_with(settings_.connection)) return why;
  auto targets = book_->targets(until);
  if (targets.empty()) return "no address is known for the host";
  if (const auto at = std::ranges::find(targets, last_); at != targets.end())
    std::rotate(targets.begin(), at, at + 1);  // what served last comes first
  std::string whys;
  for (const auto& where : targets) {
    if (!whys.empty() && steady::now() >= until) break;
    auto why = connect_to(where, std::min(until, steady::now() + settings_.connect_timeout));
    if (!why) {
      last_ = where;
      return std::nullopt;
    }
    whys += (whys.empty() ? "" : "; ") + *why;
  }
  return whys;
}

std::optional<std::string> connection::connect_to(const target& where, deadline until) {
  // Before the string: what it may override. After it: what it may not.
  const auto stall_ms = std::to_string(settings_.call_timeout.count());
  const char* names[] = {"tcp_user_timeout",
                         "fallback_application_name",
                         "target_session_attrs",
                         "dbname",
                         "client_encoding",
                         "host",
                         "hostaddr",
                         "port",
                         nullptr};  // what is empty does not count
  const char* values[] = {stall_ms.c_str(), "novapay",          "read-write",          settings_.connection.c_str(),
                          "UTF8",           where.host.c_str(), where.address.c_str(), where.port.c_str(),
                          nullptr};
  raw_ = PQconnectStartParams(names, values, 1);
  if (!raw_) return "out of memory";

  auto next = PQstatus(raw_) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    std::optional<std::string> why;
    if (next == PGRES_POLLING_FAILED)
      why = message();
    else if (wait_for(raw_, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, until) == 0)
      why = "no connection in time";
    if (why) {
      close();
      return why;
    }
    next = PQconnectPoll(raw_);
  }
  if (PQsetnonblocking(raw_, 1) != 0) {
    auto why = message();
    close();
    return why;
  }
  PQsetNoticeProcessor(
      raw_, [](void*, const char*) {}, nullptr);  // libpq would print them to stderr
  return start_session(until);
}

// An answer is a promise of durability: a server set up to acknowledge before the disk has it is told otherwise. The
// statements here are short and many alike, so compiling them never pays. Each has its index: a plan made while the tables
// were small must not read through them when they have grown.
std::optional<std::string> connection::start_session(deadline until) {
  const auto timeout_ms = std::to_string(std::max<std::int64_t>(1, settings_.call_timeout.count() * 3 / 4));
  const auto sql = "set statement_timeout = " + timeout_ms +
                   "; set jit = off; set enable_seqscan = off; set default_transaction_isolation = 'read committed'; "
                   "select set_config('synchronous_commit', 'on', false) "
                   "where current_setting('synchronous_commit') in ('off', 'local')";
  if (PQsendQuery(raw_, sql.c_str()) != 1) return lose("starting the session").detail;
  auto done = wait_for_answer(until);
  if (done.what == fate::done) return std::nullopt;
  close();
  return done.detail;
}

answer connection::lose(const std::string& why) {
  auto detail = why + ": " + message();
  close();
  return {fate::lost, {}, std::move(detail), {}};
}

bool connection::flush(deadline until) {
  for (;;) {
    const int left = PQflush(raw_);
    if (left <= 0) return left == 0;
    const auto ready = wait_for(raw_, POLLIN | POLLOUT, until);
    if (ready == 0) return false;
    // A server that is sending while we are may be waiting for us to read.
    if ((ready & ~POLLOUT) != 0 && PQconsumeInput(raw_) != 1) return false;
  }
}

// A statement counts as done only once the server says that it is ready for the next: its result comes before the commit.
// Likewise it is refused only if the server is ready afterwards; an error that ends the session proves nothing.
answer connection::wait_for_answer(deadline until) {
  if (!flush(until)) return lose("sending");
  answer outcome;
  bool died = false;
  for (int i = 0; i < results_max; ++i) {
    while (PQisBusy(raw_)) {
      if (wait_for(raw_, POLLIN, until) == 0) return lose("no answer within the call's deadline");
      if (PQconsumeInput(raw_) != 1) return lose("waiting for the answer");
    }
    PGresult* raw = PQgetResult(raw_);
    if (!raw) break;
    result_rows rows{raw};
    if (succeeded(raw)) {
      outcome.rows = std::move(rows);
      continue;
    }
    outcome.what = fate::refused;
    outcome.sqlstate = field(raw, PG_DIAG_SQLSTATE);
    // Without the server's DETAIL: that quotes rows, and with them what merchants sent.
    outcome.detail =
        outcome.sqlstate + " " + field(raw, PG_DIAG_MESSAGE_PRIMARY) + " " + field(raw, PG_DIAG_CONSTRAINT_NAME);
    died = died || field(raw, PG_DIAG_SEVERITY_NONLOCALIZED) != "ERROR";
  }
  if (died || PQstatus(raw_) != CONNECTION_OK || PQtransactionStatus(raw_) != PQTRANS_IDLE) return lose(outcome.detail);
  return outcome;
}

answer connection::send_and_wait(bool sent, deadline until) {
  if (!sent) return lose("sending");
  return wait_for_answer(until);
}

answer connection::run(const prepared_statement& statement, const std::vector<std::string>& parameters,
                       deadline until) {
  if (auto why = connect(until)) return {fate::not_sent, {}, std::move(*why), {}};
  if (!prepared_.contains(statement.name)) {
    auto done = send_and_wait(PQsendPrepare(raw_, statement.name, statement.sql, 0, nullptr) == 1, until);
    if (done.what == fate::lost) done.what = fate::not_sent;  // preparing changes nothing
    if (done.what != fate::done) return done;
    prepared_.insert(statement.name);
  }
  const raw_parameters raw{parameters};
  const bool sent = PQsendQueryPrepared(raw_, statement.name, raw.count(), raw.values.data(), raw.lengths.data(),
                                        raw.formats.data(), binary_format) == 1;
  if (statement.commits) passing(runtime::crash_point::commit_sent);
  return send_and_wait(sent, until);
}

answer connection::run_once(const std::string& sql, const std::vector<std::string>& parameters, deadline until) {
  if (auto why = connect(until)) return {fate::not_sent, {}, std::move(*why), {}};
  const raw_parameters raw{parameters};
  return send_and_wait(PQsendQueryParams(raw_, sql.c_str(), raw.count(), nullptr, raw.values.data(), raw.lengths.data(),
                                         raw.formats.data(), binary_format) == 1,
                       until);
}

answer connection::script(const std::string& sql, deadline until) {
  if (auto why = connect(until)) return {fate::not_sent, {}, std::move(*why), {}};
  return send_and_wait(PQsendQuery(raw_, sql.c_str()) == 1, until);
}

}  // namespace novapay::postgres
