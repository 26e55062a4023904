// list: the statements that find one page of a list at a bounded cost, whatever it is filtered by. Internal to this
// adapter; pure.
//
// Some filters have an index of their own, in the order of ids: the reference, a label with its value, a status that is not
// where most entities end. Each is asked first for a few entries (`probe_statement`). If that is all it has, those are the
// candidates, and the page is exact. Otherwise one index is walked, newest first, for a bounded number of entries, and the
// page ends where the walk ends (`walk_statement`).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/journal.hpp"

namespace novapay::postgres {

struct list_statement {
  std::string sql;
  std::vector<std::string> parameters;  // binary
};

enum class list_source { reference, label, label_key, status, scope };

// Those of this query but for `scope`, which is always there; the best to walk comes first.
std::vector<list_source> own_sources(const runtime::list_query& query);

// Every entry of its one source fits: there is nothing to ask for first.
bool stands_alone(const runtime::list_query& query);

// As many rows as a page may fetch to judge them.
std::size_t rows_fetched_max(const runtime::list_query& query);

// Column id: up to rows_fetched_max + 1 of them, newest first. Of a label's key one that is null stands for all that come after
// those before it.
list_statement probe_statement(const runtime::list_query& query, list_source source);

// Columns nth, fits, then an entity's (rows.hpp), newest first: the page's rows and one more, or at last the entry at which
// the walk ended, whose nth is walked_max.
list_statement walk_statement(const runtime::list_query& query, list_source source);
list_statement candidates_statement(const runtime::list_query& query,
                                    std::span<const std::optional<runtime::entity_id>> ids);
std::size_t walked_max(const runtime::list_query& query, list_source source);

}  // namespace novapay::postgres
