#include "adapters/http/head.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

using namespace novapay::adapters::http;
using novapay::runtime::http_refusal;

namespace {

std::string request(const std::string& fields, const std::string& line = "POST /v1/x HTTP/1.1") {
  return line + "\r\nHost: a.example:8080\r\n" + fields + "\r\n";
}

// The refusal's name, or "" for a head that is accepted.
std::string verdict(const std::string& head) {
  const auto checked = check_head(head);
  if (!std::holds_alternative<refused>(checked)) return "";
  CHECK_FALSE(std::get<refused>(checked).detail.empty());
  switch (std::get<refused>(checked).why) {
    case http_refusal::malformed: return "malformed";
    case http_refusal::head_too_large: return "head_too_large";
    case http_refusal::expectation_failed: return "expectation_failed";
    case http_refusal::version: return "version";
    case http_refusal::not_implemented: return "not_implemented";
    default: return "another";
  }
}

}  // namespace

TEST_CASE("http/head: ordinary heads pass, and say how long the body is and what becomes of the connection") {
  const auto plain = std::get<head_facts>(check_head(request("Content-Length: 12\r\nX-A:  \tb c\t \r\nEmpty:\r\n")));
  CHECK(plain.content_length == 12);
  CHECK(plain.keep_alive);
  CHECK_FALSE(plain.chunked);

  const auto chunked =
      std::get<head_facts>(check_head(request("transfer-encoding: CHUNKED\r\nConnection: x, Close\r\n")));
  CHECK(chunked.chunked);
  CHECK_FALSE(chunked.keep_alive);

  CHECK(std::get<head_facts>(check_head(request("Expect: 100-Continue\r\nContent-Length: 1\r\n"))).expects_continue);
  CHECK_FALSE(std::get<head_facts>(check_head("GET / HTTP/1.0\r\n\r\n")).keep_alive);
  CHECK(std::get<head_facts>(check_head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")).keep_alive);
  CHECK_FALSE(std::get<head_facts>(check_head("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")).expects_continue);
  CHECK(verdict(request("X-Name: caf\xc3\xa9\r\n")).empty());
}

TEST_CASE("http/head: shapes used for request smuggling are malformed") {
  for (const char* fields : {
           "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
           "Content-Length: 5\r\nContent-Length: 5\r\n",
           "Content-Length: 5\r\nContent-Length: 6\r\n",
           "Content-Length: 5, 5\r\n",
           "Content-Length: +5\r\n",
           "Content-Length: -5\r\n",
           "Content-Length: 5 5\r\n",
           "Content-Length: 0x5\r\n",
           "Content-Length: 5.\r\n",
           "Content-Length:\r\n",
           "Content-Length: \"5\"\r\n",
           "Content-Length: 99999999999999999999999\r\n",
           "Content-Length: 0000000000000000005\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding:\r\n",
           "Transfer-Encoding: \x0b"
           "chunked\r\n",
           "Transfer-Encoding: \"chunked\"\r\n",
           "Transfer-Encoding: chunked;a=b\r\n",
           "X-A: b\r\n folded\r\n",
           "X-A: b\r\n\tfolded\r\n",
           " X-A: b\r\n",
           "X-A : b\r\n",
           "X-A\t: b\r\n",
           ": b\r\n",
           "X-A\r\n",
           "X(A): b\r\n",
           "X-\xc3\xa9: b\r\n",
           "X-A: b\x01\r\n",
           "X-A: b\x7f\r\n",
           "X-A: b\rc\r\n",
           "X-A: b\nc\r\n",
           "Host: b.example\r\n",
           "Host: a.example:8080\r\n",
           "Content-Length : 5\r\n",
           "Transfer-Encoding : chunked\r\n",
       }) {
    CAPTURE(std::string{fields});
    CHECK(verdict(request(fields)) == "malformed");
  }
  CHECK(verdict(request(std::string{"X-A: b\0c\r\n", 10})) == "malformed");
  CHECK(verdict("GET / HTTP/1.1\r\n\r\n") == "malformed");
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n") == "malformed");
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n") == "malformed");
  CHECK(verdict("GET / HTTP/1.1\r\nHost: u@b\r\n\r\n") == "malformed");
  CHECK(verdict("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == "malformed");
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\n") == "malformed");
}

TEST_CASE("http/head: what is HTTP but not supported has a refusal of its own") {
  CHECK(verdict(request("Transfer-Encoding: gzip, chunked\r\n")) == "not_implemented");
  CHECK(verdict(request("Transfer-Encoding: identity\r\n")) == "not_implemented");
  CHECK(verdict(request("Transfer-Encoding: xchunked\r\n")) == "not_implemented");
  CHECK(verdict(request("Expect: money\r\n")) == "expectation_failed");
  for (const char* line : {"GET / HTTP/2.0", "GET / HTTP/1.2", "GET / HTTP/0.9", "PRI * HTTP/2.0"})
    CHECK(verdict(request("", line)) == "version");
  std::string many;
  for (std::size_t i = 0; i < fields_max; ++i) many += "X: y\r\n";
  CHECK(verdict(request(many)) == "head_too_large");
}

TEST_CASE("http/head: a request line is a token, a path and a version, one space apart") {
  for (const char* line :
       {"GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET / x HTTP/1.1", "/ HTTP/1.1",
        "GET / http/1.1", "GET / HTTP/11", "GET / HTTP/1.1x", "G(T / HTTP/1.1", "GET x HTTP/1.1", "GET /\x01 HTTP/1.1",
        "GET /\xc3\xa9 HTTP/1.1", "GET /a#b HTTP/1.1", "GET\t/\tHTTP/1.1", "CONNECT a.example:443 HTTP/1.1",
        "GET * HTTP/1.1", "GET ftp://a/ HTTP/1.1", ""}) {
    CAPTURE(std::string{line});
    CHECK(verdict(request("", line)) == "malformed");
  }
  CHECK(verdict(request("", "OPTIONS * HTTP/1.1")).empty());
}

TEST_CASE("http/origin_form: an absolute target is reduced to its path") {
  CHECK(origin_form("GET", "/v1/x?a=//b") == "/v1/x?a=//b");
  CHECK(origin_form("GET", "http://a.example/v1/x?y") == "/v1/x?y");
  CHECK(origin_form("GET", "HTTPS://a.example:8443/") == "/");
  CHECK(origin_form("GET", "http://a.example") == "");
  CHECK(origin_form("GET", "http://a.example?y") == "?y");
  CHECK_FALSE(origin_form("GET", "http:///x"));
  CHECK_FALSE(origin_form("GET", "http://user@a.example/x"));
  CHECK_FALSE(origin_form("GET", ""));
}

TEST_CASE("http/find_head_end: the empty line is found wherever the bytes were cut") {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string bytes = head + "body\r\n\r\n";
  for (std::size_t cut = 1; cut < head.size(); ++cut) {
    head_search search;
    CHECK(find_head_end(std::string_view{bytes}.substr(0, cut), search) == head_state::incomplete);
    CHECK(find_head_end(bytes, search) == head_state::complete);
    CHECK(search.scanned == head.size());
  }
}

TEST_CASE("http/find_head_end: a bare LF and what is not HTTP are noticed at once") {
  for (const char* bytes :
       {"GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nHost: a\n\n", "\x16\x03\x01", "\n", "\r\n", " GET"}) {
    head_search search;
    const std::string_view text{bytes};
    if (text == "\r\n") continue;  // a leading empty line is the reader's business
    CHECK(find_head_end(text, search) == head_state::malformed);
  }
}
