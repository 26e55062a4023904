#include "adapters/http/server.hpp"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <ctime>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/http/connection.hpp"
#include "adapters/http/response_text.hpp"

namespace novapay::adapters::http {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

// Over connections_max so many more are told "503" at a time; beyond that they are closed without a word.
constexpr std::size_t refusals_max = 128;
// So many connections are asked whether they give way to a new one.
constexpr std::size_t give_way_looks_max = 64;
// Out of file descriptors, say: the next attempt to accept comes after this.
constexpr auto accept_pause = 50ms;

// Watches the deadlines of one worker's connections and keeps its Date. One timer a worker: a timer for each request
// would cost two operations on the timer queue on every one.
class sweeper {
 public:
  sweeper(worker& home, std::chrono::milliseconds period) : home_{home}, period_{period}, timer_{*home.io} { tick(); }

 private:
  void tick() {
    timer_.expires_after(period_);
    timer_.async_wait([this](error_code ec) {
      if (!ec) tick();
    });
    home_.date = http_date(std::time(nullptr));
    const auto now = std::chrono::steady_clock::now();
    for (auto next = home_.connections.begin(); next != home_.connections.end();) {
      const auto current = *next++;  // it may leave the list
      current->sweep(now);
    }
  }

  worker& home_;
  const std::chrono::milliseconds period_;
  asio::steady_timer timer_;
};

std::chrono::milliseconds sweep_period(const http_server_settings& s) {
  const auto shortest = std::min({s.head_timeout, s.body_timeout, s.idle_timeout, s.answer_timeout, s.write_timeout});
  return std::clamp(shortest / 4, std::chrono::milliseconds{5}, std::chrono::milliseconds{250});
}

// Slow clients must not keep all places: the connection that has been without an answered request for longest is closed, unless one is
// under way. An honest client that is busy is never the longest; one that is idle connects anew, as always.
bool make_room(connection_list& connections) {
  const auto now = std::chrono::steady_clock::now();
  std::size_t looks = 0;
  for (auto next = connections.begin(); next != connections.end() && looks < give_way_looks_max; ++looks) {
    const auto one = *next++;  // it may leave the list
    if (one->give_way(now)) return true;
  }
  return false;
}

std::string text_of(const tcp::endpoint& remote) {
  auto address = remote.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  const auto text = address.to_string();
  return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(remote.port());
}

}  // namespace

struct http_server::impl {
  impl(http_server_settings settings, runtime::http_handler handler, runtime::http_refusal_renderer render,
       runtime::http_admission admits)
      : state{std::make_shared<server_state>()} {
    settings.threads = std::max<std::size_t>(settings.threads, 1);
    state->settings = std::move(settings);
    state->handler = std::move(handler);
    state->render = std::move(render);
    state->admits = std::move(admits);
    for (std::size_t i = 0; i < state->settings.threads; ++i) workers.push_back(std::make_shared<worker>(state));
    acceptor.emplace(*workers.front()->io);
    retry.emplace(*workers.front()->io);
  }

  void listen();
  void run_threads();
  void accept();
  void accepted(tcp::socket socket);
  static void run(asio::io_context& io);

  const std::shared_ptr<server_state> state;
  std::vector<std::shared_ptr<worker>> workers;
  std::vector<std::unique_ptr<sweeper>> sweepers;
  std::optional<tcp::acceptor> acceptor;
  std::optional<asio::steady_timer> retry;
  std::vector<std::thread> threads;
  std::size_t next_worker = 0;
  std::uint16_t bound_port = 0;
};

void http_server::impl::listen() {
  const auto& settings = state->settings;
  const auto fail = [&](const std::string& why) {
    throw std::runtime_error("cannot listen on " + settings.address + ":" + std::to_string(settings.port) + ": " + why);
  };
  error_code ec;
  const auto address = asio::ip::make_address(settings.address, ec);
  if (ec) fail("the address is not an IP address");
  const tcp::endpoint endpoint{address, settings.port};
  const auto must = [&](const error_code& error) {
    if (error) fail(error.message());
  };
  must(acceptor->open(endpoint.protocol(), ec));
  must(acceptor->set_option(asio::socket_base::reuse_address{true}, ec));
  if (address.is_v6()) must(acceptor->set_option(asio::ip::v6_only{false}, ec));
  must(acceptor->bind(endpoint, ec));
  must(acceptor->listen(asio::socket_base::max_listen_connections, ec));
  bound_port = acceptor->local_endpoint(ec).port();
  must(ec);
}

void http_server::impl::run(asio::io_context& io) {
  pthread_setname_np(pthread_self(), "http");
  const auto stay = asio::make_work_guard(io);
  for (;;) {
    try {
      io.run();
      return;
    } catch (...) {  // out of memory in a sweep, which is on again already: connections catch their own
    }
  }
}

void http_server::impl::run_threads() {
  for (const auto& each : workers) {
    sweepers.push_back(std::make_unique<sweeper>(*each, sweep_period(state->settings)));
    threads.emplace_back([io = each->io.get()] { run(*io); });
    each->thread = threads.back().get_id();  // seen by the io thread through the post that begins to accept
  }
  asio::post(*workers.front()->io, [this] { accept(); });
}

void http_server::impl::accept() {
  acceptor->async_accept([this](error_code ec, tcp::socket socket) {
    if (!acceptor->is_open()) return;
    if (!ec) {
      accepted(std::move(socket));
      return accept();
    }
    retry->expires_after(accept_pause);
    retry->async_wait([this](error_code stopped) {
      if (!stopped) accept();
    });
  });
}

void http_server::impl::accepted(tcp::socket socket) {
  error_code ec;
  const auto remote = socket.remote_endpoint(ec);
  if (ec) return;  // gone already
  const auto before = state->connections.fetch_add(1);
  const bool over = before >= state->settings.connections_max;
  if (before >= state->settings.connections_max + refusals_max) {
    state->connections.fetch_sub(1);
    return;
  }
  try {
    auto& home = *workers[next_worker++ % workers.size()];
    auto text = text_of(remote);
    auto made = make_connection(home, socket.release(ec), remote.protocol() == tcp::v6(), std::move(text));
    asio::post(*home.io, [&home, made = std::move(made), over] {
      over && !make_room(home.connections) ? made->begin_refused() : made->begin();
    });
  } catch (...) {  // out of memory or of kernel resources: this client is dropped, the next one is accepted
    state->connections.fetch_sub(1);
  }
}

http_server::http_server(http_server_settings settings, runtime::http_handler handler,
                         runtime::http_refusal_renderer render, runtime::http_admission admits)
    : impl_{std::make_unique<impl>(std::move(settings), std::move(handler), std::move(render), std::move(admits))} {}

http_server::~http_server() { stop({}); }

void http_server::start() {
  impl_->listen();
  impl_->run_threads();
}

std::uint16_t http_server::port() const noexcept { return impl_->bound_port; }
std::size_t http_server::connections() const noexcept { return impl_->state->connections; }
std::size_t http_server::requests_in_flight() const noexcept { return impl_->state->requests; }

void http_server::stop(std::chrono::milliseconds grace) {
  auto& state = *impl_->state;
  if (state.stopping.exchange(true) || impl_->threads.empty()) return;
  asio::post(*impl_->workers.front()->io, [this] {
    error_code ignored;
    impl_->acceptor->close(ignored);
    impl_->retry->cancel();
  });
  for (const auto& each : impl_->workers)
    asio::post(*each->io, [home = each.get()] {
      for (auto next = home->connections.begin(); next != home->connections.end();) {
        const auto current = *next++;
        current->wind_down();
      }
    });
  {
    std::unique_lock lock{state.mutex};
    state.all_closed.wait_for(lock, grace, [&] { return state.connections == 0; });
  }
  for (const auto& each : impl_->workers)
    asio::post(*each->io, [home = each.get()] {
      while (!home->connections.empty()) home->connections.front()->close();
      home->io->stop();
    });
  for (auto& thread : impl_->threads) thread.join();
  state.handler = nullptr;
  state.render = nullptr;
  state.admits = nullptr;
}

}  // namespace novapay::adapters::http
