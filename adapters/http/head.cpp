#include "adapters/http/head.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace novapay::adapters::http {
namespace {

using runtime::http_refusal;

enum : std::uint8_t { token_char = 1, value_char = 2, target_char = 4, host_char = 8 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  const auto mark = [&](std::string_view chars, std::uint8_t what) {
    for (const char c : chars) classes[static_cast<unsigned char>(c)] |= what;
  };
  for (unsigned c = 0; c < 256; ++c) {
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (alnum) classes[c] |= token_char | host_char;
    if (c > 0x20 && c < 0x7f && c != '#') classes[c] |= target_char;
    if (c >= 0x20 && c != 0x7f) classes[c] |= value_char;
  }
  mark("!#$%&'*+-.^_`|~", token_char);
  mark("\t", value_char);
  mark("-._~:%[]", host_char);
  return classes;
}
constexpr auto classes = make_classes();

bool all_are(std::string_view text, std::uint8_t what) noexcept {
  return std::all_of(text.begin(), text.end(), [what](unsigned char c) { return (classes[c] & what) != 0; });
}

bool same_word(std::string_view text, std::string_view lower_case) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [&](char a, char b) { return lower(a) == b; });
}

std::string_view trimmed(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

refused malformed(std::string_view detail) noexcept { return {http_refusal::malformed, detail}; }
using objection = std::optional<refused>;

objection check_request_line(std::string_view line, head_facts& facts) noexcept {
  const auto method_end = line.find(' ');
  const auto target_end = line.rfind(' ');
  if (method_end == std::string_view::npos || target_end == method_end)
    return malformed("The request line is not a method, a target and a version");
  const auto method = line.substr(0, method_end);
  const auto target = line.substr(method_end + 1, target_end - method_end - 1);
  const auto version = line.substr(target_end + 1);
  if (method.empty() || !all_are(method, token_char)) return malformed("The method is not a token");
  const auto digit = [&](std::size_t i) { return version[i] >= '0' && version[i] <= '9'; };
  if (version.size() != 8 || !version.starts_with("HTTP/") || version[6] != '.' || !digit(5) || !digit(7))
    return malformed("The request line does not end in an HTTP version");
  facts.http_1_0 = version == "HTTP/1.0";
  if (!facts.http_1_0 && version != "HTTP/1.1")
    return refused{http_refusal::version, "Only HTTP/1.1 and HTTP/1.0 are spoken here"};
  if (!all_are(target, target_char)) return malformed("The request target contains a character that must be escaped");
  if (!origin_form(method, target)) return malformed("The request target is not a path");
  return std::nullopt;
}

struct seen_fields {
  std::size_t all = 0, hosts = 0, lengths = 0, codings = 0;
  bool wants_close = false, wants_keep_alive = false, other_expectation = false;
};

objection check_content_length(std::string_view value, head_facts& facts) noexcept {
  constexpr std::size_t digits_max = 18;  // fits 64 bits, and no body is that long
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  const bool digits = !value.empty() && error == std::errc{} && end == value.data() + value.size();
  if (!digits || value.size() > digits_max) return malformed("Content-Length is not a plain number");
  facts.content_length = length;
  return std::nullopt;
}

objection check_transfer_encoding(std::string_view value, head_facts& facts) noexcept {
  if (same_word(value, "chunked")) {
    facts.chunked = true;
    return std::nullopt;
  }
  const bool list = std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return (classes[c] & token_char) != 0 || c == ',' || c == ' ' || c == '\t';
  });
  if (value.empty() || !list) return malformed("Transfer-Encoding is not a list of transfer codings");
  return refused{http_refusal::not_implemented, "The only transfer coding supported is chunked"};
}

void note_connection(std::string_view value, seen_fields& seen) noexcept {
  while (!value.empty()) {
    const auto comma = std::min(value.find(','), value.size());
    const auto option = trimmed(value.substr(0, comma));
    seen.wants_close = seen.wants_close || same_word(option, "close");
    seen.wants_keep_alive = seen.wants_keep_alive || same_word(option, "keep-alive");
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
}

objection check_field(std::string_view line, head_facts& facts, seen_fields& seen) noexcept {
  if (++seen.all > fields_max) return refused{http_refusal::head_too_large, "The request has too many header fields"};
  if (!is_field_line(line)) return malformed("A header field is not a name, a colon and a value on one line");
  const auto colon = line.find(':');
  const auto name = line.substr(0, colon);
  const auto value = trimmed(line.substr(colon + 1));

  switch (name.size()) {  // the few that decide where the request ends and to whom it goes
    case 4:
      if (!same_word(name, "host")) break;
      ++seen.hosts;
      if (!all_are(value, host_char)) return malformed("Host is not a host name");
      break;
    case 6:
      if (!same_word(name, "expect")) break;
      if (same_word(value, "100-continue"))
        facts.expects_continue = true;
      else
        seen.other_expectation = true;
      break;
    case 10:
      if (same_word(name, "connection")) note_connection(value, seen);
      break;
    case 14:
      if (!same_word(name, "content-length")) break;
      if (++seen.lengths > 1) return malformed("Content-Length is given more than once");
      return check_content_length(value, facts);
    case 17:
      if (!same_word(name, "transfer-encoding")) break;
      if (++seen.codings > 1) return malformed("Transfer-Encoding is given more than once");
      return check_transfer_encoding(value, facts);
    default: break;
  }
  return std::nullopt;
}

objection check_together(head_facts& facts, const seen_fields& seen) noexcept {
  if (seen.codings > 0 && seen.lengths > 0)
    return malformed("Content-Length and Transfer-Encoding contradict each other");
  if (seen.codings > 0 && facts.http_1_0) return malformed("HTTP/1.0 has no Transfer-Encoding");
  if (seen.hosts > 1) return malformed("Host is given more than once");
  if (seen.hosts == 0 && !facts.http_1_0) return malformed("Host is missing");
  if (seen.other_expectation && !facts.http_1_0)
    return refused{http_refusal::expectation_failed, "The only expectation supported is 100-continue"};
  if (facts.http_1_0) facts.expects_continue = false;
  facts.keep_alive = facts.http_1_0 ? seen.wants_keep_alive && !seen.wants_close : !seen.wants_close;
  return std::nullopt;
}

}  // namespace

head_state find_head_end(std::string_view bytes, head_search& search) noexcept {
  if (!bytes.empty() && (classes[static_cast<unsigned char>(bytes.front())] & token_char) == 0)
    return head_state::malformed;
  while (search.scanned < bytes.size()) {
    const auto* start = bytes.data() + search.scanned;
    const auto* found = static_cast<const char*>(std::memchr(start, '\n', bytes.size() - search.scanned));
    if (found == nullptr) {
      search.scanned = bytes.size();
      break;
    }
    const auto at = static_cast<std::size_t>(found - bytes.data());
    if (at == 0 || bytes[at - 1] != '\r') return head_state::malformed;
    const bool empty_line = at - 1 == search.line_start;
    search.scanned = search.line_start = at + 1;
    if (empty_line) return head_state::complete;
  }
  return head_state::incomplete;
}

std::variant<head_facts, refused> check_head(std::string_view head) noexcept {
  head_facts facts;
  seen_fields seen;
  bool first = true;
  for (;;) {
    const auto end = head.find("\r\n");
    if (end == std::string_view::npos) return malformed("The request's head does not end in an empty line");
    const auto line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.empty() && !first) break;
    const auto objection = first ? check_request_line(line, facts) : check_field(line, facts, seen);
    if (objection) return *objection;
    first = false;
  }
  if (const auto objection = check_together(facts, seen)) return *objection;
  return facts;
}

bool is_field_line(std::string_view line) noexcept {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  return all_are(line.substr(0, colon), token_char) && is_field_text(line.substr(colon + 1));
}

bool is_field_text(std::string_view text) noexcept { return all_are(text, value_char); }

std::optional<std::string_view> origin_form(std::string_view method, std::string_view target) noexcept {
  if (target.starts_with('/')) return target;
  if (target == "*") return method == "OPTIONS" ? std::optional{target} : std::nullopt;
  const auto scheme_end = target.find("://");
  if (scheme_end == std::string_view::npos) return std::nullopt;
  const auto scheme = target.substr(0, scheme_end);
  if (!same_word(scheme, "http") && !same_word(scheme, "https")) return std::nullopt;
  target.remove_prefix(scheme_end + 3);
  const auto path = std::min(target.find_first_of("/?"), target.size());
  if (path == 0 || !all_are(target.substr(0, path), host_char)) return std::nullopt;
  return target.substr(path);
}

}  // namespace novapay::adapters::http
