#include "adapters/sqlite/journal.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "adapters/sqlite/connection.hpp"
#include "adapters/sqlite/list.hpp"
#include "adapters/sqlite/rows.hpp"
#include "runtime/crash_point.hpp"
#include "runtime/journal_rules.hpp"

namespace novapay::sqlite {

using namespace runtime;

namespace {

// Keys dropped by one `maintain`, so that it never holds the write lock for long; the next one goes on.
constexpr int keys_dropped_max = 10'000;

const std::string insert_record_sql =
    std::string{"insert into journal ("} + record_columns + ") values (?, ?, ?, ?, ?, ?, ?, ?)";
// Three ways to write a row, all with the same twelve parameters. A new entity is inserted; one that is there has moved on in
// its version, state, time and status, and what it is found by has stayed, so that its indexes need not be touched; the last
// is for what neither fits: it writes every index entry anew, changed or not.
const std::string insert_entity_sql =
    "insert into entity (id, shard, kind, version, state, wake_at_ms, scope, status, reference, unit, amount_minor, "
    "labels) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const std::string update_entity_sql =
    "update entity set version = ?4, state = ?5, wake_at_ms = ?6, status = ?8 where id = ?1 and shard = ?2 and "
    "kind = ?3 and scope = ?7 and reference = ?9 and unit = ?10 and amount_minor = ?11 and labels = ?12";
const std::string replace_entity_sql =
    insert_entity_sql +
    " on conflict (id) do update set shard = excluded.shard, kind = excluded.kind, version = excluded.version, "
    "state = excluded.state, wake_at_ms = excluded.wake_at_ms, scope = excluded.scope, status = excluded.status, "
    "reference = excluded.reference, unit = excluded.unit, amount_minor = excluded.amount_minor, "
    "labels = excluded.labels";
const std::string insert_key_sql =
    "insert or ignore into creation_key (scope, key, entity_id, week) values (?, ?, ?, ?)";
const std::string head_sql = "select \"offset\", epoch from journal where shard = ? order by \"offset\" desc limit 1";
const std::string read_at_sql =
    std::string{"select "} + record_columns + " from journal where shard = ? and \"offset\" = ?";
const std::string load_sql = std::string{"select "} + entity_columns + " from entity where id = ?";
const std::string find_key_sql = "select max(entity_id) from creation_key where scope = ? and key = ?";
const std::string due_sql =
    "select id from entity where wake_at_ms is not null and wake_at_ms <= ? order by wake_at_ms, id limit ?";
const std::string history_sql =
    std::string{"select "} + record_columns +
    " from journal where entity_id = ? and sequence > ? and type = 2 order by sequence limit ?";
const std::string drop_keys_sql =
    "delete from creation_key where (scope, key, entity_id) in "
    "(select scope, key, entity_id from creation_key where week < ? limit ?)";

// Before COMMIT nothing is durable, whatever went wrong.
append_status status_of(int code) {
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_ROWID
                 ? append_status::collided
                 : append_status::rejected;
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE: return append_status::rejected;
    default: return append_status::unavailable;
  }
}

// A COMMIT that found the file locked or full has written no commit mark; after any other failure the mark may be on
// the disk, and recovery may find it.
append_status status_of_commit(int code) {
  const int primary = code & 0xff;
  return primary == SQLITE_BUSY || primary == SQLITE_FULL ? append_status::unavailable : append_status::unknown;
}

bool needs_new_connection(int code) {
  const int primary = code & 0xff;
  return primary == SQLITE_IOERR || primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_CANTOPEN;
}

class sqlite_journal final : public journal {
 public:
  explicit sqlite_journal(settings where) : db_{std::move(where)} {}

  append_outcome append(std::span<const append_entry> batch) override {
    if (auto why = why_rejected(batch)) return {append_status::rejected, std::move(*why)};
    return transact([&] { return write(batch); });
  }

  append_outcome maintain(timestamp now) override {
    return transact([&]() -> maybe_error {
      auto [drop, error] = db_.prepare(drop_keys_sql);
      if (!drop) return error;
      drop->bind(1, first_kept_key_week(now));
      drop->bind(2, keys_dropped_max);
      return drop->run();
    });
  }

  read_outcome<std::vector<shard_head>> heads(std::span<const shard_id> shards) override {
    return each<shard_head>(
        head_sql, shards, [](statement& query, shard_id shard) { query.bind(1, static_cast<std::int64_t>(shard)); },
        [](const statement* row, shard_id shard) {
          if (!row) return shard_head{shard, 0, 0};
          return shard_head{shard, static_cast<std::uint64_t>(row->number(0)) + 1,
                            static_cast<std::uint64_t>(row->number(1))};
        });
  }

  read_outcome<std::vector<std::optional<log_record>>> read_at(std::span<const log_position> where) override {
    return each<std::optional<log_record>>(
        read_at_sql, where,
        [](statement& query, const log_position& at) {
          query.bind(1, static_cast<std::int64_t>(at.shard));
          query.bind(2, static_cast<std::int64_t>(at.offset));
        },
        [](const statement* row, const auto&) { return row ? std::optional{read_record(*row)} : std::nullopt; });
  }

  read_outcome<std::vector<std::optional<entity_row>>> load(std::span<const entity_id> ids) override {
    return each<std::optional<entity_row>>(
        load_sql, ids, [](statement& query, const entity_id& id) { query.bind_blob(1, as_blob(id)); },
        [](const statement* row, const auto&) { return row ? std::optional{read_entity(*row)} : std::nullopt; });
  }

  read_outcome<std::vector<std::optional<entity_id>>> find_keys(std::span<const creation_key> keys) override {
    return each<std::optional<entity_id>>(
        find_key_sql, keys,
        [](statement& query, const creation_key& key) {
          query.bind_text(1, key.scope);
          query.bind_text(2, key.key);
        },
        [](const statement* row, const auto&) {
          return row && !row->is_null(0) ? std::optional{read_id(*row, 0)} : std::nullopt;
        });
  }

  read_outcome<std::vector<entity_id>> due(timestamp until, std::size_t limit) override {
    return all<entity_id>(
        due_sql,
        [&](statement& query) {
          query.bind(1, as_ms(until));
          query.bind(2, static_cast<std::int64_t>(limit));
        },
        [](const statement& row) { return read_id(row, 0); });
  }

  read_outcome<list_page> list(const list_query& query) override {
    list_page page;
    if (query.scope.empty()) return {std::move(page), {}};
    auto error = db_.begin_call();
    if (!error) error = db_.run("begin");  // one snapshot
    if (!error) error = fill(query, page);
    if (!error) error = db_.run("commit");
    if (error) return unread<list_page>(*error);
    return {std::move(page), {}};
  }

  read_outcome<std::vector<log_record>> history(const entity_id& id, std::uint64_t after, std::size_t limit) override {
    return all<log_record>(
        history_sql,
        [&](statement& query) {
          query.bind_blob(1, as_blob(id));
          query.bind(2, static_cast<std::int64_t>(after));
          query.bind(3, static_cast<std::int64_t>(limit));
        },
        read_record);
  }

 private:
  template <class Write>
  append_outcome transact(Write write_all) {
    if (auto error = db_.begin_call()) return {append_status::unavailable, std::move(error->detail)};
    auto error = db_.run("begin immediate");
    if (!error) error = write_all();
    if (error) return give_up(*error, status_of(error->code));
    db_.lift_deadline();
    passing(crash_point::commit_before);
    if ((error = db_.run("commit"))) return give_up(*error, status_of_commit(error->code));
    return {};
  }

  append_outcome give_up(const sql_error& error, append_status status) {
    db_.roll_back();
    if (status == append_status::unknown || needs_new_connection(error.code)) db_.discard();
    return {status, error.detail};
  }

  maybe_error write(std::span<const append_entry> batch) {
    for (const auto& entry : batch) {
      for (const auto& record : entry.records)
        if (auto error = write_record(record)) return error;
      if (entry.row)
        if (auto error = write_row(*entry.row, entry.records.front().sequence == 1)) return error;
      if (!entry.key) continue;
      if (auto error = write_key(*entry.key, entry.records.front())) return error;
    }
    return std::nullopt;
  }

  maybe_error write_record(const log_record& record) {
    auto [insert, error] = db_.prepare(insert_record_sql);
    if (!insert) return error;
    insert->bind(1, static_cast<std::int64_t>(record.shard));
    insert->bind(2, static_cast<std::int64_t>(record.offset));
    insert->bind(3, static_cast<std::int64_t>(record.epoch));
    insert->bind(4, static_cast<std::int64_t>(record.type));
    insert->bind_blob(5, as_blob(record.entity));
    insert->bind(6, static_cast<std::int64_t>(record.sequence));
    insert->bind(7, as_ms(record.at));
    insert->bind_blob(8, record.payload);
    return insert->run();
  }

  maybe_error write_row(const entity_row& row, bool fresh) {
    const auto labels = labels_json(row.listed);
    if (fresh) return write_row_by(insert_entity_sql, row, labels);
    if (auto error = write_row_by(update_entity_sql, row, labels)) return error;
    return db_.changed() ? std::nullopt : write_row_by(replace_entity_sql, row, labels);
  }

  maybe_error write_row_by(const std::string& sql, const entity_row& row, const std::string& labels) {
    auto [write, error] = db_.prepare(sql);
    if (!write) return error;
    write->bind_blob(1, as_blob(row.id));
    write->bind(2, static_cast<std::int64_t>(row.shard));
    write->bind_text(3, row.kind);
    write->bind(4, static_cast<std::int64_t>(row.version));
    write->bind_blob(5, row.state);
    if (row.wake_at)
      write->bind(6, as_ms(*row.wake_at));
    else
      write->bind_null(6);
    write->bind_text(7, row.listed.scope);
    write->bind_text(8, row.listed.status);
    write->bind_text(9, row.listed.reference);
    write->bind_text(10, row.listed.unit);
    write->bind(11, row.listed.amount);
    write->bind_text(12, labels);
    return write->run();
  }

  maybe_error write_key(const creation_key& key, const log_record& first) {
    auto [insert, error] = db_.prepare(insert_key_sql);
    if (!insert) return error;
    insert->bind_text(1, key.scope);
    insert->bind_text(2, key.key);
    insert->bind_blob(3, as_blob(first.entity));
    insert->bind(4, key_week(first.at));
    return insert->run();
  }

  maybe_error fill(const list_query& query, list_page& page) {
    const auto sources = own_sources(query);
    for (const auto source : sources) {
      std::vector<entity_id> few;
      bool all = true;
      if (auto error = probe(query, source, few, all)) return error;
      if (all) return fill_from(query, few, page);
    }
    // A label's name alone has no order to walk in.
    const bool walks = !sources.empty() && sources.front() != list_source::label_key;
    return fill_walking(query, walks ? sources.front() : list_source::scope, page);
  }

  maybe_error probe(const list_query& query, list_source source, std::vector<entity_id>& few, bool& all) {
    const auto made = probe_statement(query, source);
    auto [entries, error] = db_.prepare(made.sql);
    if (!entries) return error;
    made.bind(*entries);
    std::size_t seen = 0;
    while (entries->step()) {
      ++seen;
      if (auto id = read_id(*entries, 0); is_in_bounds(query, id)) few.push_back(id);
    }
    all = seen <= probed_max(query, source);
    return entries->error();
  }

  maybe_error fill_from(const list_query& query, std::vector<entity_id>& few, list_page& page) {
    std::ranges::sort(few, std::greater{});
    const auto made = judge_statement(query);
    auto [judge, error] = db_.prepare(made.sql);
    if (!judge) return error;
    auto left = rows_fetched_max(query);
    for (const auto& id : few) {
      if (left-- == 0) return std::nullopt;
      judge->bind_blob(made.bind(*judge), as_blob(id));
      const bool fits = judge->step() && judge->number(0) != 0;
      if (judge->error()) return judge->error();
      judge->reset();
      if (left == 0 && id != few.back()) page.next = id;  // as far as this page may look
      if (!fits) continue;
      if (is_full(query, page)) return std::nullopt;
      if (auto failed = add_row(id, page)) return failed;
    }
    return std::nullopt;
  }

  maybe_error fill_walking(const list_query& query, list_source source, list_page& page) {
    const auto made = walk_statement(query, source);
    auto [walk, error] = db_.prepare(made.sql);
    if (!walk) return error;
    made.bind(*walk);
    for (std::size_t left = walked_max(query, source); walk->step(); --left) {
      const auto id = read_id(*walk, 0);
      if (walk->number(1) != 0) {
        if (is_full(query, page)) return std::nullopt;
        if (auto failed = add_row(id, page)) return failed;
      }
      if (left == 1) page.next = id;
    }
    return walk->error();
  }

  // Asked when one more row fits: a full page ends before it.
  static bool is_full(const list_query& query, list_page& page) {
    if (page.rows.size() < std::clamp<std::size_t>(query.limit, 1, list_limit_max)) return false;
    page.next = page.rows.back().id;
    return true;
  }

  maybe_error add_row(const entity_id& id, list_page& page) {
    auto [load, error] = db_.prepare(load_sql);
    if (!load) return error;
    load->bind_blob(1, as_blob(id));
    if (load->step()) page.rows.push_back(read_entity(*load));
    return load->error();
  }

  template <class T>
  read_outcome<T> unread(const sql_error& error) {
    db_.roll_back();
    if (needs_new_connection(error.code)) db_.discard();
    return {std::nullopt, error.detail};
  }

  // One row or none for each thing asked, all from one snapshot.
  template <class T, class Asked, class Bind, class Make>
  read_outcome<std::vector<T>> each(const std::string& sql, std::span<const Asked> asked, Bind bind, Make make) {
    using outcome = std::vector<T>;
    if (auto error = db_.begin_call()) return unread<outcome>(*error);
    if (auto error = db_.run("begin")) return unread<outcome>(*error);
    outcome found;
    found.reserve(asked.size());
    {
      auto [query, error] = db_.prepare(sql);
      if (!query) return unread<outcome>(error);
      for (const auto& one : asked) {
        bind(*query, one);
        const bool present = query->step();
        if (query->error()) return unread<outcome>(*query->error());
        found.push_back(make(present ? &*query : nullptr, one));
        query->reset();
      }
    }
    if (auto error = db_.run("commit")) return unread<outcome>(*error);
    return {std::move(found), {}};
  }

  template <class T, class Bind, class Make>
  read_outcome<std::vector<T>> all(const std::string& sql, Bind bind, Make make) {
    using outcome = std::vector<T>;
    if (auto error = db_.begin_call()) return unread<outcome>(*error);
    outcome found;
    maybe_error failed;
    {
      auto [query, error] = db_.prepare(sql);
      if (!query) return unread<outcome>(error);
      bind(*query);
      while (query->step()) found.push_back(make(*query));
      failed = query->error();
    }
    if (failed) return unread<outcome>(*failed);
    return {std::move(found), {}};
  }

  connection db_;
};

}  // namespace

journal_store::journal_store(settings where) : settings_{std::move(where)} {}

std::unique_ptr<runtime::journal> journal_store::open() { return std::make_unique<sqlite_journal>(settings_); }

}  // namespace novapay::sqlite
