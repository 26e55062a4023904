#include "tests/perf/loadgen/answer.hpp"

#include <strings.h>

#include <charconv>
#include <string>

namespace loadgen {
namespace {

// The value after a name in lower case and ": ", if this is that field.
std::string_view value_of(std::string_view line, std::string_view name) {
  if (line.size() < name.size() + 1 || line[name.size()] != ':' ||
      strncasecmp(line.data(), name.data(), name.size()) != 0)
    return {};
  line.remove_prefix(name.size() + 1);
  while (line.starts_with(' ')) line.remove_prefix(1);
  return line;
}

template <class Number>
bool read_number(std::string_view text, Number& into) {
  return std::from_chars(text.data(), text.data() + text.size(), into).ec == std::errc{};
}

void read_field(std::string_view line, answer& into, std::size_t& length) {
  switch (line.empty() ? '\0' : line.front() | 0x20) {
    case 'c':
      if (const auto size = value_of(line, "content-length"); !size.empty()) read_number(size, length);
      if (value_of(line, "connection") == "close") into.close = true;
      return;
    case 'r':
      if (!value_of(line, "retry-after").empty()) into.retry_after = true;
      return;
    case 's':
      if (const auto timing = value_of(line, "server-timing"); !timing.empty()) {
        constexpr std::string_view own = "novapay;dur=";
        if (const auto at = timing.find(own); at != timing.npos)
          read_number(timing.substr(at + own.size()), into.own_ms);
      }
      return;
    default: return;
  }
}

// The text member of that name, its first appearance; our own JSON has no blanks and no escapes in these.
std::string_view member(std::string_view body, std::string_view quoted_name) {
  const auto at = body.find(quoted_name);
  if (at == body.npos) return {};
  const auto rest = body.substr(at + quoted_name.size());
  return rest.substr(0, rest.find('"'));
}

}  // namespace

std::string_view answer::id() const { return member(body, "\"id\":\""); }
std::string_view answer::state() const { return member(body, "\"status\":\""); }
std::string_view answer::error() const { return member(body, "\"code\":\""); }

read_result read_answer(std::string_view bytes, answer& into) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == bytes.npos) return read_result::incomplete;
  if (!bytes.starts_with("HTTP/1.1 ") || !read_number(bytes.substr(9, 3), into.status)) return read_result::malformed;
  std::size_t length = 0;
  auto fields = bytes.substr(0, end);
  for (auto at = fields.find("\r\n"); at != fields.npos; at = fields.find("\r\n")) {
    fields.remove_prefix(at + 2);
    read_field(fields.substr(0, fields.find("\r\n")), into, length);
  }
  into.size = end + 4 + length;
  if (bytes.size() < into.size) return read_result::incomplete;
  into.body = bytes.substr(end + 4, length);
  return read_result::complete;
}

}  // namespace loadgen
