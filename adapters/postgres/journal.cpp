#include "adapters/postgres/journal.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "adapters/postgres/binary.hpp"
#include "adapters/postgres/connection.hpp"
#include "adapters/postgres/list.hpp"
#include "adapters/postgres/rows.hpp"
#include "runtime/journal_rules.hpp"

namespace novapay::postgres {

using namespace runtime;

namespace {

// The records are the main statement, which the server runs before the others: a writer that has lost its shard meets the
// fence before it has touched a row.
//
// The arrays are opened in the select list. In a `from` the server would first copy each of them into a store of its own, which
// would be an eighth of all the instructions this statement takes.
constexpr prepared_statement append_statement{"append", R"(
with rows as (
  insert into entity (id, shard, kind, version, state, wake_at_ms, scope, status, reference, unit, amount_minor, labels)
  select unnest($9::uuid[]), unnest($10::integer[]), unnest($11::text[]), unnest($12::bigint[]), unnest($13::bytea[]),
         unnest($14::bigint[]), unnest($15::text[]), unnest($16::text[]), unnest($17::text[]), unnest($18::text[]),
         unnest($19::bigint[]), unnest($20::jsonb[])
  on conflict (id) do update set shard = excluded.shard, kind = excluded.kind, version = excluded.version,
    state = excluded.state, wake_at_ms = excluded.wake_at_ms, scope = excluded.scope, status = excluded.status,
    reference = excluded.reference, unit = excluded.unit, amount_minor = excluded.amount_minor, labels = excluded.labels
), keys as (
  insert into creation_key (week, scope, key, entity_id)
  select unnest($21::integer[]), unnest($22::text[]), unnest($23::text[]), unnest($24::uuid[])
), terms as (
  insert into entity_term (key, era, value, id)
  select hashtextextended(term.key, 0), term.era, hashtextextended(term.value, 0), term.id
  from (select unnest($25::text[]) as key, unnest($26::integer[]) as era, unnest($27::text[]) as value,
               unnest($28::uuid[]) as id) term
)
insert into journal (shard, "offset", epoch, type, entity_id, sequence, at_ms, payload)
select unnest($1::integer[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::smallint[]), unnest($5::uuid[]),
       unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bytea[]))",
                                              true};

// One probe of the key for each shard. Every record carries its epoch, so the last one names the last claim.
constexpr prepared_statement heads_statement{"heads", R"(
select asked.shard, last."offset", last.epoch
from unnest($1::integer[]) with ordinality asked (shard, nth)
left join lateral (select "offset", epoch from journal where shard = asked.shard order by "offset" desc limit 1) last on true
order by asked.nth)"};

constexpr prepared_statement read_at_statement{"read_at", R"(
select j.shard, j."offset", j.epoch, j.type, j.entity_id, j.sequence, j.at_ms, j.payload
from unnest($1::integer[], $2::bigint[]) with ordinality asked (shard, "offset", nth)
left join lateral (select * from journal where shard = asked.shard and "offset" = asked."offset") j on true
order by asked.nth)"};

constexpr prepared_statement load_statement{"load", R"(
select e.id, e.shard, e.kind, e.version, e.state, e.wake_at_ms, e.scope, e.status, e.reference, e.unit, e.amount_minor, e.labels
from unnest($1::uuid[]) with ordinality asked (id, nth)
left join lateral (select * from entity where id = asked.id) e on true
order by asked.nth)"};

constexpr prepared_statement find_keys_statement{"find_keys", R"(
select (select entity_id from creation_key
        where hashtextextended(scope || E'\n' || key, 0) = hashtextextended(asked.scope || E'\n' || asked.key, 0)
          and scope = asked.scope and key = asked.key order by entity_id desc limit 1)
from unnest($1::text[], $2::text[]) with ordinality asked (scope, key, nth) order by asked.nth)"};

constexpr prepared_statement due_statement{"due", R"(
select id from entity where wake_at_ms <= $1::bigint order by wake_at_ms, id limit $2::bigint)"};

constexpr prepared_statement history_statement{"history", R"(
select shard, "offset", epoch, type, entity_id, sequence, at_ms, payload
from journal where entity_id = $1::uuid and sequence > $2::bigint and type = 2 order by sequence limit $3::bigint)"};

constexpr prepared_statement make_partition_statement{"make_partition", "select make_key_partition($1::integer)"};
constexpr prepared_statement drop_partitions_statement{"drop_partitions", "select drop_key_partitions($1::integer)"};

// What the server said when it refused and rolled back.
append_status status_of(std::string_view sqlstate) {
  if (sqlstate == "23505") return append_status::collided;
  if (sqlstate == "23514")
    return append_status::unavailable;  // our tables have one check: a key's week has no partition
  const auto kind = sqlstate.substr(0, 2);
  return kind == "22" || kind == "23" || kind == "54" ? append_status::rejected : append_status::unavailable;
}

template <class Integer>
std::string array_of(oid element, auto&& values, auto&& get) {
  binary_array array{element};
  for (const auto& value : values) array.add_integer(static_cast<Integer>(get(value)));
  return array.take();
}

class postgres_journal final : public journal {
 public:
  postgres_journal(settings where, std::shared_ptr<address_book> book) : db_{std::move(where), std::move(book)} {}

  append_outcome append(std::span<const append_entry> batch) override {
    if (auto why = why_rejected(batch)) return {append_status::rejected, std::move(*why)};
    const auto until = db_.next_deadline();
    if (auto failed = make_partitions(batch, until)) return std::move(*failed);
    return outcome_of(db_.run(append_statement, append_parameters(batch), until));
  }

  append_outcome maintain(timestamp now) override {
    const auto until = db_.next_deadline();
    weeks_.clear();  // forget what others may have dropped
    for (const auto week : {key_week(now), key_week(now) + 1})
      if (auto failed = make_partition(week, until)) return std::move(*failed);
    return outcome_of(
        db_.run(drop_partitions_statement, {big_endian(static_cast<std::int32_t>(first_kept_key_week(now)))}, until));
  }

  read_outcome<std::vector<shard_head>> heads(std::span<const shard_id> shards) override {
    const auto asked = array_of<std::int32_t>(oid::int4, shards, std::identity{});
    return read<std::vector<shard_head>>(db_.run(heads_statement, {asked}, db_.next_deadline()),
                                         [](const result_rows& rows, int i) {
                                           shard_head head{static_cast<shard_id>(rows.number(i, 0)), 0, 0};
                                           if (rows.is_null(i, 1)) return head;
                                           head.next_offset = static_cast<std::uint64_t>(rows.number(i, 1)) + 1;
                                           head.epoch = static_cast<std::uint64_t>(rows.number(i, 2));
                                           return head;
                                         });
  }

  read_outcome<std::vector<std::optional<log_record>>> read_at(std::span<const log_position> where) override {
    const auto shards = array_of<std::int32_t>(oid::int4, where, [](const auto& at) { return at.shard; });
    const auto offsets = array_of<std::int64_t>(oid::int8, where, [](const auto& at) { return at.offset; });
    return read<std::vector<std::optional<log_record>>>(
        db_.run(read_at_statement, {shards, offsets}, db_.next_deadline()), [](const result_rows& rows, int i) {
          return rows.is_null(i, 0) ? std::nullopt : std::optional{read_record(rows, i, 0)};
        });
  }

  read_outcome<std::vector<std::optional<entity_row>>> load(std::span<const entity_id> ids) override {
    binary_array asked{oid::uuid};
    for (const auto& id : ids) asked.add(as_bytes(id));
    return read<std::vector<std::optional<entity_row>>>(
        db_.run(load_statement, {asked.take()}, db_.next_deadline()), [](const result_rows& rows, int i) {
          return rows.is_null(i, 0) ? std::nullopt : std::optional{read_entity(rows, i, 0)};
        });
  }

  read_outcome<std::vector<std::optional<entity_id>>> find_keys(std::span<const creation_key> keys) override {
    binary_array scopes{oid::text};
    binary_array names{oid::text};
    for (const auto& key : keys) {
      scopes.add(key.scope);
      names.add(key.key);
    }
    return read<std::vector<std::optional<entity_id>>>(
        db_.run(find_keys_statement, {scopes.take(), names.take()}, db_.next_deadline()),
        [](const result_rows& rows, int i) {
          return rows.is_null(i, 0) ? std::nullopt : std::optional{read_id(rows, i, 0)};
        });
  }

  read_outcome<std::vector<entity_id>> due(timestamp until, std::size_t limit) override {
    return read<std::vector<entity_id>>(
        db_.run(due_statement, {big_endian(as_ms(until)), big_endian(static_cast<std::int64_t>(limit))},
                db_.next_deadline()),
        [](const result_rows& rows, int i) { return read_id(rows, i, 0); });
  }

  read_outcome<list_page> list(const list_query& query) override {
    if (query.scope.empty()) return {list_page{}, {}};
    const auto sources = own_sources(query);
    if (stands_alone(query)) return page(query, walk_statement(query, sources[0]), walked_max(query, sources[0]));
    for (const auto source : sources) {
      auto few = probe(query, source);
      if (!few.value) return {std::nullopt, std::move(few.detail)};
      const bool all = few.value->size() <= rows_fetched_max(query) && (few.value->empty() || few.value->back());
      if (all) return page(query, candidates_statement(query, *few.value), 0);
      if (source != list_source::label_key || few.value->size() == 1) continue;
      few.value->pop_back();  // the newest ones, and there are more
      auto newest = page(query, candidates_statement(query, *few.value), 0);
      if (newest.value && !newest.value->next) newest.value->next = few.value->back();
      return newest;
    }
    // A label's key has no order to walk in.
    const bool walks = !sources.empty() && sources.front() != list_source::label_key;
    const auto source = walks ? sources.front() : list_source::scope;
    return page(query, walk_statement(query, source), walked_max(query, source));
  }

  read_outcome<std::vector<log_record>> history(const entity_id& id, std::uint64_t after, std::size_t limit) override {
    const std::vector<std::string> asked{std::string{as_bytes(id)}, big_endian(static_cast<std::int64_t>(after)),
                                         big_endian(static_cast<std::int64_t>(limit))};
    return read<std::vector<log_record>>(db_.run(history_statement, asked, db_.next_deadline()),
                                         [](const result_rows& rows, int i) { return read_record(rows, i, 0); });
  }

 private:
  read_outcome<std::vector<std::optional<entity_id>>> probe(const list_query& query, list_source source) {
    const auto made = probe_statement(query, source);
    return read<std::vector<std::optional<entity_id>>>(
        db_.run_once(made.sql, made.parameters, db_.next_deadline()), [](const result_rows& rows, int i) {
          return rows.is_null(i, 0) ? std::nullopt : std::optional{read_id(rows, i, 0)};
        });
  }

  read_outcome<list_page> page(const list_query& query, const list_statement& made, std::size_t last_nth) {
    list_page page;
    auto rows = read<std::vector<entity_row>>(db_.run_once(made.sql, made.parameters, db_.next_deadline()),
                                              [&](const result_rows& found, int i) {
                                                auto row = read_entity(found, i, 2);
                                                if (std::cmp_equal(found.number(i, 0), last_nth)) page.next = row.id;
                                                if (found.bytes(i, 1) == std::string_view{"\1", 1})
                                                  page.rows.push_back(row);
                                                return row;
                                              });
    if (!rows.value) return {std::nullopt, std::move(rows.detail)};
    if (page.rows.size() > std::clamp<std::size_t>(query.limit, 1, list_limit_max)) {
      page.rows.pop_back();
      page.next = page.rows.back().id;
    }
    return {std::move(page), {}};
  }

  // A key whose week has no partition would fail the append; `maintain` makes them beforehand, this is for when it didn't.
  std::optional<append_outcome> make_partitions(std::span<const append_entry> batch, deadline until) {
    for (const auto& entry : batch)
      if (entry.key)
        if (auto failed = make_partition(key_week(entry.records.front().at), until)) return failed;
    return std::nullopt;
  }

  std::optional<append_outcome> make_partition(std::int64_t week, deadline until) {
    if (weeks_.contains(week)) return std::nullopt;
    auto done = db_.run(make_partition_statement, {big_endian(static_cast<std::int32_t>(week))}, until);
    if (done.what != fate::done) return append_outcome{append_status::unavailable, std::move(done.detail)};
    weeks_.insert(week);
    return std::nullopt;
  }

  append_outcome outcome_of(answer given) {
    switch (given.what) {
      case fate::done: return {};
      case fate::not_sent: return {append_status::unavailable, std::move(given.detail)};
      case fate::lost: return {append_status::unknown, std::move(given.detail)};
      case fate::refused: break;
    }
    forget_after(given.sqlstate);
    return {status_of(given.sqlstate), std::move(given.detail)};
  }

  // Some refusals show that what we remember of the server no longer holds.
  void forget_after(std::string_view sqlstate) {
    if (sqlstate == "23514") weeks_.clear();
    if (sqlstate == "25006" || sqlstate == "26000") db_.close();  // now a standby; a statement someone deallocated
  }

  template <class T, class Make>
  read_outcome<T> read(answer given, Make make) {
    if (given.what != fate::done) {
      forget_after(given.sqlstate);
      return {std::nullopt, std::move(given.detail)};
    }
    T found;
    found.reserve(static_cast<std::size_t>(given.rows.size()));
    for (int i = 0; i < given.rows.size(); ++i) found.push_back(make(given.rows, i));
    return {std::move(found), {}};
  }

  connection db_;
  std::set<std::int64_t> weeks_;  // partitions known to be there
};

}  // namespace

journal_store::journal_store(settings where)
    : settings_{std::move(where)}, book_{std::make_shared<address_book>(settings_.connection)} {}

std::unique_ptr<runtime::journal> journal_store::open() { return std::make_unique<postgres_journal>(settings_, book_); }

}  // namespace novapay::postgres
