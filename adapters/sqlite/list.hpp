// list: the statements that find one page of a list at a bounded cost, whatever it is filtered by. Internal to this
// adapter; pure.
//
// Some filters have an index of their own: the reference, a label, a status that is not where most entities end. Each is
// asked first for a few entries (`probe_statement`). If that is all it has, those are the candidates, judged one by one
// (`judge_statement`), and the page is exact. Otherwise one index is walked, newest first, for a bounded number of entries,
// and the page ends where the walk ends (`walk_statement`).
#pragma once

#include <string>
#include <vector>

#include "adapters/sqlite/connection.hpp"
#include "runtime/journal.hpp"

namespace novapay::sqlite {

struct list_statement {
  struct parameter {
    std::string bytes;
    std::int64_t number = 0;
    enum { text, blob, integer } type = text;
  };
  std::string sql;
  std::vector<parameter> parameters;

  int bind(statement& prepared) const;  // the place of the first parameter that is left to the caller
};

enum class list_source { reference, label, label_key, status, scope };

// Those of this query but for `scope`, which is always there; the best to walk comes first.
std::vector<list_source> own_sources(const runtime::list_query& query);

// As many rows as a page may fetch to judge them.
std::size_t rows_fetched_max(const runtime::list_query& query);
std::size_t walked_max(const runtime::list_query& query, list_source source);

// Ids, probed_max + 1 of them; those of a label's key are of any time.
list_statement probe_statement(const runtime::list_query& query, list_source source);
std::size_t probed_max(const runtime::list_query& query, list_source source);
bool is_in_bounds(const runtime::list_query& query, const runtime::entity_id& id);

list_statement walk_statement(const runtime::list_query& query, list_source source);  // id, fits: newest first
list_statement judge_statement(const runtime::list_query& query);  // fits, of the entity whose id is the last parameter

}  // namespace novapay::sqlite
