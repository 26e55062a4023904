#include "adapters/postgres/list.hpp"

#include <algorithm>

#include "adapters/postgres/binary.hpp"
#include "adapters/postgres/rows.hpp"

namespace novapay::postgres {

using namespace runtime;

namespace {

// Most entities end in one of these: they are not in the index of statuses (0002_terms.sql).
bool is_common(const std::string& status) { return status == "captured" || status == "settled"; }

entity_id first_id(const list_query& query) {
  return query.created_from ? first_entity_id_at(*query.created_from) : entity_id{};
}

// Ids below this one. The very last id is never given out, so leaving it out loses nothing.
entity_id end_id(const list_query& query) {
  entity_id end;
  end.bytes.fill(0xff);
  if (query.created_before) end = std::min(end, first_entity_id_at(*query.created_before));
  if (query.before) end = std::min(end, *query.before);
  return end;
}

// Text with its parameters, numbered as they come.
class statement_text {
 public:
  std::string text(const std::string& value) { return bind(value, "text"); }
  std::string id(const entity_id& value) { return bind(std::string{as_bytes(value)}, "uuid"); }
  std::string number(std::int64_t value) { return bind(big_endian(value), "bigint"); }
  std::string era(timestamp at) { return bind(big_endian(era_of(at)), "integer"); }
  std::string bind(std::string value, const char* type) {
    parameters_.push_back(std::move(value));
    return "$" + std::to_string(parameters_.size()) + "::" + type;
  }
  list_statement with(std::string sql) { return {std::move(sql), std::move(parameters_)}; }

 private:
  std::vector<std::string> parameters_;
};

std::string hashed(const std::string& text) { return "hashtextextended(" + text + ", 0)"; }

// From and to, as eras and as ids.
std::string bounds(statement_text& made, const list_query& query) {
  const auto first = first_id(query);
  const auto end = end_id(query);
  std::string text = ", " + made.era(first.created_at());
  for (const auto& more : {made.era(end.created_at()), made.id(first), made.id(end)}) text += ", " + more;
  return text;
}

// The entries of a term, newest first, as the rows of a function.
std::string term_entries(statement_text& made, const list_query& query, list_source source, std::size_t at_most) {
  const bool by_reference = source == list_source::reference;
  const auto key =
      by_reference ? reference_term(query.scope, query.kind) : label_term(query.scope, query.kind, *query.label_key);
  const auto& value = by_reference ? *query.reference : *query.label_value;
  const auto hashes = hashed(made.text(key)) + ", " + hashed(made.text(value));
  return "find_term(" + hashes + bounds(made, query) + ", " + made.number(static_cast<std::int64_t>(at_most)) + ")";
}

// The condition of one of entity's own indexes. Its literal parts name the partial ones.
std::string indexed(statement_text& made, const list_query& query, list_source source) {
  auto where =
      "entity.scope = " + made.text(query.scope) + " and entity.scope <> '' and entity.kind = " + made.text(query.kind);
  if (source == list_source::status)
    where += " and entity.status = " + made.text(*query.status) + " and entity.status not in ('captured', 'settled')";
  return where + " and entity.id >= " + made.id(first_id(query)) + " and entity.id < " + made.id(end_id(query));
}

// What is left to judge by the row, or by what the index holds of it.
std::string judged(statement_text& made, const list_query& query, bool by_index) {
  std::string fits = "true";
  const auto add = [&](std::string condition) { fits += " and " + condition; };
  if (!by_index) add(indexed(made, query, list_source::scope));
  if (query.status) add("entity.status = " + made.text(*query.status));
  if (query.amount_from) add("entity.amount_minor >= " + made.number(*query.amount_from));
  if (query.amount_to) add("entity.amount_minor <= " + made.number(*query.amount_to));
  if (query.reference) add("entity.reference = " + made.text(*query.reference));
  if (query.label_key && query.label_value)
    add("entity.labels @> " + made.bind(labels_jsonb({{*query.label_key, *query.label_value}}), "jsonb"));
  else if (query.label_key)
    add("entity.labels ? " + made.text(*query.label_key));
  return fits;
}

// The page out of its candidates: `id`, `nth` and `fits`.
list_statement page_of(statement_text& made, const list_query& query, const std::string& candidates,
                       std::size_t last_nth) {
  const auto limit = std::clamp<std::size_t>(query.limit, 1, list_limit_max) + 1;
  return made.with(
      "select page.nth, page.fits, e.id, e.shard, e.kind, e.version, e.state, e.wake_at_ms, e.scope, e.status, "
      "e.reference, e.unit, e.amount_minor, e.labels from (select id, nth, fits from (" +
      candidates + ") candidate where fits or nth = " + std::to_string(last_nth) + " order by id desc limit " +
      std::to_string(limit) + ") page join entity e on e.id = page.id order by e.id desc");
}

list_statement page_by_rows(statement_text& made, const list_query& query, const std::string& ids,
                            std::size_t last_nth) {
  const auto fits = judged(made, query, false);
  return page_of(made, query,
                 "select entity.id, found.nth, " + fits + " as fits from " + ids +
                     " with ordinality found (id, nth) join entity on entity.id = found.id",
                 last_nth);
}

}  // namespace

std::vector<list_source> own_sources(const list_query& query) {
  std::vector<list_source> sources;
  if (query.reference && !query.reference->empty()) sources.push_back(list_source::reference);
  if (query.label_key && query.label_value) sources.push_back(list_source::label);
  if (query.status && !is_common(*query.status)) sources.push_back(list_source::status);
  if (query.label_key && !query.label_value) sources.push_back(list_source::label_key);
  return sources;
}

bool stands_alone(const list_query& query) {
  const auto sources = own_sources(query);
  const bool by_more = query.amount_from || query.amount_to || (query.status && is_common(*query.status)) ||
                       (query.reference && query.reference->empty());
  return sources.size() == 1 && sources[0] != list_source::label_key && !by_more;
}

std::size_t rows_fetched_max(const list_query& query) {
  return std::max<std::size_t>(query.examined / list_rows_fetched_part, 1);
}

std::size_t walked_max(const list_query& query, list_source source) {
  const bool by_term = source == list_source::reference || source == list_source::label;
  if (by_term && stands_alone(query))  // a page's worth, and the one that says that there is more
    return std::min(rows_fetched_max(query), std::clamp<std::size_t>(query.limit, 1, list_limit_max) + 1);
  const bool inside_index =
      (source == list_source::status || source == list_source::scope) && !query.reference && !query.label_key;
  return inside_index ? std::max<std::size_t>(query.examined, 1) : rows_fetched_max(query);
}

list_statement probe_statement(const list_query& query, list_source source) {
  statement_text made;
  const auto few = rows_fetched_max(query);
  if (source == list_source::reference || source == list_source::label)
    return made.with("select id from " + term_entries(made, query, source, few + 1) + " id");
  if (source != list_source::label_key)
    return made.with("select id from entity where " + indexed(made, query, source) + " order by id desc limit " +
                     std::to_string(few + 1));

  const auto key = hashed(made.text(label_term(query.scope, query.kind, *query.label_key)));
  const auto range = bounds(made, query);
  return made.with("select id from find_key(" + key + range + ", " + made.number(static_cast<std::int64_t>(few)) +
                   ", " + made.number(static_cast<std::int64_t>(std::max(query.examined, few))) + ") id");
}

list_statement walk_statement(const list_query& query, list_source source) {
  statement_text made;
  const auto last = walked_max(query, source);
  if (source == list_source::reference || source == list_source::label)
    return page_by_rows(made, query, term_entries(made, query, source, last), last);

  const auto where = indexed(made, query, source);
  return page_of(made, query,
                 "select id, row_number() over (order by id desc) as nth, " + judged(made, query, true) +
                     " as fits from entity where " + where + " order by id desc limit " + std::to_string(last),
                 last);
}

list_statement candidates_statement(const list_query& query, std::span<const std::optional<entity_id>> ids) {
  statement_text made;
  binary_array array{oid::uuid};
  for (const auto& id : ids)
    if (id) array.add(as_bytes(*id));
  const auto given = "unnest(" + made.bind(array.take(), "uuid[]") + ")";
  return page_by_rows(made, query, given, 0);
}

}  // namespace novapay::postgres
