#include "adapters/postgres/scan.hpp"

#include <utility>

#include "adapters/postgres/binary.hpp"
#include "adapters/postgres/connection.hpp"
#include "adapters/postgres/rows.hpp"

namespace novapay::postgres {

using namespace runtime;

namespace {

// Each page is one walk along an index; 256 is scan_page_max.
constexpr prepared_statement log_statement{"scan_log", R"(
select shard, "offset", epoch, type, entity_id, sequence, at_ms, case type when 1 then payload else ''::bytea end
from journal where (shard, "offset") > ($1::integer, $2::bigint) order by shard, "offset" limit 256)"};
constexpr prepared_statement first_events_statement{"scan_first_events", R"(
select shard, "offset", epoch, type, entity_id, sequence, at_ms, payload
from journal where type = 2 order by entity_id, sequence limit 256)"};
constexpr prepared_statement events_statement{"scan_events", R"(
select shard, "offset", epoch, type, entity_id, sequence, at_ms, payload
from journal where type = 2 and (entity_id, sequence) > ($1::uuid, $2::bigint) order by entity_id, sequence limit 256)"};
constexpr prepared_statement first_rows_statement{"scan_first_rows", R"(
select id, shard, kind, version, state, wake_at_ms, scope, status, reference, unit, amount_minor, labels
from entity order by id limit 256)"};
constexpr prepared_statement rows_statement{"scan_rows", R"(
select id, shard, kind, version, state, wake_at_ms, scope, status, reference, unit, amount_minor, labels
from entity where id > $1::uuid order by id limit 256)"};
static_assert(scan_page_max == 256);

class postgres_scan final : public journal_scan {
 public:
  explicit postgres_scan(settings where) : db_{std::move(where)} {}

  read_outcome<std::vector<log_record>> log(std::optional<log_position> after) override {
    const auto shard = after ? static_cast<std::int32_t>(after->shard) : -1;
    const auto offset = after ? static_cast<std::int64_t>(after->offset) : -1;
    return page<log_record>(log_statement, {big_endian(shard), big_endian(offset)}, read_record);
  }

  read_outcome<std::vector<log_record>> events(std::optional<event_position> after) override {
    if (!after) return page<log_record>(first_events_statement, {}, read_record);
    return page<log_record>(
        events_statement,
        {std::string{as_bytes(after->entity)}, big_endian(static_cast<std::int64_t>(after->sequence))}, read_record);
  }

  read_outcome<std::vector<entity_row>> rows(std::optional<entity_id> after) override {
    if (!after) return page<entity_row>(first_rows_statement, {}, read_entity);
    return page<entity_row>(rows_statement, {std::string{as_bytes(*after)}}, read_entity);
  }

 private:
  template <class T, class Make>
  read_outcome<std::vector<T>> page(const prepared_statement& statement, const std::vector<std::string>& parameters,
                                    Make make) {
    const auto given = db_.run(statement, parameters, db_.next_deadline());
    if (given.what != fate::done) return {std::nullopt, given.detail};
    std::vector<T> found;
    found.reserve(static_cast<std::size_t>(given.rows.size()));
    for (int i = 0; i < given.rows.size(); ++i) found.push_back(make(given.rows, i, 0));
    return {std::move(found), {}};
  }

  connection db_;
};

}  // namespace

std::unique_ptr<journal_scan> open_scan(settings where) { return std::make_unique<postgres_scan>(std::move(where)); }

}  // namespace novapay::postgres
