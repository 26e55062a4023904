// connection: one SQLite connection with cached statements and a deadline for what it runs.
//
// Internal to this adapter. One thread at a time. Errors are values: SQLite's extended result code and its message.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "adapters/sqlite/settings.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace novapay::sqlite {

struct sql_error {
  int code = 0;  // extended result code
  std::string detail;
};
using maybe_error = std::optional<sql_error>;

// A prepared statement being used. Parameters and columns are counted from 1 and 0, as SQLite does. What is bound must
// outlive the last step. Goes back to the cache when it is destroyed.
class statement {
 public:
  explicit statement(sqlite3_stmt* raw) noexcept : raw_{raw} {}
  statement(statement&& other) noexcept;
  ~statement();

  void bind(int at, std::int64_t value);
  void bind_text(int at, std::string_view value);
  void bind_blob(int at, std::string_view value);
  void bind_null(int at);

  bool step();        // true: a row. false: done, or `error` says what is wrong
  maybe_error run();  // for what gives no rows; ready to be bound and run again
  void reset();
  const maybe_error& error() const noexcept { return error_; }

  std::int64_t number(int column) const;
  std::string bytes(int column) const;  // text or blob
  bool is_null(int column) const;

 private:
  void note(int code);
  sqlite3_stmt* raw_;
  maybe_error error_;
};

enum class open_mode { existing, create };

class connection {
 public:
  explicit connection(settings where);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  // Opens the file if it is not open, and starts this call's deadline. WAL, synchronous=FULL.
  maybe_error begin_call(open_mode mode = open_mode::existing);
  void discard() noexcept { discarded_ = true; }  // the next call opens the file anew

  // Only after begin_call. Preparing fails when the schema is not there.
  struct prepared {
    std::optional<statement> ready;
    sql_error error;
  };
  prepared prepare(const std::string& sql);
  maybe_error run(const std::string& sql);     // without parameters and rows
  maybe_error script(const std::string& sql);  // several statements, not cached
  bool changed() const;                        // whether the last write met any row
  void roll_back();                            // if a transaction is open
  void lift_deadline();                        // for a COMMIT, which must not be interrupted half-way

 private:
  maybe_error fault(int code) const;
  maybe_error configure();
  void close();
  static int on_progress(void* self);

  settings settings_;
  sqlite3* db_ = nullptr;
  bool discarded_ = false;
  std::unordered_map<std::string, sqlite3_stmt*> cache_;
  std::chrono::steady_clock::time_point deadline_;
};

}  // namespace novapay::sqlite
