// head: what a request's head must be before anybody acts on it, as pure functions over its bytes.
//
// Why, when Beast parses too: two programs that disagree where a request ends let one client put words into another's
// mouth (request smuggling). Beast 1.81 accepts obs-fold, a Content-Length that is a list or repeated with the same
// value, unknown transfer codings (as no body at all), several Host fields or none, '#' and bytes above 127 in the
// target. We refuse all that can be read in two ways. Sources: RFC 9110, RFC 9112 (sections 2.2, 3, 5, 6 and 11.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "runtime/http.hpp"

namespace novapay::adapters::http {

// Beyond this many fields a head is refused as too large.
inline constexpr std::size_t fields_max = 100;

struct refused {
  runtime::http_refusal why{};
  std::string_view detail;  // one English sentence without a full stop; lives forever; never quotes the client
};

// How far the end of a head has been searched for, so that a head sent byte by byte is not searched again each time.
struct head_search {
  std::size_t scanned = 0;
  std::size_t line_start = 0;
};
enum class head_state { incomplete, complete, malformed };

// Looks for the empty line that ends the head. `bytes` begins with the request line, and with what was given to the
// earlier calls with this `search`. `complete`: search.scanned is the length of the head, with its last CRLF.
// A bare LF is `malformed` at once, as is a first byte that no method starts with (a TLS hello, for one).
head_state find_head_end(std::string_view bytes, head_search& search) noexcept;

struct head_facts {
  bool http_1_0 = false;
  bool keep_alive = true;         // what the client wishes
  bool expects_continue = false;  // Expect: 100-continue
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
};

// `head` as find_head_end delimits it: request line, fields, empty line.
std::variant<head_facts, refused> check_head(std::string_view head) noexcept;

// "name: value" with a token for a name, no fold, no control characters. For trailers; a head's fields are held to
// more.
bool is_field_line(std::string_view line) noexcept;
// No control character but the tab.
bool is_field_text(std::string_view text) noexcept;

// Path and query of a request target: "/v1/x?y" as it is; "http://host/v1/x?y" → "/v1/x?y"; "*" only for OPTIONS.
// nullopt: neither (a CONNECT's authority, say). "http://host?y" → "?y": the caller puts the "/" before it.
std::optional<std::string_view> origin_form(std::string_view method, std::string_view target) noexcept;

}  // namespace novapay::adapters::http
