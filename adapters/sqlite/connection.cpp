#include "adapters/sqlite/connection.hpp"

#include <sqlite3.h>

#include <thread>
#include <utility>

namespace novapay::sqlite {

namespace {

using steady = std::chrono::steady_clock;

// Virtual machine steps between two looks at the clock: about a tenth of a millisecond.
constexpr int progress_steps = 10'000;

constexpr std::chrono::milliseconds busy_pause{5};

// A WAL that a slow reader let grow is cut back to this once it has been checkpointed.
constexpr const char* settings_sql =
    "pragma journal_mode = wal; pragma synchronous = full; pragma journal_size_limit = 67108864; "
    "pragma cache_size = -16384; pragma trusted_schema = off;";

}  // namespace

statement::statement(statement&& other) noexcept
    : raw_{std::exchange(other.raw_, nullptr)}, error_{std::move(other.error_)} {}

statement::~statement() {
  if (raw_) reset();
}

void statement::note(int code) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE || error_) return;
  auto* db = sqlite3_db_handle(raw_);
  error_ = sql_error{sqlite3_extended_errcode(db), std::string{sqlite3_errmsg(db)}};
}

void statement::bind(int at, std::int64_t value) { note(sqlite3_bind_int64(raw_, at, value)); }

void statement::bind_text(int at, std::string_view value) {
  note(sqlite3_bind_text64(raw_, at, value.data() ? value.data() : "", value.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void statement::bind_blob(int at, std::string_view value) {  // a null pointer would bind NULL
  note(sqlite3_bind_blob64(raw_, at, value.data() ? value.data() : "", value.size(), SQLITE_STATIC));
}

void statement::bind_null(int at) { note(sqlite3_bind_null(raw_, at)); }

bool statement::step() {
  if (error_) return false;
  const int code = sqlite3_step(raw_);
  note(code);
  return code == SQLITE_ROW;
}

maybe_error statement::run() {
  step();
  auto error = std::exchange(error_, std::nullopt);
  reset();
  return error;
}

void statement::reset() {
  sqlite3_reset(raw_);
  sqlite3_clear_bindings(raw_);
}

std::int64_t statement::number(int column) const { return sqlite3_column_int64(raw_, column); }

std::string statement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(raw_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(raw_, column));
  return data ? std::string(data, size) : std::string{};
}

bool statement::is_null(int column) const { return sqlite3_column_type(raw_, column) == SQLITE_NULL; }

connection::connection(settings where) : settings_{std::move(where)} {}
connection::~connection() { close(); }

maybe_error connection::fault(int code) const {
  if (code == SQLITE_OK) return std::nullopt;
  if (!db_) return sql_error{code, sqlite3_errstr(code)};
  return sql_error{sqlite3_extended_errcode(db_), std::string{sqlite3_errmsg(db_)}};
}

maybe_error connection::begin_call(open_mode mode) {
  deadline_ = steady::now() + settings_.call_timeout;
  if (discarded_) close();
  if (!db_) {
    const int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (mode == open_mode::create ? SQLITE_OPEN_CREATE : 0);
    const int opened = sqlite3_open_v2(settings_.path.c_str(), &db_, flags, nullptr);
    auto error = fault(opened);
    if (!error) {
      sqlite3_extended_result_codes(db_, 1);
      sqlite3_busy_timeout(db_, static_cast<int>(settings_.call_timeout.count()));
      error = configure();
    }
    if (error) {
      error->detail = settings_.path + ": " + error->detail;
      close();
      return error;
    }
  }
  sqlite3_progress_handler(db_, progress_steps, &connection::on_progress, this);
  return std::nullopt;
}

// Turning a new file to WAL wants it for itself, and SQLite answers "busy" at once when several try, without waiting.
maybe_error connection::configure() {
  auto error = script(settings_sql);
  while (error && (error->code & 0xff) == SQLITE_BUSY && steady::now() < deadline_) {
    std::this_thread::sleep_for(busy_pause);
    error = script(settings_sql);
  }
  return error;
}

void connection::close() {
  discarded_ = false;
  for (const auto& [sql, raw] : cache_) sqlite3_finalize(raw);
  cache_.clear();
  if (db_) sqlite3_close_v2(std::exchange(db_, nullptr));
}

connection::prepared connection::prepare(const std::string& sql) {
  if (const auto known = cache_.find(sql); known != cache_.end()) return {statement{known->second}, {}};

  sqlite3_stmt* raw = nullptr;
  const int code =
      sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (auto error = fault(code)) return {std::nullopt, std::move(*error)};
  cache_.emplace(sql, raw);
  return {statement{raw}, {}};
}

maybe_error connection::run(const std::string& sql) {
  auto [ready, error] = prepare(sql);
  if (!ready) return error;
  return ready->run();
}

maybe_error connection::script(const std::string& sql) {
  return fault(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr));
}

bool connection::changed() const { return sqlite3_changes(db_) > 0; }

void connection::roll_back() {
  if (db_ && sqlite3_get_autocommit(db_) == 0) sqlite3_exec(db_, "rollback", nullptr, nullptr, nullptr);
}

void connection::lift_deadline() { sqlite3_progress_handler(db_, 0, nullptr, nullptr); }

int connection::on_progress(void* self) { return steady::now() >= static_cast<connection*>(self)->deadline_ ? 1 : 0; }

}  // namespace novapay::sqlite
