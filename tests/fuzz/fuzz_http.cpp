// http: bytes of a connection → requests. However the bytes are cut up, the same requests come out, in the same order, and the
// same end: waiting for more, or refused. What comes out keeps to the limits and to HTTP's grammar.
#include <algorithm>

#include "adapters/http/request_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace novapay;
using adapters::http::request_reader;
using fuzz::must;

constexpr adapters::http::request_limits limits{512, 256};  // small, so that inputs reach them

struct outcome {
  std::vector<runtime::http_request> requests;
  bool refused = false;
  runtime::http_refusal why{};
};

// As a connection does: what a read leaves over stays in front of what comes next.
template <class NextPiece>
outcome feed(std::string_view bytes, NextPiece next_piece) {
  request_reader reader{limits};
  outcome got;
  std::string buffer;
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, next_piece());
    buffer += piece;
    bytes.remove_prefix(piece.size());
    for (;;) {
      std::size_t used = 0;
      const auto step = reader.read(buffer, used);
      must(used <= buffer.size(), "no more is used than was given");
      buffer.erase(0, used);
      if (step == request_reader::step::need_more) break;
      if (step == request_reader::step::refused) {
        got.refused = true;
        got.why = reader.refusal().why;
        must(!reader.refusal().detail.empty(), "a refusal says why");
        return got;
      }
      got.requests.push_back(reader.take());
    }
    must(buffer.size() <= limits.head_bytes_max + limits.body_bytes_max, "what waits is bounded");
  }
  return got;
}

void check(const runtime::http_request& request) {
  must(request.body.size() <= limits.body_bytes_max, "the body's limit holds");
  must(!request.method.empty() && request.method.find_first_of(" \r\n\t") == std::string::npos,
       "the method is a token");
  must(request.target == "*" || request.target.starts_with('/'), "the target is a path");
  must(request.target.find_first_of(std::string_view{" \r\n\t\0", 5}) == std::string::npos, "the target is one word");
  for (const auto& [name, value] : request.fields) {
    must(!name.empty(), "a field has a name");
    must(std::none_of(name.begin(), name.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c <= ' ' || c == ':'; }),
         "a field's name is a token in lower case");
    must(value.find_first_of(std::string_view{"\r\n\0", 3}) == std::string::npos, "a value is one line");
  }
}

bool same(const runtime::http_request& a, const runtime::http_request& b) {
  return a.method == b.method && a.target == b.target && a.fields == b.fields && a.body == b.body;
}

void agree(const outcome& a, const outcome& b) {
  must(a.requests.size() == b.requests.size(), "as many requests, however the bytes are cut");
  for (std::size_t i = 0; i < a.requests.size(); ++i) must(same(a.requests[i], b.requests[i]), "the same requests");
  must(a.refused == b.refused, "refused, however the bytes are cut");
  // Of two reasons the first to be seen is told: an endless head may show its mistake before or after its limit.
  const auto limit = runtime::http_refusal::head_too_large;
  must(!a.refused || a.why == b.why || a.why == limit || b.why == limit, "for the same reason");
}

}  // namespace

// Two bytes choose the cuts, the rest is the stream.
FUZZ_TARGET(http) {
  fuzz::choices choose{input};
  std::uint32_t random = static_cast<std::uint32_t>(choose.number(2)) + 1;
  const auto whole = feed(choose.rest(), [] { return std::string_view::npos; });
  for (const auto& request : whole.requests) check(request);
  agree(whole, feed(choose.rest(), [] { return std::size_t{1}; }));
  agree(whole, feed(choose.rest(), [&] {
          random = random * 1664525 + 1013904223;
          return std::size_t{1} + (random >> 24) % 31;
        }));
}
