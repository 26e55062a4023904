// query: the query string, and what a list is filtered by.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/errors.hpp"
#include "runtime/journal.hpp"

namespace novapay::gateway {

inline constexpr std::size_t query_parameters_max = 32;
inline constexpr std::size_t list_limit_default = 20;

struct query_parameter {
  std::string name;  // decoded: "created[gte]"
  std::string value;
};

// "a=1&b[c]=x%20y". Errors: bad escapes, invalid UTF-8, a name given twice, too many; what secret_guard refuses.
result<std::vector<query_parameter>> parse_query(std::string_view text);

struct list_request {
  std::optional<std::string> idempotency_key;  // then nothing else is set
  runtime::list_query query;                   // scope and kind are left to who knows them
};
result<list_request> read_list(const std::vector<query_parameter>& parameters);

}  // namespace novapay::gateway
