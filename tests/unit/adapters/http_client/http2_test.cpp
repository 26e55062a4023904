#include <atomic>
#include <mutex>
#include <set>

#include "adapters/http_client/stream_witness.hpp"
#include "tests/unit/adapters/http_client/calls.hpp"
#include "tests/unit/adapters/http_client/frames.hpp"

using namespace novapay::test;

namespace {

using stream_behaviour = std::function<bool(http2_conversation&, std::uint32_t stream, const std::string& body)>;

// A server of HTTP/2 that does so to each request, and a client that trusts it.
struct http2 {
  explicit http2(stream_behaviour does, pool_settings settings = {})
      : server{[does = std::move(does)](conversation& with) {
                 http2_conversation speaks{with};
                 speaks.serve(
                     [&](std::uint32_t stream, const std::string& body) { return does(speaks, stream, body); });
               },
               server_tls{roots.issue("localhost"), true}},
        on{trusting(std::move(settings))} {}

  pool_settings trusting(pool_settings settings) const {
    settings.ca_file = roots.root_file();
    return settings;
  }
  outgoing_call what(std::string body = "amount=1") const { return post(server.url_of("localhost"), std::move(body)); }

  authority roots;
  bad_server server;
  caller on;
};

constexpr std::uint32_t internal_error = 2;
constexpr std::uint32_t refused_stream = 7;
constexpr std::uint32_t http_1_1_required = 13;

}  // namespace

TEST_CASE("http_client/http2: the witness is where libcurl looks") {
  REQUIRE(novapay::adapters::http_client::stream_witness::present());
}

TEST_CASE("http_client/http2: it is spoken where offered, and calls share a connection") {
  std::mutex mutex;
  std::vector<std::uint32_t> held;
  http2 at{[&](http2_conversation& speaks, std::uint32_t stream, const std::string&) {
    const std::lock_guard lock{mutex};
    held.push_back(stream);
    if (held.size() == 20)
      for (const auto each : held) speaks.answer(each);  // all of them were under way at once
    return true;
  }};
  std::vector<pending> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(at.on.send(at.what()));
  for (auto& each : calls) {
    const auto result = each.get();
    check(result, call_fate::answered, "");
    CHECK(result.response.status == 200);
    CHECK(result.response.body == "ok");
    CHECK(result.response.fields == novapay::runtime::http_fields{{"content-length", "2"}});
  }
  CHECK(at.server.connections() == 1);
}

TEST_CASE("http_client/http2: a pool can do without") {
  pool_settings settings;
  settings.http2 = false;
  authority roots;
  settings.ca_file = roots.root_file();
  bad_server server{always(answer()), server_tls{roots.issue("localhost"), true}};
  check(caller{settings}.get(post(server.url_of("localhost"))), call_fate::answered, "");
}

TEST_CASE("http_client/http2: without a length the stream's good end is the answer's, and nothing else is") {
  enum { good, cut, error, error_then_cut };
  for (const int end : {good, cut, error, error_then_cut}) {
    CAPTURE(end);
    http2 at{[&](http2_conversation& speaks, std::uint32_t stream, const std::string&) {
      speaks.head(stream, "");
      speaks.write(data, end == good ? end_stream : 0, stream, "ok");
      if (end == error || end == error_then_cut) speaks.reset_stream(stream, internal_error);
      return end == good || end == error;
    }};
    auto what = at.what();
    what.total_timeout = 2s;
    const auto result = at.on.get(what);
    if (end == good) {
      check(result, call_fate::answered, "");
      CHECK(result.response.body == "ok");
    } else {
      CHECK(result.fate == call_fate::may_be_executed);
    }
  }
}

TEST_CASE("http_client/http2: a refused stream is sent again, and is refused when that does not help") {
  std::atomic<int> seen{0};
  std::atomic<int> refusals{100};
  http2 at{[&](http2_conversation& speaks, std::uint32_t stream, const std::string&) {
    ++seen;
    return refusals-- > 0 ? speaks.reset_stream(stream, refused_stream) : speaks.answer(stream);
  }};
  check(at.on.get(at.what()), call_fate::refused, "stream_refused");
  CHECK(seen == 4);
  refusals = 2;
  check(at.on.get(at.what()), call_fate::answered, "");
  CHECK(seen == 7);
  refusals = 1;  // of a connection that has been used
  check(at.on.get(at.what()), call_fate::answered, "");
  CHECK(seen == 9);
}

TEST_CASE("http_client/http2: other errors of a stream leave it in doubt") {
  for (const auto error : {internal_error, http_1_1_required, std::uint32_t{0}}) {
    CAPTURE(error);
    std::atomic<int> seen{0};
    http2 at{[&](http2_conversation& speaks, std::uint32_t stream, const std::string&) {
      if (++seen == 2) return speaks.reset_stream(stream, error);
      return speaks.answer(stream);
    }};
    check(at.on.get(at.what()), call_fate::answered, "");
    CHECK(at.on.get(at.what()).fate == call_fate::may_be_executed);
    CHECK(seen == 2);
  }
}

TEST_CASE("http_client/http2: streams above a GOAWAY's last are sent anew, the others are answered") {
  std::mutex mutex;
  std::vector<std::uint32_t> held;
  std::atomic<bool> first{true};
  http2 at{[&](http2_conversation& speaks, std::uint32_t stream, const std::string& body) {
    if (!first) return speaks.answer(stream);
    const std::lock_guard lock{mutex};
    held.push_back(stream);
    if (held.size() < 4) return true;
    first = false;
    speaks.go_away(held[1], 0);
    return speaks.answer(held[0], body) && speaks.answer(held[1], body);
  }};
  std::vector<pending> calls;
  for (int i = 0; i < 4; ++i) calls.push_back(at.on.send(at.what()));
  for (auto& each : calls) check(each.get(), call_fate::answered, "");
  check(at.on.get(at.what()), call_fate::answered, "");
  CHECK(at.server.connections() == 2);
}

TEST_CASE("http_client/http2: a connection that ends leaves its calls in doubt") {
  std::atomic<int> seen{0};
  http2 at{[&](http2_conversation&, std::uint32_t, const std::string&) { return ++seen < 5; }};
  std::vector<pending> calls;
  for (int i = 0; i < 5; ++i) calls.push_back(at.on.send(at.what()));
  for (auto& each : calls) CHECK(each.get().fate == call_fate::may_be_executed);
  CHECK(seen == 5);
}

TEST_CASE("http_client/http2: canceling one call does not touch the others of its connection") {
  std::mutex mutex;
  std::vector<std::uint32_t> held;
  event both;
  event canceled;
  http2 at{[&](http2_conversation& speaks, std::uint32_t stream, const std::string& body) {
    held.push_back(stream);
    if (held.size() < 2) return true;
    both.happens();
    canceled.wait();
    for (const auto each : held) speaks.answer(each, body);
    return true;
  }};
  auto one = at.on.send(at.what());
  auto other = at.on.send(at.what());
  REQUIRE(both.wait());
  at.on.http.cancel(one.id);
  check(one.get(), call_fate::may_be_executed, "canceled");
  canceled.happens();
  check(other.get(), call_fate::answered, "");
  check(at.on.get(at.what()), call_fate::answered, "");
  CHECK(at.server.connections() == 1);
}
