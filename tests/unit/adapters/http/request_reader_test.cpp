#include "adapters/http/request_reader.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using namespace novapay::adapters::http;
using novapay::runtime::http_refusal;
using novapay::runtime::http_request;

namespace {

struct outcome {
  std::vector<http_request> requests;
  bool refused = false;
  http_refusal why{};
};

// Feeds `bytes` in pieces of the lengths `next_piece` gives, as a connection does.
template <class NextPiece>
outcome feed(const std::string& bytes, NextPiece next_piece, request_limits limits = {}) {
  request_reader reader{limits};
  outcome got;
  std::string buffer;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto piece = std::min(next_piece(), bytes.size() - at);
    buffer.append(bytes, at, piece);
    at += piece;
    for (;;) {
      std::size_t used = 0;
      const auto step = reader.read(buffer, used);
      buffer.erase(0, used);
      if (step == request_reader::step::need_more) break;
      if (step == request_reader::step::refused) {
        got.refused = true;
        got.why = reader.refusal().why;
        return got;
      }
      got.requests.push_back(reader.take());
    }
  }
  return got;
}
outcome whole(const std::string& bytes, request_limits limits = {}) {
  return feed(
      bytes, [&] { return bytes.size(); }, limits);
}

const std::string stream =
    "POST /v1/payments?a=b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
    "13\r\n\r\n{\"amount\":12}"
    "\r\nGET http://x/v1/y HTTP/1.1\r\nhost:x\r\n\r\n"
    "PUT / HTTP/1.1\r\nHOST: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    "4\r\nabcd\r\n00a;ext=1;q=\"a b\"\r\n0123456789\r\n0\r\nX-Trailer: no\r\nAuthorization: evil\r\n\r\n"
    "HEAD /last HTTP/1.0\r\n\r\n"
    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";

void check_stream(const outcome& got) {
  REQUIRE_FALSE(got.refused);
  REQUIRE(got.requests.size() == 6);
  const auto& first = got.requests[0];
  CHECK(first.method == "POST");
  CHECK(first.target == "/v1/payments?a=b");
  CHECK(first.field("content-type") == "application/json");
  CHECK(first.body == "{\"amount\":12}");
  CHECK(got.requests[1].target == "/v1/y");
  CHECK(got.requests[1].field("host") == "x");
  CHECK(got.requests[2].body == "abcd0123456789");
  CHECK(got.requests[2].fields.size() == 2);  // the trailers are not among them
  CHECK(got.requests[3].method == "HEAD");
  CHECK(got.requests[4].body.empty());
  CHECK(got.requests[5].body.empty());
}

std::string chunked(const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("http/request_reader: the same bytes give the same requests, however they are cut") {
  check_stream(whole(stream));
  check_stream(feed(stream, [] { return std::size_t{1}; }));
  for (unsigned seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    check_stream(feed(stream, [&] { return 1 + random() % (seed % 3 == 0 ? 60 : 9); }));
  }
}

TEST_CASE("http/request_reader: chunks that are not well formed are refused") {
  for (const char* body : {"5 \r\nabcde\r\n0\r\n\r\n", "+5\r\nabcde\r\n0\r\n\r\n", "0x5\r\nabcde\r\n0\r\n\r\n", "g\r\n",
                           "-1\r\n", "\r\n", "5\nabcde\n0\n\n", "5\r\nabcdeXX0\r\n\r\n", "5\r\nabcdef\r\n0\r\n\r\n",
                           "fffffffffffffffff\r\n", "5;a=\"\n\"\r\nabcde\r\n0\r\n\r\n", "5\rX\nabcde\r\n0\r\n\r\n",
                           "0\r\nX-A: b\nX-B: c\r\n\r\n", "0\r\n folded\r\n\r\n", ";a\r\n"}) {
    CAPTURE(std::string{body});
    const auto got = whole(chunked(body));
    CHECK(got.refused);
    CHECK(got.why == http_refusal::malformed);
    const auto bytewise = feed(chunked(body), [] { return std::size_t{1}; });
    CHECK(bytewise.refused);
  }
}

TEST_CASE("http/request_reader: limits hold for heads, bodies, chunks and trailers, to the byte") {
  const request_limits limits{256, 100};
  const auto head_of = [](std::size_t bytes) {
    const std::string frame = "GET / HTTP/1.1\r\nHost: x\r\nX: \r\n\r\n";
    return "GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(bytes - frame.size(), 'y') + "\r\n\r\n";
  };
  CHECK(whole(head_of(256), limits).requests.size() == 1);
  CHECK(whole(head_of(257), limits).why == http_refusal::head_too_large);
  CHECK(feed(
            head_of(257), [] { return std::size_t{1}; }, limits)
            .why == http_refusal::head_too_large);
  CHECK(whole(std::string(300, 'A'), limits).why == http_refusal::head_too_large);

  const auto body_of = [](std::size_t bytes) {
    return "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n" +
           std::string(bytes, 'z');
  };
  CHECK(whole(body_of(100), limits).requests.size() == 1);
  CHECK(whole(body_of(101), limits).why == http_refusal::body_too_large);

  const std::string sixty = "3c\r\n" + std::string(60, 'z') + "\r\n";
  const std::string forty = "28\r\n" + std::string(40, 'z') + "\r\n";
  CHECK(whole(chunked(sixty + forty + "0\r\n\r\n"), limits).requests.size() == 1);
  CHECK(whole(chunked(sixty + sixty), limits).why == http_refusal::body_too_large);
  CHECK(whole(chunked("5;a=" + std::string(300, 'b')), limits).why == http_refusal::head_too_large);
  CHECK(whole(chunked("0\r\nX: " + std::string(300, 'b')), limits).why == http_refusal::head_too_large);
}

TEST_CASE("http/request_reader: one empty line before a request is forgiven, two are not") {
  CHECK(whole("\r\nGET / HTTP/1.0\r\n\r\n").requests.size() == 1);
  CHECK(whole("\r\n\r\nGET / HTTP/1.0\r\n\r\n").why == http_refusal::malformed);
  CHECK(whole("\nGET / HTTP/1.0\r\n\r\n").why == http_refusal::malformed);
}

TEST_CASE("http/request_reader: a target without a path gets one") {
  CHECK(whole("GET http://x HTTP/1.1\r\nHost: x\r\n\r\n").requests.at(0).target == "/");
  CHECK(whole("GET http://x?a=b HTTP/1.1\r\nHost: x\r\n\r\n").requests.at(0).target == "/?a=b");
}

TEST_CASE("http/request_reader: random bytes never do harm") {
  const std::string alphabet = "GETPOS /HTP1.0:\r\n\r\n5a;=\"chunked";
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    std::mt19937 random{seed};
    std::string bytes = seed % 2 == 0 ? chunked("") : "GET / HTTP/1.1\r\nHost: x\r\n";
    for (unsigned i = 0; i < 60; ++i)
      bytes += random() % 4 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
    feed(bytes, [&] { return 1 + random() % 20; }, {512, 64});
  }
}
