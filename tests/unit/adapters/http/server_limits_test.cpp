#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "adapters/http/server.hpp"
#include "tests/unit/adapters/http/running_server.hpp"

using namespace novapay::test;
using namespace std::chrono_literals;

TEST_CASE("http/server: Expect 100-continue is answered before the body is sent") {
  running on;
  auto client = on.client();
  REQUIRE(client.send("POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
  CHECK(client.read().status == 100);
  REQUIRE(client.send("body"));
  CHECK(client.read().body == "POST /e body");

  REQUIRE(client.send(post("all at once", "Expect: 100-continue\r\n")));
  CHECK(client.read().body == "POST /p all at once");  // no 100: it would be too late

  REQUIRE(client.send("POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 400000\r\n\r\n"));
  CHECK(client.read().status == 413);
  CHECK(client.at_end());
}

TEST_CASE("http/server: each refusal has its status, says Connection close, and closes") {
  running on;
  const std::string host = "Host: x\r\n";
  const std::pair<int, std::string> cases[]{
      {400, "\x16\x03\x01 a TLS hello"},
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"},
      {400, "GET / HTTP/1.1\n" + host + "\n"},
      {431, "GET /" + std::string(17'000, 'a') + " HTTP/1.1\r\n" + host + "\r\n"},
      {413, "POST / HTTP/1.1\r\n" + host + "Content-Length: 262145\r\n\r\n" + std::string(262'145, 'b')},
      {413, "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n40001\r\n" + std::string(262'145, 'b')},
      {417, "GET / HTTP/1.1\r\n" + host + "Expect: gold\r\n\r\n"},
      {505, "GET / HTTP/3.0\r\n" + host + "\r\n"},
      {501, "GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n"},
  };
  for (const auto& [status, bytes] : cases) {
    CAPTURE(status);
    auto client = on.client();
    REQUIRE(client.send(get));
    REQUIRE(client.read().status == 200);
    client.send(bytes + get);  // nothing after a refusal is read as a request
    const auto got = client.read();
    CHECK(got.status == status);
    CHECK(got.head.find("Connection: close\r\n") != std::string::npos);
    CHECK(client.at_end());
  }
}

TEST_CASE("http/server: a slow head and a slow body are cut off, however steadily they drip") {
  http_server_settings settings;
  settings.head_timeout = settings.body_timeout = 80ms;
  running on{echo, settings};
  for (const std::string start :
       {"GET /slow HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"}) {
    auto client = on.client();
    const auto begun = std::chrono::steady_clock::now();
    REQUIRE(client.send(start));
    std::promise<void> stop;
    std::thread drip{[&, done = stop.get_future()] {
      while (done.wait_for(5ms) == std::future_status::timeout) client.send("x");
    }};
    CHECK(client.read().status == 408);
    CHECK(std::chrono::steady_clock::now() - begun < patience);
    stop.set_value();
    drip.join();
  }
}

TEST_CASE("http/server: a silent connection is closed without a word, new or between requests") {
  http_server_settings settings;
  settings.head_timeout = settings.idle_timeout = 50ms;
  running on{echo, settings};
  auto fresh = on.client();
  CHECK(fresh.at_end());
  auto used = on.client();
  REQUIRE(used.send(get));
  CHECK(used.read().status == 200);
  CHECK(used.at_end());
  CHECK(becomes([&] { return on.server.connections(); }, 0));
}

TEST_CASE("http/server: a handler that takes too long is a 500, and its late answer goes nowhere") {
  held requests;
  http_server_settings settings;
  settings.answer_timeout = 50ms;
  running on{requests.handler(), settings};
  auto client = on.client();
  REQUIRE(client.send(get));
  const auto request = requests.next();
  CHECK(client.read().status == 500);
  CHECK(client.at_end());
  request.second({200, {}, "late"});
  CHECK(becomes([&] { return on.server.requests_in_flight(); }, 0));
}

TEST_CASE("http/server: a client that does not read is cut off") {
  http_server_settings settings;
  settings.write_timeout = 100ms;
  running on{[](http_request, http_respond respond) {
               respond({200, {}, std::string(32 * 1024 * 1024, 'x')});
             },
             settings};
  raw_client client{on.server.port(), 4096};
  REQUIRE(client.send(get));
  REQUIRE(becomes([&] { return on.server.connections(); }, 1));
  CHECK(becomes([&] { return on.server.connections(); }, 0));
  CHECK(client.read().status == 0);  // not the whole answer
}

TEST_CASE("http/server: of a client that does not read no more than a few answers are made") {
  std::atomic<std::size_t> made{0};
  running on{[&](http_request, http_respond respond) {
    ++made;
    respond({200, {}, std::string(64 * 1024, 'x')});
  }};
  raw_client client{on.server.port(), 4096};
  std::string many;
  for (int i = 0; i < 200; ++i) many += get;
  REQUIRE(client.send(many));
  auto before = made.load();
  do {
    before = made;
    std::this_thread::sleep_for(100ms);
  } while (before == 0 || made != before);
  CHECK(made < 20);
}

TEST_CASE("http/server: over connections_max a client gets 503 with Retry-After, and is closed") {
  http_server_settings settings;
  settings.connections_max = 1;
  running on{echo, settings};
  {
    auto first = on.client();
    REQUIRE(first.send(get));
    CHECK(first.read().status == 200);

    auto second = on.client();
    second.send(get);
    const auto got = second.read();
    CHECK(got.status == 503);
    CHECK(got.head.find("Retry-After: 1\r\n") != std::string::npos);
    CHECK(second.at_end());
  }
  REQUIRE(becomes([&] { return on.server.connections(); }, 0));
  auto third = on.client();
  REQUIRE(third.send(get));
  CHECK(third.read().status == 200);
}

TEST_CASE(
    "http/server: over connections_max slow clients give way, the longest unused first, but not to a crowd at once") {
  held requests;
  http_server_settings settings;
  settings.connections_max = 4;
  settings.give_way_after = 100ms;
  running on{requests.handler(), settings};
  auto working = on.client();
  REQUIRE(working.send(get));
  const auto under_way = requests.next();
  std::list<raw_client> slow;
  for (const auto* start :
       {"GET /slow HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", ""}) {
    slow.emplace_back(on.server.port());
    slow.back().send(start);
    REQUIRE(becomes([&] { return on.server.connections(); }, slow.size() + 1));
  }
  auto early = on.client();
  CHECK(early.read().status == 503);  // nobody has waited for long yet
  CHECK(early.at_end());
  REQUIRE(becomes([&] { return on.server.connections(); }, 4));
  std::this_thread::sleep_for(150ms);

  std::list<raw_client> honest;
  for (auto& one : slow) {
    honest.emplace_back(on.server.port());
    REQUIRE(honest.back().send(get));
    requests.next().second({200, {}, "served"});
    CHECK(honest.back().read().body == "served");
    CHECK(one.at_end());
  }
  under_way.second({200, {}, "done"});
  CHECK(working.read().body == "done");
}

TEST_CASE("http/server: over requests_in_flight_max a request is 503 at once, and its connection stays usable") {
  held requests;
  http_server_settings settings;
  settings.requests_in_flight_max = 1;
  running on{requests.handler(), settings};
  auto first = on.client();
  REQUIRE(first.send(get));
  const auto under_way = requests.next();

  auto second = on.client();
  REQUIRE(second.send(post("body")));
  const auto got = second.read();
  CHECK(got.status == 503);
  CHECK(got.head.find("Retry-After: 1\r\n") != std::string::npos);
  CHECK(got.head.find("Connection: close") == std::string::npos);

  under_way.second({200, {}, "done"});
  CHECK(first.read().body == "done");
  REQUIRE(second.send(get));
  requests.next().second({200, {}, "now"});
  CHECK(second.read().body == "now");
}

TEST_CASE("http/server: what is not admitted is 503 by its head alone, and its connection stays usable") {
  std::atomic<bool> open{false};
  std::atomic<int> handled{0};
  std::vector<std::string> asked;
  http_server server{{},
                     [&](http_request request, http_respond respond) {
                       ++handled;
                       echo(std::move(request), std::move(respond));
                     },
                     render,
                     [&](std::string_view method, std::string_view target) {
                       asked.push_back(std::string{method} + " " + std::string{target});
                       return open.load();
                     }};
  server.start();
  raw_client client{server.port()};
  const std::string chunked = "POST /c?x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
  for (const auto& request :
       {post(std::string(100'000, 'b')), chunked, get, "HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n" + get}) {
    for (std::size_t at = 0; at < request.size(); at += 40'000) REQUIRE(client.send(request.substr(at, 40'000)));
    const auto got = client.read(request.starts_with("HEAD"));
    CHECK(got.status == 503);
    CHECK(got.head.find("Retry-After: 1\r\n") != std::string::npos);
    CHECK(got.head.find("Connection: close") == std::string::npos);
  }
  CHECK(client.read().status == 503);  // the GET behind the HEAD
  CHECK(handled == 0);
  open = true;
  REQUIRE(client.send(post("body")));
  CHECK(client.read().body == "POST /p body");
  open = false;
  REQUIRE(client.send("POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"));
  CHECK(client.read().status == 503);  // not "100 Continue": its body is not wanted
  CHECK(client.at_end());
  server.stop({});
  CHECK(asked == std::vector<std::string>{"POST /p", "POST /c?x", "GET /g", "HEAD /h", "GET /g", "POST /p", "POST /e"});
}

TEST_CASE("http/server: clients that go away while their request is under way leave nothing behind") {
  held requests;
  running on{requests.handler()};
  std::vector<http_respond> late;
  for (int i = 0; i < 20; ++i) {
    auto client = on.client();
    REQUIRE(client.send(post("x") + post("y")));
    late.push_back(requests.next().second);
    if (i % 2 == 0) client.reset();
  }
  for (auto& respond : late) respond({200, {}, std::string(100'000, 'x')});
  late.clear();
  CHECK(becomes(
      [&] {
        const std::lock_guard lock{requests.mutex};
        requests.waiting.clear();
        return on.server.connections();
      },
      0));
  CHECK(becomes([&] { return on.server.requests_in_flight(); }, 0));
}

TEST_CASE("http/server: a connection ends after requests_per_connection_max") {
  http_server_settings settings;
  settings.requests_per_connection_max = 2;
  running on{echo, settings};
  auto client = on.client();
  REQUIRE(client.send(get + get));
  CHECK(client.read().head.find("Connection: close") == std::string::npos);
  CHECK(client.read().head.find("Connection: close") != std::string::npos);
  CHECK(client.at_end());
}

TEST_CASE("http/server: stop lets requests under way finish, closes idle connections, takes no new ones") {
  held requests;
  running on{requests.handler()};
  auto idle = on.client();
  auto busy = on.client();
  REQUIRE(busy.send(get));
  auto request = requests.next();

  auto stopped = std::async(std::launch::async, [&] { on.server.stop(patience); });
  CHECK(idle.at_end());  // so stopping has begun
  request.second({200, {}, "finished"});
  const auto got = busy.read();
  CHECK(got.body == "finished");
  CHECK(got.head.find("Connection: close\r\n") != std::string::npos);
  CHECK(busy.at_end());
  busy.close();
  REQUIRE(stopped.wait_for(patience) == std::future_status::ready);
  CHECK_THROWS_AS(on.client(), std::runtime_error);
}

TEST_CASE("http/server: stop cuts off what outlasts the grace, and a respond beyond the server's life is harmless") {
  std::optional<http_respond> outlives;
  auto marker = std::make_shared<int>(1);
  const std::weak_ptr<int> handler_alive = marker;
  {
    held requests;
    running on{[&requests, marker = std::move(marker)](http_request request, http_respond respond) {
      requests.handler()(std::move(request), std::move(respond));
    }};
    auto client = on.client();
    REQUIRE(client.send(get));
    outlives = requests.next().second;
    on.server.stop(20ms);
    CHECK(client.at_end());
    (*outlives)({200, {}, "nobody listens"});
  }
  CHECK(handler_alive.expired());
  (*outlives)({200, {}, "nobody is there"});
  outlives.reset();
}
