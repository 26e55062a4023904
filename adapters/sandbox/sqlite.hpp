// sqlite: just enough of SQLite for the ledger. One thread at a time; every failure throws ledger_error.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace novapay::sandbox {

// Never leaves this folder: whoever calls into the ledger gets a value and an error text.
struct ledger_error : std::runtime_error {
  explicit ledger_error(const std::string& what, bool locked = false) : std::runtime_error(what), busy(locked) {}
  bool busy;  // another process holds the lock
};

class statement {
 public:
  statement(sqlite3* in, std::string_view sql);

  // Again from the first parameter; all of them are NULL. Text that is bound is not copied: it lives until the next start().
  statement& start();
  statement& bind(std::int64_t value);
  statement& bind(std::string_view value);
  statement& bind(std::nullopt_t) { return skip(1); }
  statement& bind(const std::optional<std::int64_t>& value);
  statement& skip(int parameters) {  // which stay NULL
    bound_ += parameters;
    return *this;
  }
  void run();   // to its end
  bool next();  // true: a row is there to be read; false: the end

  std::int64_t integer(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;  // nullopt is NULL
  std::string text(int column) const;                              // NULL is empty
  bool is_null(int column) const;

 private:
  struct finalizer {
    void operator()(sqlite3_stmt* what) const;
  };
  sqlite3* in_;
  std::unique_ptr<sqlite3_stmt, finalizer> handle_;
  int bound_ = 0;
};

class database {
 public:
  enum class access { read_only, read_write };
  database(const std::string& path, access how);

  void execute(const char* sql);
  statement prepare(std::string_view sql) const { return {handle_.get(), sql}; }
  std::int64_t integer(std::string_view sql) const;  // of the first row and column
  bool in_transaction() const;

 private:
  struct closer {
    void operator()(sqlite3* what) const;
  };
  std::unique_ptr<sqlite3, closer> handle_;
};

}  // namespace novapay::sandbox
