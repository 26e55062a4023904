#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "tests/unit/adapters/http_client/calls.hpp"

using namespace novapay::test;

namespace {

std::string text_of_length(std::size_t size) { return std::string(size, 'x'); }

// What one call meets on a fresh connection.
call_result meets(behaviour does, outgoing_call what = post("")) {
  bad_server server{std::move(does)};
  what.url = server.url("/v1/refunds");
  return caller{}.get(std::move(what));
}

// A behaviour that reads the request first.
behaviour after_request(std::function<void(conversation&)> then) {
  return [then = std::move(then)](conversation& with) {
    seen_request request;
    if (with.read_request(request)) then(with);
  };
}

behaviour says(std::string bytes) {
  return after_request([bytes = std::move(bytes)](conversation& with) { with.write(bytes); });
}

outgoing_call quick(std::chrono::milliseconds total) {
  auto what = post("");
  what.total_timeout = total;
  return what;
}

}  // namespace

TEST_CASE("http_client: an answer arrives whole, its field names in lower case") {
  seen_request seen;
  const auto result = meets(
      [&](conversation& with) {
        if (with.read_request(seen))
          with.write("HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX-Request-ID:  r1 \r\nEmpty:\r\n\r\nhello");
      },
      post("", "a=1&b=2",
           {{"Authorization", "Bearer s"}, {"Content-Type", "application/x-www-form-urlencoded"}, {"X-Empty", ""}}));

  check(result, call_fate::answered, "");
  CHECK(result.response.status == 201);
  CHECK(result.response.body == "hello");
  CHECK(result.response.fields ==
        novapay::runtime::http_fields{{"content-length", "5"}, {"x-request-id", "r1"}, {"empty", ""}});
  CHECK(result.took > 0us);
  CHECK(seen.body == "a=1&b=2");
  CHECK(seen.head.starts_with("POST /v1/refunds HTTP/1.1\r\nHost: 127.0.0.1:"));
  for (const auto* line : {"\r\nAuthorization: Bearer s\r\n", "\r\nContent-Type: application/x-www-form-urlencoded\r\n",
                           "\r\nContent-Length: 7\r\n", "\r\nX-Empty:\r\n"})
    CHECK(seen.head.find(line) != std::string::npos);
  CHECK(seen.head.find("Expect") == std::string::npos);
}

TEST_CASE("http_client: methods are sent as they are, and a handle's last use does not show") {
  std::mutex mutex;
  std::vector<std::string> lines;
  bad_server server{[&](conversation& with) {
    for (seen_request request; with.read_request(request);) {
      const std::lock_guard lock{mutex};
      lines.push_back(request.head.substr(0, request.head.find("\r\n")) + " " + request.body +
                      (request.head.find("Content-Type") != std::string::npos ? " typed" : ""));
      with.write(request.head.starts_with("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" : answer());
    }
  }};
  caller on;
  const auto send = [&](std::string method, std::string body) {
    auto what = post(server.url("/"), std::move(body));
    what.method = std::move(method);
    check(on.get(std::move(what)), call_fate::answered, "");
  };
  for (const auto* method : {"GET", "POST", "HEAD", "DELETE", "PATCH", "GET", "PUT", "HEAD", "POST"})
    send(method, std::string_view{method} == "POST" || std::string_view{method} == "PATCH" ? "b" : "");
  CHECK(lines == std::vector<std::string>{"GET / HTTP/1.1 ", "POST / HTTP/1.1 b", "HEAD / HTTP/1.1 ",
                                          "DELETE / HTTP/1.1 ", "PATCH / HTTP/1.1 b", "GET / HTTP/1.1 ",
                                          "PUT / HTTP/1.1 ", "HEAD / HTTP/1.1 ", "POST / HTTP/1.1 b"});
  CHECK(server.connections() == 1);
}

TEST_CASE("http_client: any complete final answer is an answer") {
  const std::pair<std::string, int> answers[]{
      {answer("no", {}, "404 Not Found"), 404},
      {answer("oops", {}, "500 Internal Server Error"), 500},
      {"HTTP/1.1 204 No Content\r\n\r\n", 204},
      {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302},
      {"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n", 401},
      {"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", 417},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer(), 200},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nTrailer: t\r\n\r\n", 200},
      {answer() + "more than was announced", 200},
      {answer("ok", "Content-Length: 2\r\n"), 200},
      {answer("ok", "X-Folded: a\r\n b\r\n"), 200},
  };
  for (const auto& [bytes, status] : answers) {
    CAPTURE(bytes);
    const auto result = meets(says(bytes));
    check(result, call_fate::answered, "");
    CHECK(result.response.status == status);
    if (status == 200) CHECK(result.response.body == "ok");
  }
}

TEST_CASE("http_client: an answer that comes before the body was sent is an answer") {
  auto large = post("", text_of_length(32 * 1024 * 1024));
  const auto result = meets(
      [](conversation& with) {
        std::string head;
        if (!with.read_head(head)) return;
        with.write(answer("too large", "Connection: close\r\n", "413 Content Too Large"));
        with.wait_until_closed();
      },
      std::move(large));
  check(result, call_fate::answered, "");
  CHECK(result.response.status == 413);
}

TEST_CASE("http_client: what began and got no complete answer may have been executed") {
  const auto reset = [](conversation& with) { with.reset(); };
  check(meets(after_request(reset)), call_fate::may_be_executed, "connection_lost");
  check(meets(after_request([](conversation&) {})), call_fate::may_be_executed, "connection_lost");
  check(meets([&](conversation& with) {
          std::string some;
          with.read_exactly(some, 10);
          with.reset();
        }),
        call_fate::may_be_executed, "connection_lost");

  const std::string head = "HTTP/1.1 200 OK\r\n";
  check(meets(says(head + "Content-Length: 10\r\n\r\n12345")), call_fate::may_be_executed, "truncated");
  check(meets(says(head + "Content-Le")), call_fate::may_be_executed, "truncated");
  check(meets(says(head + "Content-Length: 10\r\n")), call_fate::may_be_executed, "truncated");
  check(meets(says("HTTP/1.1 100 Continue\r\n\r\n")), call_fate::may_be_executed, "truncated");
  check(meets(says(head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")), call_fate::may_be_executed,
        "truncated");
  check(meets(says(head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel")), call_fate::may_be_executed, "truncated");
  check(meets(says(head + "\r\nno end is announced")), call_fate::may_be_executed, "truncated");
  check(meets(after_request([&](conversation& with) {
          with.write(head + "Content-Length: 10\r\n\r\n12345");
          with.reset();
        })),
        call_fate::may_be_executed, "truncated");
}

TEST_CASE("http_client: what is no HTTP is no answer") {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  for (const auto& bytes :
       {std::string{"+OK POP3 ready\r\n\r\n"}, std::string{"HTTP/1.1 abc\r\n\r\n"},
        std::string{"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n"},
        head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nokk", head + "Content-Length: -2\r\n\r\nok",
        head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", head + "Content-Length: 2\r\n : x\r\n\r\nok",
        std::string{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"},
        head + "Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n"}) {
    CAPTURE(bytes);
    const auto result = meets(says(bytes));
    CHECK(result.fate == call_fate::may_be_executed);
    const bool known = result.reason == "malformed" || result.reason == "truncated";
    CHECK_MESSAGE(known, result.reason);
  }
}

TEST_CASE("http_client: an answer over its bound is given up, however it comes") {
  auto what = post("");
  what.answer_bytes_max = 1000;
  check(meets(says(answer(text_of_length(1000))), what), call_fate::answered, "");
  check(meets(says(answer(text_of_length(1001))), what), call_fate::may_be_executed, "answer_too_large");

  const std::string head = "HTTP/1.1 200 OK\r\n";
  const auto endless = [&](std::string start, std::string piece) {
    return after_request([=](conversation& with) {
      with.write(start);
      for (std::size_t sent = 0; sent < 100 * 1024 * 1024 && with.write(piece); sent += piece.size()) {}
    });
  };
  const auto kilobyte = text_of_length(1024);
  check(meets(endless(head + "Transfer-Encoding: chunked\r\n\r\n", "400\r\n" + kilobyte + "\r\n"), what),
        call_fate::may_be_executed, "answer_too_large");
  check(meets(endless(head + "\r\n", kilobyte), what), call_fate::may_be_executed, "answer_too_large");
  check(meets(endless(head, "X-Flood: " + kilobyte + "\r\n"), what), call_fate::may_be_executed, "answer_too_large");
  check(meets(endless("", "HTTP/1.1 100 Continue\r\n\r\n"), what), call_fate::may_be_executed, "answer_too_large");
  const auto line = meets(endless(head + "X-Endless: ", kilobyte), what);
  CHECK(line.fate == call_fate::may_be_executed);
}

TEST_CASE("http_client: silence and a drip end by the total timeout") {
  const auto unsent = [](const call_result& result) { return result.fate == call_fate::never_sent; };
  const auto silent = after_request([](conversation& with) { with.wait_until_closed(); });
  const auto begun = std::chrono::steady_clock::now();
  check(given_time(quick(100ms), unsent, [&](const auto& what) { return meets(silent, what); }),
        call_fate::may_be_executed, "timeout");
  CHECK(std::chrono::steady_clock::now() - begun >= 100ms);

  const auto drip = after_request([](conversation& with) {
    with.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (with.write("x")) std::this_thread::sleep_for(2ms);
  });
  check(given_time(quick(150ms), unsent, [&](const auto& what) { return meets(drip, what); }),
        call_fate::may_be_executed, "timeout");

  auto what = quick(150ms);  // a server that does not take the body
  what.body = text_of_length(32 * 1024 * 1024);
  event over;
  bad_server server{[&](conversation&) { over.wait(); }};
  what.url = server.url();
  check(given_time(what, unsent, [](const auto& each) { return caller{}.get(each); }), call_fate::may_be_executed,
        "timeout");
  over.happens();
}

TEST_CASE("http_client: a kept-alive connection that ends under a request is in doubt, and nothing is sent twice") {
  // Over and over: libcurl would send these again by itself.
  for (const bool hard : {false, true}) {
    CAPTURE(hard);
    std::atomic<int> deliveries{0};
    bad_server server{[&](conversation& with) {
      seen_request request;
      if (!with.read_request(request)) return;
      with.write(answer());
      if (!with.read_request(request)) return;
      ++deliveries;
      if (hard) with.reset();
    }};
    caller on;
    check(on.get(post(server.url())), call_fate::answered, "");
    check(on.get(post(server.url())), call_fate::may_be_executed, "connection_lost");
    CHECK(deliveries == 1);
    CHECK(server.connections() == 1);
    check(on.get(post(server.url())), call_fate::answered, "");  // the next one has a connection of its own
    CHECK(server.connections() == 2);
  }
}

TEST_CASE("http_client: a kept-alive connection that has ended before is not used") {
  std::promise<void> gone;
  bad_server server{[&, first = std::make_shared<std::atomic<bool>>(true)](conversation& with) {
    seen_request request;
    if (with.read_request(request)) with.write(answer());
    if (first->exchange(false)) {
      with.half_close();
      gone.set_value();
    }
    with.wait_until_closed();
  }};
  caller on;
  check(on.get(post(server.url())), call_fate::answered, "");
  REQUIRE(gone.get_future().wait_for(long_enough) == std::future_status::ready);
  check(on.get(post(server.url())), call_fate::answered, "");
  CHECK(server.connections() == 2);
}

TEST_CASE("http_client: nothing is sent where there is nobody, and it says why") {
  std::uint16_t closed = 0;
  {
    bad_server server{always("")};
    closed = server.port();
  }
  caller on;
  check(on.get(post("http://127.0.0.1:" + std::to_string(closed) + "/")), call_fate::refused, "connect_refused");
  check(on.get(post("http://" + text_of_length(64) + "/")), call_fate::never_sent, "dns_failed");
  for (const auto* url :
       {"", "/v1", "ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http:///x", "http://user:pw@127.0.0.1/",
        "http://127.0.0.1/a b", "http://127.0.0.1/\r\nX: y", "http://127.0.0.1:99999/"})
    check(on.get(post(url)), call_fate::never_sent, "bad_url");

  bad_server server{always(answer())};
  const auto refused = [&](auto change) {
    auto what = post(server.url());
    change(what);
    check(on.get(std::move(what)), call_fate::never_sent, "bad_request");
  };
  refused([](auto& what) { what.pool = "q"; });
  refused([](auto& what) { what.method = "GET / HTTP/1.1\r\nX:"; });
  refused([](auto& what) { what.method = ""; });
  refused([](auto& what) { what.method = "CONNECT"; });
  for (const auto* name : {"", "a b", "a:b", "a\r\nb", "Host", "content-length", "Transfer-Encoding", "Connection"})
    refused([&](auto& what) { what.fields = {{name, "v"}}; });
  refused([](auto& what) { what.fields = {{"Idempotency-Key", "k\r\nX-Injected: 1"}}; });
  refused([](auto& what) { what.fields = {{"Idempotency-Key", std::string("k\0k", 3)}}; });
  CHECK(server.connections() == 0);
}

TEST_CASE("http_client: IPv6, and the environment's proxies are not for us") {
  for (const auto* name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"})
    ::setenv(name, "http://127.0.0.1:1", 1);
  bad_server six{always(answer()), std::nullopt, "::1"};
  check(caller{}.get(post(six.url_of("[::1]"))), call_fate::answered, "");
  bad_server four{always(answer())};
  check(caller{}.get(post(four.url_of("localhost"))), call_fate::answered, "");  // ::1 is tried, too, and refuses
  for (const auto* name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);

  seen_request seen;  // one of the settings is
  bad_server proxy{[&](conversation& with) {
    if (with.read_request(seen)) with.write(answer());
  }};
  pool_settings settings;
  settings.proxy = proxy.url("");
  check(caller{settings}.get(post("http://processor.invalid/v1")), call_fate::answered, "");
  CHECK(seen.head.starts_with("POST http://processor.invalid/v1 HTTP/1.1\r\n"));
}

TEST_CASE("http_client: no secret is in a detail, whatever the server makes of it") {
  const std::string secret = "sk_live_canary";
  const std::string shapes[]{"",
                             secret + "\r\n\r\n",
                             "HTTP/1.1 " + secret + "\r\n\r\n",
                             "HTTP/1.1 200 " + secret + "\r\n" + secret + "\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: " + secret + "\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + secret + "\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + secret + "\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + secret,
                             "HTTP/9.9 200 " + secret + "\r\n\r\n"};
  for (const auto& bytes : shapes) {
    const auto result =
        meets(says(bytes), post("", secret, {{"Authorization", "Bearer " + secret}, {"X-API-Key", secret}}));
    CHECK(result.fate == call_fate::may_be_executed);
    CHECK_FALSE(result.detail.empty());
    CHECK(result.detail.find(secret) == std::string::npos);
  }
}
