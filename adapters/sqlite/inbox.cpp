#include "adapters/sqlite/inbox.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "adapters/sqlite/connection.hpp"
#include "adapters/sqlite/rows.hpp"

namespace novapay::sqlite {

using runtime::read_outcome;

namespace {

const std::string store_sql =
    "insert into webhook (processor, received_at_ms, fields, body) values (?, ?, ?, ?) returning id";
const std::string open_sql =
    "insert into webhook_open (id, processor, received_at_ms, state, detail, attempts, next_attempt_at_ms) "
    "values (?, ?, ?, ?, ?, 0, ?)";
const std::string close_sql = "delete from webhook_open where id = ?";
const std::string mark_sql =
    "update webhook_open set state = ?, detail = ?, attempts = ?, next_attempt_at_ms = ? where id = ?";
const std::string entry_columns =
    "select w.id, w.processor, w.received_at_ms, w.fields, w.body, o.state, o.detail, o.attempts, "
    "o.next_attempt_at_ms ";
const std::string due_sql = entry_columns +
                            "from (select * from webhook_open where next_attempt_at_ms is not null and "
                            "next_attempt_at_ms <= ? order by next_attempt_at_ms, id limit ?) o "
                            "join webhook w on w.id = o.id order by o.next_attempt_at_ms, o.id";
const std::string find_sql = entry_columns + "from webhook w left join webhook_open o on o.id = w.id where w.id = ?";
const std::string counts_sql =
    "select state, count(*), min(received_at_ms) from webhook_open group by state order by state";
const std::string state_sql =
    "select coalesce(o.state, 2) from webhook w left join webhook_open o on o.id = w.id where w.id = ?";
const std::string replay_sql =
    "insert into webhook_open (id, processor, received_at_ms, state, detail, attempts, next_attempt_at_ms) "
    "select id, processor, received_at_ms, 1, 'replayed', 0, ? from webhook where id = ? "
    "on conflict (id) do update set state = 1, detail = 'replayed', attempts = 0, "
    "next_attempt_at_ms = excluded.next_attempt_at_ms";
const std::string replay_all_sql =
    "update webhook_open set state = 1, detail = 'replayed', attempts = 0, next_attempt_at_ms = ? "
    "where state = ? and state <> 5 and (?3 = '' or processor = ?3) returning 1";
// Ids follow the time of arrival, so what is old comes first. Rejected ones go by their own rule, and sooner.
const std::string old_sql =
    "select w.id from (select id, received_at_ms from webhook order by id limit 2 * ?2) w where w.received_at_ms < ?1 "
    "and not exists (select 1 from webhook_open o where o.id = w.id and (o.next_attempt_at_ms is not null or "
    "o.state = 5)) limit ?2";
const std::string forged_sql =
    "select r.id from (select id, received_at_ms from webhook_open where state = 5 order by id limit ?3) r "
    "where r.received_at_ms < ?1 or r.id <= "
    "(select id from webhook_open where state = 5 order by id desc limit 1 offset ?2)";
const std::string remove_sql = "delete from webhook where id = ?";

domain::timestamp time_of(std::int64_t ms) { return domain::timestamp{std::chrono::milliseconds{ms}}; }

void bind_time(statement& into, int at, const std::optional<domain::timestamp>& time) {
  if (time)
    into.bind(at, as_ms(*time));
  else
    into.bind_null(at);
}

template <class Line>
void read_open(const statement& row, int at, Line& into) {
  into.state = inbox_state::applied;
  if (row.is_null(at)) return;
  into.state = static_cast<inbox_state>(row.number(at));
  into.detail = row.bytes(at + 1);
  into.attempts = static_cast<std::uint32_t>(row.number(at + 2));
  if (!row.is_null(at + 3)) into.next_attempt_at = time_of(row.number(at + 3));
}

inbox_entry read_entry(const statement& row) {
  inbox_entry one;
  one.id = row.number(0);
  one.processor = row.bytes(1);
  one.received_at = time_of(row.number(2));
  one.fields = unpack_fields(row.bytes(3));
  one.body = row.bytes(4);
  read_open(row, 5, one);
  return one;
}

class sqlite_inbox final : public webhook_inbox {
 public:
  explicit sqlite_inbox(settings where) : db_{std::move(where)} {}

  inbox_written write(std::span<const inbox_entry> fresh, std::span<const inbox_mark> marks) override {
    inbox_written written;
    auto error = transact(
        [&]() -> maybe_error {
          for (const auto& one : fresh)
            if (auto failed = store(one, written.ids)) return failed;
          for (const auto& one : marks)
            if (auto failed = mark(one)) return failed;
          return std::nullopt;
        },
        written.status);
    if (!error) return written;
    return {written.status, std::move(error->detail), {}};
  }

  read_outcome<std::vector<inbox_entry>> due(domain::timestamp until, std::size_t limit) override {
    return all<inbox_entry>(
        due_sql,
        [&](statement& query) {
          query.bind(1, as_ms(until));
          query.bind(2, static_cast<std::int64_t>(limit));
        },
        read_entry);
  }

  read_outcome<inbox_page> list(const inbox_query& query) override {
    const auto limit = std::clamp<std::size_t>(query.limit, 1, inbox_page_max);
    const bool open_only = query.state && *query.state != inbox_state::applied;
    const std::string arrived = open_only ? "o" : "w";
    std::string sql = "select " + arrived + ".id, " + arrived + ".processor, " + arrived +
                      ".received_at_ms, o.state, o.detail, o.attempts, o.next_attempt_at_ms from " +
                      (open_only ? "webhook_open o" : "webhook w left join webhook_open o on o.id = w.id") + " where " +
                      arrived + ".id < ?1";
    if (open_only) sql += " and o.state = " + std::to_string(static_cast<int>(*query.state));
    if (query.state == inbox_state::applied) sql += " and o.id is null";
    if (!query.processor.empty()) sql += " and " + arrived + ".processor = ?3";
    sql += " order by " + arrived + ".id desc limit ?2";
    auto lines = all<inbox_line>(
        sql,
        [&](statement& prepared) {
          prepared.bind(1, query.before.value_or(std::numeric_limits<std::int64_t>::max()));
          prepared.bind(2, static_cast<std::int64_t>(limit + 1));
          if (!query.processor.empty()) prepared.bind_text(3, query.processor);
        },
        [](const statement& row) {
          inbox_line line;
          line.id = row.number(0);
          line.processor = row.bytes(1);
          line.received_at = time_of(row.number(2));
          read_open(row, 3, line);
          return line;
        });
    if (!lines.value) return {std::nullopt, std::move(lines.detail)};
    inbox_page page{std::move(*lines.value), std::nullopt};
    if (page.lines.size() > limit) {
      page.lines.pop_back();
      page.next = page.lines.back().id;
    }
    return {std::move(page), {}};
  }

  read_outcome<std::optional<inbox_entry>> find(std::int64_t id) override {
    auto found = all<inbox_entry>(
        find_sql, [&](statement& query) { query.bind(1, id); }, read_entry);
    if (!found.value) return {std::nullopt, std::move(found.detail)};
    if (found.value->empty()) return {std::optional<inbox_entry>{}, {}};
    return {std::optional{std::move(found.value->front())}, {}};
  }

  read_outcome<std::vector<inbox_count>> counts() override {
    return all<inbox_count>(
        counts_sql, [](statement&) {},
        [](const statement& row) {
          return inbox_count{static_cast<inbox_state>(row.number(0)), row.number(1), time_of(row.number(2))};
        });
  }

  read_outcome<std::optional<inbox_state>> replay(std::int64_t id, domain::timestamp now) override {
    std::optional<inbox_state> was;
    auto error = transact([&]() -> maybe_error {
      {
        auto [query, failed] = db_.prepare(state_sql);
        if (!query) return failed;
        query->bind(1, id);
        if (query->step()) was = static_cast<inbox_state>(query->number(0));
        if (query->error()) return query->error();
      }
      if (!was || *was == inbox_state::rejected) return std::nullopt;
      auto [again, failed] = db_.prepare(replay_sql);
      if (!again) return failed;
      again->bind(1, as_ms(now));
      again->bind(2, id);
      return again->run();
    });
    if (error) return {std::nullopt, std::move(error->detail)};
    return {was, {}};
  }

  read_outcome<std::int64_t> replay_all(inbox_state state, const std::string& processor,
                                        domain::timestamp now) override {
    std::int64_t count = 0;
    auto error = transact([&]() -> maybe_error {
      auto [again, failed] = db_.prepare(replay_all_sql);
      if (!again) return failed;
      again->bind(1, as_ms(now));
      again->bind(2, static_cast<std::int64_t>(state));
      again->bind_text(3, processor);
      while (again->step()) ++count;
      return again->error();
    });
    if (error) return {std::nullopt, std::move(error->detail)};
    return {count, {}};
  }

  read_outcome<bool> purge(const inbox_retention& keep, domain::timestamp now) override {
    std::vector<std::int64_t> gone;
    auto error = transact([&]() -> maybe_error {
      const auto most = static_cast<std::int64_t>(purged_max);
      if (auto failed = collect(old_sql, {as_ms(now - keep.handled), most}, gone)) return failed;
      if (auto failed = collect(forged_sql, {as_ms(now - keep.rejected), keep.rejected_max, most}, gone)) return failed;
      for (const auto id : gone)
        for (const auto* sql : {&close_sql, &remove_sql}) {
          auto [remove, failed] = db_.prepare(*sql);
          if (!remove) return failed;
          remove->bind(1, id);
          if (auto not_removed = remove->run()) return not_removed;
        }
      return std::nullopt;
    });
    if (error) return {std::nullopt, std::move(error->detail)};
    return {gone.size() >= purged_max, {}};
  }

 private:
  maybe_error store(const inbox_entry& one, std::vector<std::int64_t>& ids) {
    const auto fields = pack_fields(one.fields);
    auto body = std::string_view{one.body};
    if (one.state == inbox_state::rejected) body = body.substr(0, rejected_body_kept_max);
    {
      auto [insert, failed] = db_.prepare(store_sql);
      if (!insert) return failed;
      insert->bind_text(1, one.processor);
      insert->bind(2, as_ms(one.received_at));
      insert->bind_blob(3, fields);
      insert->bind_blob(4, body);
      if (insert->step()) ids.push_back(insert->number(0));
      if (insert->error()) return insert->error();
      insert->step();  // to its end, which is when it is done
      if (insert->error()) return insert->error();
    }
    if (one.state == inbox_state::applied) return std::nullopt;
    auto [open, failed] = db_.prepare(open_sql);
    if (!open) return failed;
    open->bind(1, ids.back());
    open->bind_text(2, one.processor);
    open->bind(3, as_ms(one.received_at));
    open->bind(4, static_cast<std::int64_t>(one.state));
    open->bind_text(5, one.detail);
    bind_time(*open, 6, one.next_attempt_at);
    return open->run();
  }

  // A mark for one that another process has applied meets nothing, and changes nothing.
  maybe_error mark(const inbox_mark& one) {
    const bool closes = one.state == inbox_state::applied;
    auto [change, failed] = db_.prepare(closes ? close_sql : mark_sql);
    if (!change) return failed;
    if (closes) {
      change->bind(1, one.id);
      return change->run();
    }
    change->bind(1, static_cast<std::int64_t>(one.state));
    change->bind_text(2, one.detail);
    change->bind(3, static_cast<std::int64_t>(one.attempts));
    bind_time(*change, 4, one.next_attempt_at);
    change->bind(5, one.id);
    return change->run();
  }

  maybe_error collect(const std::string& sql, std::initializer_list<std::int64_t> parameters,
                      std::vector<std::int64_t>& into) {
    auto [query, failed] = db_.prepare(sql);
    if (!query) return failed;
    int at = 0;
    for (const auto parameter : parameters) query->bind(++at, parameter);
    while (query->step()) into.push_back(query->number(0));
    return query->error();
  }

  template <class Write>
  maybe_error transact(Write write_all) {
    auto ignored = inbox_status::done;
    return transact(std::move(write_all), ignored);
  }
  // A COMMIT that found the file locked or full has written no commit mark; after any other failure the mark may be on the disk. Whatever
  // fails, the next call opens the file anew: failures are rare here, and a connection that had one is not to be trusted.
  template <class Write>
  maybe_error transact(Write write_all, inbox_status& status) {
    auto error = db_.begin_call();
    if (!error) error = db_.run("begin immediate");
    if (!error) error = write_all();
    bool committing = false;
    if (!error) {
      db_.lift_deadline();
      committing = true;
      error = db_.run("commit");
    }
    if (!error) return error;
    const int primary = error->code & 0xff;
    status = committing && primary != SQLITE_BUSY && primary != SQLITE_FULL ? inbox_status::unknown
                                                                            : inbox_status::unavailable;
    db_.roll_back();
    db_.discard();
    return error;
  }

  template <class T, class Bind, class Make>
  read_outcome<std::vector<T>> all(const std::string& sql, Bind bind, Make make) {
    std::vector<T> found;
    auto failed = db_.begin_call();
    if (!failed) {
      auto [query, error] = db_.prepare(sql);
      if (query) {
        bind(*query);
        while (query->step()) found.push_back(make(*query));
        failed = query->error();
      } else {
        failed = std::move(error);
      }
    }
    if (!failed) return {std::move(found), {}};
    db_.discard();
    return {std::nullopt, std::move(failed->detail)};
  }

  connection db_;
};

}  // namespace

inbox_store::inbox_store(settings where) : settings_{std::move(where)} {}

std::unique_ptr<webhook_inbox> inbox_store::open() { return std::make_unique<sqlite_inbox>(settings_); }

}  // namespace novapay::sqlite
