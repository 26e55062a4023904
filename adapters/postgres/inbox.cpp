#include "adapters/postgres/inbox.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "adapters/postgres/binary.hpp"
#include "adapters/postgres/connection.hpp"
#include "adapters/postgres/rows.hpp"

namespace novapay::postgres {

using runtime::read_outcome;

namespace {

// An applied mark takes the record of what is open away; a mark for one that another node has applied meets none, and changes nothing.
constexpr prepared_statement write_statement{"inbox_write", R"(
with fresh as materialized (
  select nextval('webhook_id') as id, f.*
  from unnest($1::text[], $2::bigint[], $3::bytea[], $4::bytea[], $5::smallint[], $6::text[], $7::bigint[])
       with ordinality f (processor, received_at_ms, fields, body, state, detail, next_attempt_at_ms, nth)
), stored as (
  insert into webhook (id, processor, received_at_ms, fields, body)
  select id, processor, received_at_ms, fields, body from fresh
), opened as (
  insert into webhook_open (id, processor, received_at_ms, state, detail, attempts, next_attempt_at_ms)
  select id, processor, received_at_ms, state, detail, 0, next_attempt_at_ms from fresh where state <> 2
), closed as (
  delete from webhook_open where id = any($8::bigint[])
), marked as (
  update webhook_open o set state = m.state, detail = m.detail, attempts = m.attempts, next_attempt_at_ms = m.next_attempt_at_ms
  from unnest($9::bigint[], $10::smallint[], $11::text[], $12::integer[], $13::bigint[])
       m (id, state, detail, attempts, next_attempt_at_ms)
  where o.id = m.id
)
select id from fresh order by nth)"};

constexpr prepared_statement due_statement{"inbox_due", R"(
select w.id, w.processor, w.received_at_ms, w.fields, w.body, o.state, o.detail, o.attempts, o.next_attempt_at_ms
from (select * from webhook_open where next_attempt_at_ms <= $1::bigint order by next_attempt_at_ms, id limit $2::bigint) o
join webhook w on w.id = o.id order by o.next_attempt_at_ms, o.id)"};

constexpr prepared_statement find_statement{"inbox_find", R"(
select w.id, w.processor, w.received_at_ms, w.fields, w.body, o.state, o.detail, o.attempts, o.next_attempt_at_ms
from webhook w left join webhook_open o on o.id = w.id where w.id = $1::bigint)"};

constexpr prepared_statement counts_statement{
    "inbox_counts", "select state, count(*), min(received_at_ms) from webhook_open group by state order by state"};

constexpr prepared_statement replay_statement{"inbox_replay", R"(
with was as (
  select w.id, w.processor, w.received_at_ms, coalesce(o.state, 2) as state
  from webhook w left join webhook_open o on o.id = w.id where w.id = $1::bigint
), again as (
  insert into webhook_open (id, processor, received_at_ms, state, detail, attempts, next_attempt_at_ms)
  select id, processor, received_at_ms, 1, 'replayed', 0, $2::bigint from was where state <> 5
  on conflict (id) do update set state = 1, detail = 'replayed', attempts = 0, next_attempt_at_ms = excluded.next_attempt_at_ms
)
select state from was)"};

constexpr prepared_statement replay_all_statement{"inbox_replay_all", R"(
with again as (
  update webhook_open set state = 1, detail = 'replayed', attempts = 0, next_attempt_at_ms = $3::bigint
  where state = $1::smallint and state <> 5 and ($2::text = '' or processor = $2::text) returning 1
)
select count(*) from again)"};

// Ids follow the time of arrival, so what is old comes first. Rejected ones go by their own rule, and sooner.
constexpr prepared_statement purge_statement{"inbox_purge", R"(
with handled as (
  select w.id from (select id, received_at_ms from webhook order by id limit 2 * $4::bigint) w
  where w.received_at_ms < $1::bigint and not exists (
    select 1 from webhook_open o where o.id = w.id and (o.next_attempt_at_ms is not null or o.state = 5))
  limit $4::bigint
), forged as (
  select r.id from (select id, received_at_ms from webhook_open where state = 5 and state <> 1 order by id limit $4::bigint) r
  where r.received_at_ms < $2::bigint
     or r.id <= (select id from webhook_open where state = 5 and state <> 1 order by id desc offset $3::bigint limit 1)
), gone as (
  select id from handled union select id from forged
), closed as (
  delete from webhook_open where id in (select id from gone)
), removed as (
  delete from webhook where id in (select id from gone) returning 1
)
select count(*) from removed)"};

template <class Integer>
std::string array_of(oid element, auto&& values, auto&& get) {
  binary_array array{element};
  for (const auto& value : values) array.add_integer(static_cast<Integer>(get(value)));
  return array.take();
}
std::string texts_of(oid element, auto&& values, auto&& get) {
  binary_array array{element};
  for (const auto& value : values) array.add(get(value));
  return array.take();
}
std::string times_of(auto&& values) {
  binary_array array{oid::int8};
  for (const auto& value : values)
    if (value.next_attempt_at)
      array.add_integer(as_ms(*value.next_attempt_at));
    else
      array.add_null();
  return array.take();
}

std::string_view kept_body(const inbox_entry& one) {
  const std::string_view body{one.body};
  return one.state == inbox_state::rejected ? body.substr(0, rejected_body_kept_max) : body;
}

domain::timestamp time_of(std::int64_t ms) { return domain::timestamp{std::chrono::milliseconds{ms}}; }

// Columns state, detail, attempts, next_attempt_at_ms from `at` on; all null for an applied one.
template <class Line>
void read_open(const result_rows& rows, int row, int at, Line& into) {
  into.state = inbox_state::applied;
  if (rows.is_null(row, at)) return;
  into.state = static_cast<inbox_state>(rows.number(row, at));
  into.detail = rows.bytes(row, at + 1);
  into.attempts = static_cast<std::uint32_t>(rows.number(row, at + 2));
  if (!rows.is_null(row, at + 3)) into.next_attempt_at = time_of(rows.number(row, at + 3));
}

inbox_entry read_entry(const result_rows& rows, int row) {
  inbox_entry one;
  one.id = rows.number(row, 0);
  one.processor = rows.bytes(row, 1);
  one.received_at = time_of(rows.number(row, 2));
  one.fields = unpack_fields(rows.bytes(row, 3));
  one.body = rows.bytes(row, 4);
  read_open(rows, row, 5, one);
  return one;
}

class postgres_inbox final : public webhook_inbox {
 public:
  postgres_inbox(settings where, std::shared_ptr<address_book> book) : db_{std::move(where), std::move(book)} {}

  inbox_written write(std::span<const inbox_entry> fresh, std::span<const inbox_mark> marks) override {
    binary_array closed{oid::int8};
    std::vector<inbox_mark> marked;
    for (const auto& mark : marks)
      if (mark.state == inbox_state::applied)
        closed.add_integer(mark.id);
      else
        marked.push_back(mark);
    const auto state_of = [](const auto& one) { return one.state; };
    const auto detail_of = [](const auto& one) -> std::string_view { return one.detail; };
    auto done = db_.run(
        write_statement,
        {texts_of(oid::text, fresh, [](const auto& one) -> std::string_view { return one.processor; }),
         array_of<std::int64_t>(oid::int8, fresh, [](const auto& one) { return as_ms(one.received_at); }),
         texts_of(oid::bytea, fresh, [](const auto& one) { return pack_fields(one.fields); }),
         texts_of(oid::bytea, fresh, kept_body), array_of<std::int16_t>(oid::int2, fresh, state_of),
         texts_of(oid::text, fresh, detail_of), times_of(fresh), closed.take(),
         array_of<std::int64_t>(oid::int8, marked, [](const auto& one) { return one.id; }),
         array_of<std::int16_t>(oid::int2, marked, state_of), texts_of(oid::text, marked, detail_of),
         array_of<std::int32_t>(oid::int4, marked, [](const auto& one) { return one.attempts; }), times_of(marked)},
        db_.next_deadline());
    if (done.what == fate::lost) return {inbox_status::unknown, std::move(done.detail), {}};
    if (done.what != fate::done) return {inbox_status::unavailable, failure_of(done), {}};
    inbox_written written;
    for (int i = 0; i < done.rows.size(); ++i) written.ids.push_back(done.rows.number(i, 0));
    return written;
  }

  read_outcome<std::vector<inbox_entry>> due(domain::timestamp until, std::size_t limit) override {
    return each(db_.run(due_statement, {big_endian(as_ms(until)), big_endian(static_cast<std::int64_t>(limit))},
                        db_.next_deadline()),
                read_entry);
  }

  read_outcome<inbox_page> list(const inbox_query& query) override {
    const auto limit = std::clamp<std::size_t>(query.limit, 1, inbox_page_max);
    const bool open_only = query.state && *query.state != inbox_state::applied;
    const std::string from = open_only ? "webhook_open o" : "webhook w left join webhook_open o on o.id = w.id";
    const std::string arrived = open_only ? "o" : "w";
    std::string where = arrived + ".id < $1::bigint";
    if (open_only) where += " and o.state = " + std::to_string(static_cast<int>(*query.state));
    if (open_only && *query.state != inbox_state::received) where += " and o.state <> 1";  // names its index
    if (query.state == inbox_state::applied) where += " and o.id is null";
    if (!query.processor.empty()) where += " and " + arrived + ".processor = $3::text";
    std::vector<std::string> parameters{big_endian(query.before.value_or(std::numeric_limits<std::int64_t>::max())),
                                        big_endian(static_cast<std::int64_t>(limit + 1))};
    if (!query.processor.empty()) parameters.push_back(query.processor);
    auto lines = each(db_.run_once("select " + arrived + ".id, " + arrived + ".processor, " + arrived +
                                       ".received_at_ms, o.state, o.detail, o.attempts, o.next_attempt_at_ms from " +
                                       from + " where " + where + " order by " + arrived + ".id desc limit $2::bigint",
                                   parameters, db_.next_deadline()),
                      [](const result_rows& rows, int i) {
                        inbox_line line;
                        line.id = rows.number(i, 0);
                        line.processor = rows.bytes(i, 1);
                        line.received_at = time_of(rows.number(i, 2));
                        read_open(rows, i, 3, line);
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
    auto found = each(db_.run(find_statement, {big_endian(id)}, db_.next_deadline()), read_entry);
    if (!found.value) return {std::nullopt, std::move(found.detail)};
    if (found.value->empty()) return {std::optional<inbox_entry>{}, {}};
    return {std::optional{std::move(found.value->front())}, {}};
  }

  read_outcome<std::vector<inbox_count>> counts() override {
    return each(db_.run(counts_statement, {}, db_.next_deadline()), [](const result_rows& rows, int i) {
      return inbox_count{static_cast<inbox_state>(rows.number(i, 0)), rows.number(i, 1), time_of(rows.number(i, 2))};
    });
  }

  read_outcome<std::optional<inbox_state>> replay(std::int64_t id, domain::timestamp now) override {
    auto was = numbers(db_.run(replay_statement, {big_endian(id), big_endian(as_ms(now))}, db_.next_deadline()));
    if (!was.value) return {std::nullopt, std::move(was.detail)};
    if (was.value->empty()) return {std::optional<inbox_state>{}, {}};
    return {std::optional{static_cast<inbox_state>(was.value->front())}, {}};
  }

  read_outcome<std::int64_t> replay_all(inbox_state state, const std::string& processor,
                                        domain::timestamp now) override {
    auto count = numbers(db_.run(replay_all_statement,
                                 {big_endian(static_cast<std::int16_t>(state)), processor, big_endian(as_ms(now))},
                                 db_.next_deadline()));
    if (!count.value) return {std::nullopt, std::move(count.detail)};
    return {count.value->front(), {}};
  }

  read_outcome<bool> purge(const inbox_retention& keep, domain::timestamp now) override {
    auto count = numbers(db_.run(purge_statement,
                                 {big_endian(as_ms(now - keep.handled)), big_endian(as_ms(now - keep.rejected)),
                                  big_endian(keep.rejected_max), big_endian(static_cast<std::int64_t>(purged_max))},
                                 db_.next_deadline()));
    if (!count.value) return {std::nullopt, std::move(count.detail)};
    return {std::cmp_greater_equal(count.value->front(), purged_max), {}};
  }

 private:
  // Some refusals show that what we remember of the server no longer holds: now a standby; a statement someone deallocated.
  std::string failure_of(const answer& given) {
    if (given.sqlstate == "25006" || given.sqlstate == "26000") db_.close();
    return given.detail;
  }

  template <class Make>
  auto each(answer given, Make make) -> read_outcome<std::vector<decltype(make(given.rows, 0))>> {
    if (given.what != fate::done) return {std::nullopt, failure_of(given)};
    std::vector<decltype(make(given.rows, 0))> found;
    found.reserve(static_cast<std::size_t>(given.rows.size()));
    for (int i = 0; i < given.rows.size(); ++i) found.push_back(make(given.rows, i));
    return {std::move(found), {}};
  }
  read_outcome<std::vector<std::int64_t>> numbers(answer given) {
    return each(std::move(given), [](const result_rows& rows, int i) { return rows.number(i, 0); });
  }

  connection db_;
};

}  // namespace

inbox_store::inbox_store(settings where)
    : settings_{std::move(where)}, book_{std::make_shared<address_book>(settings_.connection)} {}

std::unique_ptr<webhook_inbox> inbox_store::open() { return std::make_unique<postgres_inbox>(settings_, book_); }

}  // namespace novapay::postgres
