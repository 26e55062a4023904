// connection: one PostgreSQL connection every call of which ends by its deadline, with a certain answer or the admission
// that there is none.
//
// Built on libpq's non-blocking calls and poll(2): libpqxx 6.4 waits without limit for a server that has gone silent.
// Internal to this adapter. One thread at a time. Nothing throws but for want of memory.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/postgres/addresses.hpp"
#include "adapters/postgres/settings.hpp"

struct pg_conn;
struct pg_result;

namespace novapay::postgres {

using deadline = std::chrono::steady_clock::time_point;

// Rows of an answer, columns in binary. Views live as long as this.
class result_rows {
 public:
  result_rows() = default;
  explicit result_rows(pg_result* raw) : raw_{raw, &drop} {}

  int size() const;
  bool is_null(int row, int column) const;
  std::string_view bytes(int row, int column) const;
  std::int64_t number(int row, int column) const;  // of an int2, int4 or int8

 private:
  static void drop(pg_result* raw);
  std::unique_ptr<pg_result, void (*)(pg_result*)> raw_{nullptr, &drop};
};

enum class fate {
  done,      // executed and committed: the server is ready for the next statement
  refused,   // the server refused it and rolled back: `sqlstate` says why
  not_sent,  // there is no connection, or the deadline passed before the statement left
  lost,      // the connection broke, or the deadline passed, with the statement under way
};

struct answer {
  fate what = fate::done;
  std::string sqlstate;
  std::string detail;
  result_rows rows;
};

// A statement that is prepared once for each connection. Both have static storage.
struct prepared_statement {
  const char* name;
  const char* sql;
  bool commits = false;  // an append: what a crash while it is under way leaves behind is worth a test
};

class connection {
 public:
  explicit connection(settings where);
  connection(settings where, std::shared_ptr<address_book> book);  // of the same connection string
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  deadline next_deadline() const;

  // Parameters and columns are binary (binary.hpp). Connects and prepares first if need be; a connection that died while
  // idle is noticed before anything is sent.
  answer run(const prepared_statement& statement, const std::vector<std::string>& parameters, deadline until);
  answer run_once(const std::string& sql, const std::vector<std::string>& parameters, deadline until);

  // Several statements in one text, without parameters, in one transaction unless they say otherwise.
  answer script(const std::string& sql, deadline until);

  void close();

 private:
  std::optional<std::string> connect(deadline until);  // what went wrong
  std::optional<std::string> connect_to(const target& where, deadline until);
  std::optional<std::string> start_session(deadline until);
  bool is_alive();
  answer send_and_wait(bool sent, deadline until);
  answer wait_for_answer(deadline until);
  bool flush(deadline until);
  answer lose(const std::string& why);
  std::string message() const;

  settings settings_;
  std::shared_ptr<address_book> book_;
  target last_;  // where it was connected last
  pg_conn* raw_ = nullptr;
  std::set<std::string_view> prepared_;
};

}  // namespace novapay::postgres
