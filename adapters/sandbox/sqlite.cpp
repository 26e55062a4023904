#include "adapters/sandbox/sqlite.hpp"

#include <sqlite3.h>

namespace novapay::sandbox {
namespace {

// Other processes hold the ledger for one batch, a few milliseconds.
constexpr int busy_timeout_ms = 5'000;

// SQLite would count every allocation under one lock of the whole process. It wants to be told before it is used at all.
[[maybe_unused]] const int uncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);

void require(int code, sqlite3* where, const char* doing) {
  if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return;
  throw ledger_error(std::string("sandbox ledger: ") + doing + ": " +
                         (where != nullptr ? sqlite3_errmsg(where) : sqlite3_errstr(code)),
                     (code & 0xff) == SQLITE_BUSY);
}

}  // namespace

statement::statement(sqlite3* in, std::string_view sql) : in_(in) {
  sqlite3_stmt* made = nullptr;
  require(sqlite3_prepare_v3(in, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &made, nullptr),
          in, "prepare");
  handle_.reset(made);
}

void statement::finalizer::operator()(sqlite3_stmt* what) const { sqlite3_finalize(what); }

statement& statement::start() {
  sqlite3_reset(handle_.get());  // repeats the last error, which has been thrown already
  sqlite3_clear_bindings(handle_.get());
  bound_ = 0;
  return *this;
}

statement& statement::bind(std::int64_t value) {
  require(sqlite3_bind_int64(handle_.get(), ++bound_, value), in_, "bind");
  return *this;
}

statement& statement::bind(std::string_view value) {
  // A null pointer would bind NULL.
  const char* data = value.data() != nullptr ? value.data() : "";
  require(sqlite3_bind_text(handle_.get(), ++bound_, data, static_cast<int>(value.size()), SQLITE_STATIC), in_, "bind");
  return *this;
}

statement& statement::bind(const std::optional<std::int64_t>& value) {
  return value ? bind(*value) : bind(std::nullopt);
}

bool statement::next() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  sqlite3_reset(handle_.get());
  require(code, in_, "step");
  return false;
}

void statement::run() {
  while (next()) {}
}

std::int64_t statement::integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }

std::optional<std::int64_t> statement::optional_integer(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

std::string statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

bool statement::is_null(int column) const { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }

database::database(const std::string& path, access how) {
  sqlite3* made = nullptr;
  const int flags = SQLITE_OPEN_NOMUTEX |
                    (how == access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(path.c_str(), &made, flags, nullptr);
  handle_.reset(made);
  if (code != SQLITE_OK) throw ledger_error("sandbox ledger: cannot open " + path + ": " + sqlite3_errstr(code));
  sqlite3_busy_timeout(handle_.get(), busy_timeout_ms);
}

void database::closer::operator()(sqlite3* what) const { sqlite3_close(what); }

void database::execute(const char* sql) {
  require(sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr), handle_.get(), "execute");
}

std::int64_t database::integer(std::string_view sql) const {
  auto asked = prepare(sql);
  return asked.next() ? asked.integer(0) : 0;
}

bool database::in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }

}  // namespace novapay::sandbox
