#include "adapters/sqlite/scan.hpp"

#include <utility>

#include "adapters/sqlite/connection.hpp"
#include "adapters/sqlite/rows.hpp"

namespace novapay::sqlite {

using namespace runtime;

namespace {

const std::string page_end = " limit " + std::to_string(scan_page_max);
const std::string log_sql =
    "select shard, \"offset\", epoch, type, entity_id, sequence, at_ms, case type when 1 then payload else x'' end "
    "from journal where (shard, \"offset\") > (?, ?) order by shard, \"offset\"" +
    page_end;
const std::string events_sql = std::string{"select "} + record_columns +
                               " from journal where type = 2 and (entity_id, sequence) > (?, ?) "
                               "order by entity_id, sequence" +
                               page_end;
const std::string rows_sql =
    std::string{"select "} + entity_columns + " from entity where id > ? order by id" + page_end;

class sqlite_scan final : public journal_scan {
 public:
  explicit sqlite_scan(settings where) : db_{std::move(where)} {}

  read_outcome<std::vector<log_record>> log(std::optional<log_position> after) override {
    return page<log_record>(
        log_sql,
        [&](statement& query) {
          query.bind(1, after ? static_cast<std::int64_t>(after->shard) : -1);
          query.bind(2, after ? static_cast<std::int64_t>(after->offset) : -1);
        },
        read_record);
  }

  read_outcome<std::vector<log_record>> events(std::optional<event_position> after) override {
    return page<log_record>(
        events_sql,
        [&](statement& query) {
          query.bind_blob(1, after ? as_blob(after->entity) : std::string_view{});  // nothing sorts before every id
          query.bind(2, after ? static_cast<std::int64_t>(after->sequence) : -1);
        },
        read_record);
  }

  read_outcome<std::vector<entity_row>> rows(std::optional<entity_id> after) override {
    return page<entity_row>(
        rows_sql, [&](statement& query) { query.bind_blob(1, after ? as_blob(*after) : std::string_view{}); },
        read_entity);
  }

 private:
  template <class T, class Bind, class Make>
  read_outcome<std::vector<T>> page(const std::string& sql, Bind bind, Make make) {
    if (auto error = db_.begin_call()) return broken<T>(*error);
    std::vector<T> found;
    maybe_error failed;
    {
      auto [query, error] = db_.prepare(sql);
      if (!query) return broken<T>(error);
      bind(*query);
      while (query->step()) found.push_back(make(*query));
      failed = query->error();
    }
    if (failed) return broken<T>(*failed);
    return {std::move(found), {}};
  }

  template <class T>
  read_outcome<std::vector<T>> broken(const sql_error& error) {
    db_.discard();
    return {std::nullopt, error.detail};
  }

  connection db_;
};

}  // namespace

std::unique_ptr<journal_scan> open_scan(settings where) { return std::make_unique<sqlite_scan>(std::move(where)); }

}  // namespace novapay::sqlite
