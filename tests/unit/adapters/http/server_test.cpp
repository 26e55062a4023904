#include <doctest/doctest.h>

#include <atomic>
#include <future>
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

TEST_CASE("http/server: requests are answered on one connection, with Date and Content-Length") {
  running on;
  auto client = on.client();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(client.send(post("{\"a\":1}")));
    const auto got = client.read();
    CHECK(got.status == 200);
    CHECK(got.body == "POST /p {\"a\":1}");
    CHECK(got.head.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(got.head.find("\r\nDate: ") != std::string::npos);
    CHECK(got.head.find(" GMT\r\n") != std::string::npos);
    CHECK(got.head.find("X-Remote: 127.0.0.1:") != std::string::npos);
    CHECK(got.head.find("Connection:") == std::string::npos);
  }
  CHECK(on.server.connections() == 1);
  CHECK(on.server.requests_in_flight() == 0);
}

TEST_CASE("http/server: a taken port and a name for an address are clear errors") {
  running on;
  http_server_settings same;
  same.port = on.server.port();
  http_server second{same, echo, render};
  CHECK_THROWS_WITH_AS(second.start(),
                       ("cannot listen on 127.0.0.1:" + std::to_string(same.port) + ": Address already in use").c_str(),
                       std::runtime_error);
  http_server_settings named;
  named.address = "localhost";
  http_server third{named, echo, render};
  CHECK_THROWS_AS(third.start(), std::runtime_error);
}

TEST_CASE("http/server: Connection close and HTTP/1.0 end the connection, HTTP/1.0 with keep-alive does not") {
  running on;
  for (const char* request : {"GET /g HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET /g HTTP/1.0\r\n\r\n"}) {
    auto client = on.client();
    REQUIRE(client.send(request));
    const auto got = client.read();
    CHECK(got.status == 200);
    CHECK(got.head.find("Connection: close\r\n") != std::string::npos);
    CHECK(client.at_end());
  }
  auto old = on.client();
  for (int i = 0; i < 2; ++i) {
    REQUIRE(old.send("GET /g HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    CHECK(old.read().head.find("Connection: keep-alive\r\n") != std::string::npos);
  }
}

TEST_CASE("http/server: HEAD has the length of the body but no body; 204 has neither") {
  running on{[](http_request request, http_respond respond) {
    respond({request.target == "/none" ? 204 : 200, {}, request.target == "/none" ? "" : "twelve bytes"});
  }};
  auto client = on.client();
  REQUIRE(client.send("HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n"));
  CHECK(client.read(true).head.find("Content-Length: 12\r\n") != std::string::npos);
  REQUIRE(client.send("GET /none HTTP/1.1\r\nHost: x\r\n\r\n"));
  const auto none = client.read();
  CHECK(none.status == 204);
  CHECK(none.head.find("Content-Length") == std::string::npos);
  REQUIRE(client.send(get));
  CHECK(client.read().body == "twelve bytes");
}

TEST_CASE("http/server: a field of a response cannot forge another one") {
  running on{[](http_request, http_respond respond) { respond({200, {{"X-Id", "a\r\nX-Evil: b"}}, ""}); }};
  auto client = on.client();
  REQUIRE(client.send(get));
  CHECK(client.read().head.find("X-Id: a  X-Evil: b\r\n") != std::string::npos);
}

TEST_CASE("http/server: the same bytes, cut at random, get the same answers") {
  running on;
  const std::string bytes = post("one") + get +
                            "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n" +
                            "2;x=y\r\n!!\r\n0\r\nT: t\r\n\r\n" + post(std::string(20'000, 'b'));
  for (unsigned seed = 1; seed <= 25; ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    auto client = on.client();
    for (std::size_t at = 0; at < bytes.size();) {
      const auto piece = std::min<std::size_t>(1 + random() % (seed % 2 == 0 ? 40 : 3000), bytes.size() - at);
      REQUIRE(client.send(std::string_view{bytes}.substr(at, piece)));
      at += piece;
    }
    CHECK(client.read().body == "POST /p one");
    CHECK(client.read().body == "GET /g ");
    CHECK(client.read().body == "POST /c two!!");
    CHECK(client.read().body == "POST /p " + std::string(20'000, 'b'));
  }
}

TEST_CASE("http/server: fifty pipelined requests are answered in order, handled at once or on another thread") {
  std::vector<std::thread> threads;
  const auto elsewhere = [&](http_request request, http_respond respond) {
    if (request.body.back() % 2 == 0) return echo(std::move(request), std::move(respond));
    threads.emplace_back([request = std::move(request), respond = std::move(respond)] { echo(request, respond); });
  };
  {
    running on{elsewhere};
    auto client = on.client();
    std::string bytes;
    for (int i = 0; i < 50; ++i) bytes += post(std::to_string(i));
    REQUIRE(client.send(bytes));
    for (int i = 0; i < 50; ++i) CHECK(client.read().body == "POST /p " + std::to_string(i));
  }
  for (auto& thread : threads) thread.join();
}

TEST_CASE("http/server: a pipelined request waits until the one before it has been answered") {
  held requests;
  running on{requests.handler()};
  auto client = on.client();
  REQUIRE(client.send(post("first") + post("second")));
  auto first = requests.next();
  CHECK(first.first.body == "first");
  {
    const std::lock_guard lock{requests.mutex};
    CHECK(requests.waiting.empty());
  }
  first.second({200, {}, "1"});
  CHECK(client.read().body == "1");
  requests.next().second({200, {}, "2"});
  CHECK(client.read().body == "2");
}

TEST_CASE("http/server: respond may be called from any thread, counts once, and is 500 if never called") {
  held requests;
  running on{requests.handler()};
  auto client = on.client();

  REQUIRE(client.send(get));
  std::thread{[respond = requests.next().second] {
    respond({201, {}, "there"});
    respond({500, {}, "again"});
  }}.join();
  CHECK(client.read().body == "there");

  REQUIRE(client.send(get));
  requests.next();  // dropped
  CHECK(client.read().status == 500);

  REQUIRE(client.send(get));
  requests.next().second({200, {}, "still here"});
  CHECK(client.read().body == "still here");
}

TEST_CASE("http/server: a handler that throws is a 500, and the connection goes on") {
  running on{[](http_request request, http_respond respond) {
    if (request.target == "/g") throw std::runtime_error("bug");
    echo(std::move(request), std::move(respond));
  }};
  auto client = on.client();
  REQUIRE(client.send(get + post("x")));
  CHECK(client.read().status == 500);
  CHECK(client.read().status == 200);
}

TEST_CASE("http/server: a large answer reaches a client that reads") {
  const std::string large(8 * 1024 * 1024, 'x');
  running on{[&](http_request, http_respond respond) { respond({200, {}, large}); }};
  auto client = on.client();
  REQUIRE(client.send(get + get));
  CHECK(client.read().body == large);
  CHECK(client.read().body == large);
}

TEST_CASE("http/server: a client that has finished sending still gets its answers") {
  held requests;
  running on{requests.handler()};
  auto client = on.client();
  REQUIRE(client.send(get));
  client.finish_sending();
  requests.next().second({200, {}, "late but there"});
  CHECK(client.read().body == "late but there");
  CHECK(client.at_end());
}

TEST_CASE("http/server: several io threads serve many clients at once") {
  http_server_settings settings;
  settings.threads = 3;
  running on{echo, settings};
  std::vector<std::thread> clients;
  std::atomic<int> right{0};
  for (int c = 0; c < 12; ++c)
    clients.emplace_back([&, c] {
      auto client = on.client();
      for (int i = 0; i < 50; ++i) {
        const auto body = std::to_string(c) + "/" + std::to_string(i);
        if (client.send(post(body)) && client.read().body == "POST /p " + body) ++right;
      }
    });
  for (auto& client : clients) client.join();
  CHECK(right == 12 * 50);
}
