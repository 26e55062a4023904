// log: one JSON object a line, as a port. Thread-safe, never throws, never blocks on a slow reader for long.
//
// Never pass a token, an API key, a header value or a body: fields are names, ids, counts and durations.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace novapay::runtime {

enum class log_level { debug, info, warning, error };

using log_value = std::variant<std::string_view, std::int64_t, double, bool>;
using log_field = std::pair<std::string_view, log_value>;

class log {
 public:
  virtual ~log() = default;
  virtual void write(log_level level, std::string_view message, std::initializer_list<log_field> fields) = 0;
};

}  // namespace novapay::runtime
