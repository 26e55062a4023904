#include "adapters/http_client/verdict.hpp"

#include <curl/curl.h>
#include <doctest/doctest.h>

#include <cerrno>
#include <string_view>

using namespace novapay::adapters::http_client;
using novapay::runtime::call_fate;

namespace {

void check(const evidence& seen, call_fate fate, std::string_view reason, const answer_reader& got = {}) {
  CAPTURE(seen.curl_code);
  const auto found = judge(seen, got);
  CHECK(to_text(found.fate) == to_text(fate));
  CHECK(std::string_view{found.reason} == reason);
}

evidence ended_with(int code, bool begun, int os_error = 0) {
  evidence out;
  out.curl_code = code;
  out.begun = begun;
  out.os_error = os_error;
  return out;
}

answer_reader whole() {
  answer_reader out{100, false};
  for (const auto* line : {"HTTP/1.1 200 OK\r\n", "content-length: 2\r\n", "\r\n"}) REQUIRE(out.line(line));
  REQUIRE(out.body("ok"));
  return out;
}

}  // namespace

TEST_CASE("http_client/verdict: before the request began, nothing was sent, whatever libcurl says") {
  check(ended_with(CURLE_COULDNT_RESOLVE_HOST, false), call_fate::never_sent, "dns_failed");
  check(ended_with(CURLE_COULDNT_CONNECT, false, ECONNREFUSED), call_fate::refused, "connect_refused");
  check(ended_with(CURLE_COULDNT_CONNECT, false, ETIMEDOUT), call_fate::never_sent, "connect_timeout");
  check(ended_with(CURLE_COULDNT_CONNECT, false, ENETUNREACH), call_fate::never_sent, "connect_failed");
  check(ended_with(CURLE_PEER_FAILED_VERIFICATION, false), call_fate::refused, "tls_failed");
  check(ended_with(CURLE_SSL_CACERT_BADFILE, false), call_fate::never_sent, "tls_failed");
  for (int code = 1; code < CURL_LAST; ++code) {
    const auto fate = judge(ended_with(code, false), {}).fate;
    const bool unsent = fate == call_fate::never_sent || fate == call_fate::refused;
    CHECK_MESSAGE(unsent, code);
  }
}

TEST_CASE("http_client/verdict: once it began, only a whole answer leaves no doubt") {
  for (int code = 0; code < CURL_LAST; ++code)
    check(ended_with(code, true), call_fate::may_be_executed, judge(ended_with(code, true), {}).reason);
  check(ended_with(CURLE_OK, true), call_fate::answered, "", whole());
  for (int code = 1; code < CURL_LAST; ++code)
    CHECK_MESSAGE(judge(ended_with(code, true), whole()).fate == call_fate::may_be_executed, code);

  auto repeated = ended_with(CURLE_COULDNT_CONNECT, true, ECONNREFUSED);  // of the second attempt that is not made
  repeated.repetition = true;
  check(repeated, call_fate::may_be_executed, "connection_lost");
}
