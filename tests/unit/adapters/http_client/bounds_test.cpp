#include <doctest/doctest.h>

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "tests/unit/adapters/http_client/calls.hpp"

using namespace novapay::test;

namespace {

// Holds every request until it is let go, and knows the most it held at once.
class holding_server {
 public:
  holding_server()
      : server{[this](conversation& with) {
          for (seen_request request; with.read_request(request);) {
            {
              std::unique_lock lock{mutex_};
              most_ = std::max(most_, ++held_);
              changed_.notify_all();
              changed_.wait_for(lock, long_enough, [this] { return open_; });
              --held_;
            }
            with.write(answer());
          }
        }} {}
  ~holding_server() { let_go(); }
  bool holds(int count) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, long_enough, [&] { return held_ == count; });
  }
  void let_go() {
    const std::lock_guard lock{mutex_};
    open_ = true;
    changed_.notify_all();
  }
  int most() {
    const std::lock_guard lock{mutex_};
    return most_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int held_ = 0;
  int most_ = 0;
  bool open_ = false;

 public:
  bad_server server;  // last: its threads use the rest
};

pool_settings bounds(std::size_t calls, std::size_t queue) {
  pool_settings out;
  out.calls_max = out.connections_max = calls;
  out.queue_max = queue;
  return out;
}

}  // namespace

TEST_CASE("http_client: so many at once, so many wait, the rest is refused at once") {
  holding_server held;
  caller on{bounds(4, 8)};
  std::vector<pending> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(on.send(post(held.server.url())));

  for (std::size_t i = 12; i < 20; ++i) {
    REQUIRE(calls[i].ended());  // from within `send`
    check(calls[i].get(), call_fate::never_sent, "too_many_calls");
  }
  REQUIRE(held.holds(4));
  held.let_go();
  for (std::size_t i = 0; i < 12; ++i) check(calls[i].get(), call_fate::answered, "");
  CHECK(held.most() == 4);
  CHECK(held.server.connections() == 4);
  check(on.get(post(held.server.url())), call_fate::answered, "");  // there is room again
}

TEST_CASE("http_client: a call that waits ends by its total timeout, and was never sent") {
  holding_server held;
  caller on{bounds(1, 8)};
  auto first = on.send(post(held.server.url()));
  REQUIRE(held.holds(1));
  auto what = post(held.server.url());
  what.total_timeout = 50ms;
  check(on.get(what), call_fate::never_sent, "queue_timeout");
  held.let_go();
  check(first.get(), call_fate::answered, "");
  CHECK(held.most() == 1);
}

TEST_CASE("http_client: cancel ends a call at once, in the queue, while connecting and under way") {
  holding_server held;
  caller on{bounds(1, 8)};
  auto under_way = on.send(post(held.server.url()));
  auto waiting = on.send(post(held.server.url()));
  REQUIRE(held.holds(1));
  on.http.cancel(waiting.id);
  check(waiting.get(), call_fate::never_sent, "canceled");
  on.http.cancel(under_way.id);
  check(under_way.get(), call_fate::may_be_executed, "canceled");
  on.http.cancel(under_way.id);  // over
  on.http.cancel(0);             // never was
  on.http.cancel(1'000'000);

  event reached;
  bad_server mute{[&](conversation& with) {
    reached.happens();
    with.wait_until_closed();
  }};
  auto connecting = on.send(post("https://127.0.0.1:" + std::to_string(mute.port()) + "/"));  // no handshake comes
  REQUIRE(reached.wait());
  on.http.cancel(connecting.id);
  check(connecting.get(), call_fate::never_sent, "canceled");
}

TEST_CASE("http_client: without a connection in time nothing was sent, be it TCP or TLS that does not come") {
  bad_server mute{[](conversation& with) { with.wait_until_closed(); }};
  auto what = post("https://127.0.0.1:" + std::to_string(mute.port()) + "/");
  what.connect_timeout = 50ms;
  check(caller{}.get(what), call_fate::never_sent, "connect_timeout");
  what.connect_timeout = 10s;
  what.total_timeout = 50ms;
  check(given_time(
            what, [](const call_result& result) { return result.reason == "queue_timeout"; },
            [](const auto& each) { return caller{}.get(each); }),
        call_fate::never_sent, "connect_timeout");

  // A listener whose backlog is full: the kernel lets further ones wait.
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof at;
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  REQUIRE(::listen(listener, 0) == 0);
  REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &length) == 0);
  std::vector<int> fill;
  for (int i = 0; i < 4; ++i) {
    fill.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    ::connect(fill.back(), reinterpret_cast<sockaddr*>(&at), sizeof at);
  }
  what.url = "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)) + "/";
  what.total_timeout = 10s;
  what.connect_timeout = 100ms;
  check(caller{}.get(what), call_fate::never_sent, "connect_timeout");
  for (const int each : fill) ::close(each);
  ::close(listener);
}

TEST_CASE(
    "http_client: calls to a server of TLS that is not there end each by its connect timeout, not one after the "
    "other") {
  bad_server mute{[](conversation& with) { with.wait_until_closed(); }};
  auto what = post("https://127.0.0.1:" + std::to_string(mute.port()) + "/");
  what.connect_timeout = 500ms;
  what.total_timeout = 8s;
  caller on;
  std::vector<pending> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(on.send(what));
  for (auto& each : calls) check(each.get(), call_fate::never_sent, "connect_timeout");
}

TEST_CASE("http_client: the client's end ends every call, each with its fate") {
  holding_server held;
  event reached;
  bad_server mute{[&](conversation& with) {
    reached.happens();
    with.wait_until_closed();
  }};
  pending under_way;
  pending waiting;
  pending connecting;
  std::promise<call_result> later;
  {
    caller on{bounds(2, 8)};
    under_way = on.send(post(held.server.url()));
    connecting = on.send(post("https://127.0.0.1:" + std::to_string(mute.port()) + "/"));
    waiting = on.send(post(held.server.url()));
    // What is sent from a `done` during the end is refused.
    on.http.send(post(held.server.url()), [&](call_result) {
      on.http.send(post(held.server.url()), [&](call_result last) { later.set_value(std::move(last)); });
    });
    REQUIRE(held.holds(1));
    REQUIRE(reached.wait());
  }
  REQUIRE(under_way.ended());
  REQUIRE(waiting.ended());
  REQUIRE(connecting.ended());
  check(under_way.get(), call_fate::may_be_executed, "shut_down");
  check(connecting.get(), call_fate::never_sent, "shut_down");
  check(waiting.get(), call_fate::never_sent, "shut_down");
  check(later.get_future().get(), call_fate::never_sent, "shut_down");
}

TEST_CASE("http_client: connections are used again, from any number of threads") {
  bad_server server{always(answer())};
  caller on{bounds(8, 10'000)};
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) answered += on.get(post(server.url())).fate == call_fate::answered;
    });
  for (auto& each : threads) each.join();
  CHECK(answered == 400);
  CHECK(server.connections() <= 8);
}

TEST_CASE("http_client: a done may send the next call") {
  bad_server server{always(answer())};
  std::promise<int> over;
  caller on;
  std::function<void(int)> next = [&](int left) {
    on.http.send(post(server.url()), [&, left](call_result result) {
      if (left == 0 || result.fate != call_fate::answered) return over.set_value(left);
      next(left - 1);
    });
  };
  next(200);
  auto left = over.get_future();
  REQUIRE(left.wait_for(long_enough) == std::future_status::ready);
  CHECK(left.get() == 0);
  CHECK(server.connections() == 1);
}

TEST_CASE("http_client: pools do not share bounds, and one without any is refused") {
  holding_server held;
  bad_server server{always(answer())};
  novapay::testing::silent_metrics metrics;
  client http{{{"a", bounds(1, 1)}, {"b", bounds(1, 1)}}, metrics};
  const auto send = [&](std::string pool, std::string url) {
    auto what = post(std::move(url));
    what.pool = std::move(pool);
    auto promise = std::make_shared<std::promise<call_result>>();
    http.send(std::move(what), [promise](call_result result) { promise->set_value(std::move(result)); });
    return promise->get_future();
  };
  auto stuck = send("a", held.server.url());
  REQUIRE(held.holds(1));
  check(send("b", server.url()).get(), call_fate::answered, "");
  held.let_go();
  check(stuck.get(), call_fate::answered, "");
  CHECK_THROWS_AS(client({{"a", bounds(0, 1)}}, metrics), std::invalid_argument);
  pool_settings no_roots;
  no_roots.ca_file = "/no/such/file";
  CHECK_THROWS_AS(client({{"a", no_roots}}, metrics), std::runtime_error);
}
