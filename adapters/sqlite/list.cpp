#include "adapters/sqlite/list.hpp"

#include <algorithm>
#include <utility>

#include "adapters/sqlite/rows.hpp"

namespace novapay::sqlite {

using namespace runtime;

namespace {

// Most entities end in one of these: they are not in the index of statuses (0001_journal.sql).
bool is_common(const std::string& status) { return status == "captured" || status == "settled"; }

// Collects a statement's parameters as its text grows.
struct statement_text {
  std::string sql;
  std::vector<list_statement::parameter> parameters;

  statement_text& add(std::string_view text) {
    sql += text;
    return *this;
  }
  statement_text& text(std::string_view condition, const std::string& value) {
    parameters.push_back({value, 0, list_statement::parameter::text});
    return add(condition);
  }
  statement_text& id(std::string_view condition, const entity_id& value) {
    parameters.push_back({std::string{as_blob(value)}, 0, list_statement::parameter::blob});
    return add(condition);
  }
  statement_text& number(std::string_view condition, std::int64_t value) {
    parameters.push_back({{}, value, list_statement::parameter::integer});
    return add(condition);
  }
  list_statement take() { return {std::move(sql), std::move(parameters)}; }
};

// What the row has to be like, as an expression.
void add_judged(statement_text& made, const list_query& query) {
  made.text("(entity.scope = ?", query.scope).text(" and entity.kind = ?", query.kind);
  if (query.status) made.text(" and entity.status = ?", *query.status);
  if (query.amount_from) made.number(" and entity.amount_minor >= ?", *query.amount_from);
  if (query.amount_to) made.number(" and entity.amount_minor <= ?", *query.amount_to);
  if (query.reference) made.text(" and entity.reference = ?", *query.reference);
  if (query.label_key)
    made.text(" and exists (select 1 from entity_label where entity_id = entity.id and key = ?", *query.label_key);
  if (query.label_key && query.label_value) made.text(" and value = ?", *query.label_value);
  made.add(query.label_key ? "))" : ")");
}

void add_bounds(statement_text& made, const list_query& query, const std::string& id) {
  if (query.created_from) made.id(" and " + id + " >= ?", first_entity_id_at(*query.created_from));
  if (query.created_before) made.id(" and " + id + " < ?", first_entity_id_at(*query.created_before));
  if (query.before) made.id(" and " + id + " < ?", *query.before);
}

// From where, and which part of its index. The literal conditions repeat those of the partial indexes, which SQLite wants.
void add_entries(statement_text& made, const list_query& query, list_source source, bool with_rows) {
  if (source == list_source::label || source == list_source::label_key) {
    made.add(" from entity_label").add(with_rows ? " cross join entity on entity.id = entity_label.entity_id" : "");
    made.text(" where entity_label.scope = ?", query.scope).text(" and entity_label.key = ?", *query.label_key);
    if (source == list_source::label_key) return;  // they come by value: bounds would not shorten the way
    made.text(" and entity_label.value = ?", *query.label_value);
    return add_bounds(made, query, "entity_label.entity_id");
  }
  made.add(" from entity indexed by ");
  made.add(source == list_source::reference ? "entity_reference"
           : source == list_source::status  ? "entity_status"
                                            : "entity_scope");
  made.text(" where entity.scope = ?", query.scope).text(" and entity.scope <> '' and entity.kind = ?", query.kind);
  if (source == list_source::reference)
    made.text(" and entity.reference = ? and entity.reference <> ''", *query.reference);
  if (source == list_source::status)
    made.text(" and entity.status = ? and entity.status not in ('captured', 'settled')", *query.status);
  add_bounds(made, query, "entity.id");
}

std::string id_of(list_source source) {
  return source == list_source::label || source == list_source::label_key ? "entity_label.entity_id" : "entity.id";
}

}  // namespace

int list_statement::bind(statement& prepared) const {
  int at = 1;
  for (const auto& value : parameters) {
    if (value.type == parameter::integer) prepared.bind(at, value.number);
    if (value.type == parameter::text) prepared.bind_text(at, value.bytes);
    if (value.type == parameter::blob) prepared.bind_blob(at, value.bytes);
    ++at;
  }
  return at;
}

std::vector<list_source> own_sources(const list_query& query) {
  std::vector<list_source> sources;
  if (query.reference && !query.reference->empty()) sources.push_back(list_source::reference);
  if (query.label_key && query.label_value) sources.push_back(list_source::label);
  if (query.status && !is_common(*query.status)) sources.push_back(list_source::status);
  if (query.label_key && !query.label_value) sources.push_back(list_source::label_key);
  return sources;
}

std::size_t rows_fetched_max(const list_query& query) {
  return std::max<std::size_t>(query.examined / list_rows_fetched_part, 1);
}

std::size_t probed_max(const list_query& query, list_source source) {
  return source == list_source::label_key ? std::max<std::size_t>(query.examined, 1) : rows_fetched_max(query);
}

bool is_in_bounds(const list_query& query, const entity_id& id) {
  return (!query.created_from || id >= first_entity_id_at(*query.created_from)) &&
         (!query.created_before || id < first_entity_id_at(*query.created_before)) &&
         (!query.before || id < *query.before);
}

std::size_t walked_max(const list_query& query, list_source source) {
  const bool by_amount = query.amount_from || query.amount_to;
  const bool inside_index = !query.reference && !query.label_key && (source == list_source::scope || !by_amount);
  return inside_index ? std::max<std::size_t>(query.examined, 1) : rows_fetched_max(query);
}

list_statement probe_statement(const list_query& query, list_source source) {
  statement_text made;
  made.add("select ").add(id_of(source));
  add_entries(made, query, source, false);
  made.number(" limit ?", static_cast<std::int64_t>(probed_max(query, source) + 1));
  return made.take();
}

list_statement walk_statement(const list_query& query, list_source source) {
  statement_text made;
  made.add("select ").add(id_of(source)).add(", ");
  add_judged(made, query);
  add_entries(made, query, source, true);
  made.add(" order by ").add(id_of(source));
  made.number(" desc limit ?", static_cast<std::int64_t>(walked_max(query, source)));
  return made.take();
}

list_statement judge_statement(const list_query& query) {
  statement_text made;
  made.add("select ");
  add_judged(made, query);
  made.add(" from entity where id = ?");
  return made.take();
}

}  // namespace novapay::sqlite
