#include "adapters/http/connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "adapters/http/request_reader.hpp"
#include "adapters/http/response_text.hpp"
#include "runtime/crash_point.hpp"

namespace novapay::adapters::http {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;
using runtime::http_refusal;
using runtime::http_response;
// Not tcp::socket: its executor is type-erased, which costs on every operation.
using socket_type = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;

constexpr steady_time never = steady_time::max();
constexpr std::size_t read_bytes_first = std::size_t{4} * 1024;
constexpr std::size_t read_bytes_max = std::size_t{16} * 1024;
// The kernel takes no more than this of what a client does not read. Left to itself it takes megabytes from each: 500 slow readers once
// kept the io thread copying for seconds.
constexpr int unsent_in_kernel_max = 64 * 1024;
using not_sent_max = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>;
// Answers to pipelined requests are gathered up to this before more requests are read.
constexpr std::size_t unsent_bytes_max = std::size_t{64} * 1024;
// A socket closed with unread bytes resets, and the client may lose our last answer. So it is read on for a while.
constexpr std::chrono::milliseconds linger_time{1000};
constexpr std::string_view too_much = "Too many requests at once";
constexpr std::size_t linger_bytes_max = std::size_t{4} * 1024 * 1024;

//            ┌────────────────────────────────┐ keep-alive
//            ▼                                │
//   idle ─► head ─► body ─► answering ────────┴─► finishing ─► lingering ─► closed
//             └───────┴──── refused ─────────────────┘
enum class phase { idle, head, body, answering, finishing, lingering, closed };

class connection_impl final : public connection, public std::enable_shared_from_this<connection_impl> {
 public:
  connection_impl(worker& home, socket_type socket, std::string remote)
      : home_{home},
        server_{*home.server},
        socket_{std::move(socket)},
        remote_{std::move(remote)},
        in_{server_.settings.head_bytes_max + read_bytes_max},
        reader_{{server_.settings.head_bytes_max, server_.settings.body_bytes_max},
                [this](std::string_view method, std::string_view target) {
                  return server_.requests < server_.settings.requests_in_flight_max &&
                         (!server_.admits || server_.admits(method, target));
                }} {}

  void begin() override {
    join();
    guarded([this] { advance(); });
  }
  void begin_refused() override {
    join();
    guarded([this] { refuse(http_refusal::overloaded, "Too many connections"); });
  }
  void sweep(steady_time now) override;
  bool give_way(steady_time now) override;
  void wind_down() override {
    if (waiting_for_request() && out_.empty() && !write_busy_) close();
  }
  void close() override;

  void answered(std::uint64_t exchange, std::optional<http_response> response);
  bool advancing() const noexcept { return advancing_; }

 private:
  void join();
  void advance();
  void await_more();
  void serve();
  void refuse(http_refusal why, std::string_view detail);
  http_response rendered(http_refusal why, std::string_view detail) noexcept;
  void start_read();
  void on_read(error_code ec, std::size_t n);
  void flush();
  void on_written(error_code ec);
  void linger();
  void cut_off();

  bool reading() const noexcept { return phase_ == phase::idle || phase_ == phase::head || phase_ == phase::body; }
  bool waiting_for_request() const noexcept {
    return (phase_ == phase::idle || phase_ == phase::head) && !reader_.begun() && in_.size() == 0;
  }
  // Nothing may escape into the io thread's loop: out of memory costs this connection only.
  template <class F>
  void guarded(F what) noexcept {
    try {
      what();
    } catch (...) {
      advancing_ = false;
      close();
    }
  }

  worker& home_;
  server_state& server_;
  socket_type socket_;
  const std::string remote_;
  boost::beast::flat_buffer in_;
  request_reader reader_;
  connection_list::iterator place_;

  phase phase_ = phase::head;  // a new connection has head_timeout to say something
  steady_time deadline_ = never;
  steady_time used_{};  // when it came, or was last given an answer
  steady_time received_at_{};
  std::uint64_t exchange_ = 0;  // number of the request being answered
  response_terms terms_;        // of its answer; `date` is filled in later
  bool advancing_ = false, read_busy_ = false, write_busy_ = false;
  std::string out_, writing_;  // to be sent; being sent
  steady_time write_deadline_ = never;
  std::size_t lingered_bytes_ = 0;
};

// What stands behind a `respond`: one answer to one request, from any thread. Holds its place among the requests in
// flight. Keeps the worker (so that there is something to post to), not the connection.
class responder {
 public:
  responder(std::shared_ptr<worker> home, std::weak_ptr<connection_impl> to, std::uint64_t exchange)
      : home_{std::move(home)}, to_{std::move(to)}, exchange_{exchange} {}
  ~responder() { deliver(std::nullopt); }
  responder(const responder&) = delete;
  responder& operator=(const responder&) = delete;

  void deliver(std::optional<http_response> response) noexcept {
    if (called_.exchange(true)) return;
    home_->server->requests.fetch_sub(1);
    if (home_->io->stopped()) return;
    try {
      if (std::this_thread::get_id() == home_->thread)
        if (const auto to = to_.lock(); to && to->advancing()) return to->answered(exchange_, std::move(response));
      // The connection is locked on its own thread only, so that it is never destroyed on another one.
      asio::post(*home_->io, [to = to_, exchange = exchange_, response = std::move(response)]() mutable {
        if (const auto connection = to.lock()) connection->answered(exchange, std::move(response));
      });
    } catch (...) {  // out of memory: answer_timeout closes the connection
    }
  }

 private:
  const std::shared_ptr<worker> home_;
  const std::weak_ptr<connection_impl> to_;
  const std::uint64_t exchange_;
  std::atomic<bool> called_{false};
};

void connection_impl::join() {
  place_ = home_.connections.insert(home_.connections.end(), shared_from_this());
  used_ = std::chrono::steady_clock::now();
  deadline_ = used_ + server_.settings.head_timeout;
}

void connection_impl::close() {
  if (phase_ == phase::closed) return;
  const auto self = shared_from_this();
  phase_ = phase::closed;
  error_code ignored;
  socket_.close(ignored);
  home_.connections.erase(place_);
  if (server_.connections.fetch_sub(1) == 1) {
    const std::lock_guard lock{server_.mutex};
    server_.all_closed.notify_all();
  }
}

void connection_impl::cut_off() {  // what the client did not take is thrown away, not kept in the kernel for minutes
  error_code ignored;
  socket_.set_option(asio::socket_base::linger{true, 0}, ignored);
  close();
}

// Reads and answers requests as long as there are whole ones.
void connection_impl::advance() {
  if (advancing_) return;
  advancing_ = true;
  bool read_on = false;
  while (reading()) {
    if (out_.size() >= unsent_bytes_max) {
      flush();
      if (write_busy_) break;  // a slow reader: on_written resumes
      continue;
    }
    std::size_t used = 0;
    const auto bytes = in_.cdata();
    const auto step = reader_.read({static_cast<const char*>(bytes.data()), bytes.size()}, used);
    in_.consume(used);
    if (step == request_reader::step::need_more) {
      await_more();
      read_on = true;
      break;
    }
    if (step == request_reader::step::refused)
      refuse(reader_.refusal().why, reader_.refusal().detail);
    else
      serve();
  }
  advancing_ = false;
  flush();  // before the next read: an answer waits for nothing
  if (read_on && reading()) start_read();
}

void connection_impl::await_more() {
  const auto& settings = server_.settings;
  if (reader_.head_done()) {
    if (phase_ == phase::body) return;
    phase_ = phase::body;
    received_at_ = std::chrono::steady_clock::now();
    deadline_ = received_at_ + settings.body_timeout;
    if (reader_.facts().expects_continue && !reader_.body_begun()) {
      if (reader_.turned_away()) return refuse(http_refusal::overloaded, too_much);  // spares its body the way
      out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    }
  } else if (waiting_for_request()) {
    if (server_.stopping) phase_ = phase::finishing;
  } else if (phase_ == phase::idle) {
    phase_ = phase::head;
    deadline_ = std::chrono::steady_clock::now() + settings.head_timeout;
  }
}

void connection_impl::serve() {
  const auto& settings = server_.settings;
  const auto now = std::chrono::steady_clock::now();
  if (phase_ != phase::body) received_at_ = now;
  ++exchange_;
  phase_ = phase::answering;
  deadline_ = now + settings.answer_timeout;
  terms_ = {};
  terms_.keep_alive = reader_.facts().keep_alive && exchange_ < settings.requests_per_connection_max;
  terms_.http_1_0 = reader_.facts().http_1_0;
  terms_.head_only = reader_.head_only();

  auto request = reader_.take();
  if (reader_.turned_away() || server_.requests.fetch_add(1) >= settings.requests_in_flight_max) {
    if (!reader_.turned_away()) server_.requests.fetch_sub(1);  // it was admitted by its head, and others came first
    terms_.retry_after = true;
    return answered(exchange_, rendered(http_refusal::overloaded, too_much));
  }
  auto ticket = std::make_shared<responder>(home_.shared_from_this(), weak_from_this(), exchange_);
  request.remote = remote_;
  request.received_at = received_at_;
  try {
    server_.handler(std::move(request),
                    [ticket = std::move(ticket)](http_response response) { ticket->deliver(std::move(response)); });
  } catch (...) {  // the responder died with the handler, uncalled: it has answered `internal`
  }
}

void connection_impl::answered(std::uint64_t exchange, std::optional<http_response> response) {
  if (phase_ != phase::answering || exchange != exchange_) return;  // too late: answer_timeout has passed
  guarded([&] {
    passing(runtime::crash_point::reply_before);
    if (!response) response = rendered(http_refusal::internal, "No handler answered");
    terms_.keep_alive = terms_.keep_alive && !server_.stopping;
    terms_.date = home_.date;
    append_response(out_, *response, terms_);
    phase_ = terms_.keep_alive ? phase::idle : phase::finishing;
    used_ = std::chrono::steady_clock::now();
    home_.connections.splice(home_.connections.end(), home_.connections, place_);
    deadline_ = terms_.keep_alive ? used_ + server_.settings.idle_timeout : never;
    advance();
    passing(runtime::crash_point::reply_after);
  });
}

void connection_impl::refuse(http_refusal why, std::string_view detail) {
  response_terms terms;
  terms.date = home_.date;
  terms.keep_alive = false;
  terms.retry_after = why == http_refusal::overloaded;
  append_response(out_, rendered(why, detail), terms);
  phase_ = phase::finishing;
  deadline_ = never;  // write_timeout holds
  if (!advancing_) flush();
}

http_response connection_impl::rendered(http_refusal why, std::string_view detail) noexcept {
  try {
    return server_.render(why, detail);
  } catch (...) {
    http_response plain;
    plain.status = 500;
    return plain;
  }
}

void connection_impl::start_read() {
  if (read_busy_ || phase_ == phase::closed) return;
  const auto wanted = phase_ == phase::body ? read_bytes_max
                                            : std::clamp(in_.capacity() - in_.size(), read_bytes_first, read_bytes_max);
  const auto room = in_.prepare(std::min(wanted, in_.max_size() - in_.size()));
  read_busy_ = true;
  socket_.async_read_some(room, [self = shared_from_this()](error_code ec, std::size_t n) {
    self->guarded([&] { self->on_read(ec, n); });
  });
}

void connection_impl::on_read(error_code ec, std::size_t n) {
  read_busy_ = false;
  if (phase_ == phase::closed) return;
  if (phase_ == phase::finishing) return;  // refused meanwhile; flush goes on to lingering, which reads again
  if (phase_ == phase::lingering) {
    lingered_bytes_ += n;
    if (ec || lingered_bytes_ > linger_bytes_max) return close();
    return start_read();  // nothing is committed: the same room again
  }
  if (ec) {
    // Half-closed clients get the answers they are still owed.
    const bool owed = ec == asio::error::eof && (write_busy_ || !out_.empty());
    if (!owed) return close();
    phase_ = phase::finishing;
    deadline_ = never;
    return;
  }
  in_.commit(n);
  advance();
}

void connection_impl::flush() {
  if (write_busy_ || phase_ == phase::closed) return;
  if (!out_.empty()) {
    error_code ec;
    auto sent = socket_.write_some(asio::buffer(out_), ec);  // the socket does not block: nearly always all of it
    if (ec == asio::error::would_block)
      sent = 0;
    else if (ec)
      return close();
    if (sent < out_.size()) {
      writing_.swap(out_);
      out_.clear();
      write_busy_ = true;
      write_deadline_ = std::chrono::steady_clock::now() + server_.settings.write_timeout;
      asio::async_write(socket_, asio::buffer(writing_) + sent, [self = shared_from_this()](error_code e, std::size_t) {
        self->guarded([&] { self->on_written(e); });
      });
      return;
    }
    out_.clear();
    if (out_.capacity() > unsent_bytes_max) out_.shrink_to_fit();
  }
  if (phase_ == phase::finishing) linger();
}

void connection_impl::on_written(error_code ec) {
  write_busy_ = false;
  write_deadline_ = never;
  if (phase_ == phase::closed) return;
  if (ec) return close();
  std::string{}.swap(writing_);
  flush();
  if (reading() && !read_busy_) advance();
}

void connection_impl::linger() {
  error_code ignored;
  socket_.shutdown(socket_type::shutdown_send, ignored);
  phase_ = phase::lingering;
  deadline_ = std::chrono::steady_clock::now() + linger_time;
  if (read_busy_) return;
  in_.consume(in_.size());
  start_read();
}

bool connection_impl::give_way(steady_time now) {
  if (phase_ == phase::answering || used_ + server_.settings.give_way_after > now) return false;
  cut_off();
  return true;
}

void connection_impl::sweep(steady_time now) {
  if (now >= write_deadline_) return cut_off();
  if (now < deadline_) return;
  guarded([this] {
    const bool nothing_owed = out_.empty() && !write_busy_;
    if (phase_ == phase::lingering || (waiting_for_request() && nothing_owed))
      close();
    else if (phase_ == phase::head)
      refuse(http_refusal::timeout, "The request's head did not arrive in time");
    else if (phase_ == phase::body)
      refuse(http_refusal::timeout, "The request's body did not arrive in time");
    else if (phase_ == phase::answering)
      refuse(http_refusal::internal, "No handler answered in time");
  });
}

}  // namespace

worker::worker(std::shared_ptr<server_state> state)
    : server{std::move(state)}, io{std::make_unique<asio::io_context>(1)} {}
worker::~worker() = default;

std::shared_ptr<connection> make_connection(worker& home, int descriptor, bool v6, std::string remote) {
  error_code ec;
  socket_type socket{*home.io};
  socket.assign(v6 ? tcp::v6() : tcp::v4(), descriptor, ec);
  if (ec) {
    ::close(descriptor);
    throw std::system_error{ec};
  }
  socket.set_option(tcp::no_delay{true}, ec);
  socket.set_option(not_sent_max{unsent_in_kernel_max}, ec);
  socket.non_blocking(true, ec);
  return std::make_shared<connection_impl>(home, std::move(socket), std::move(remote));
}

}  // namespace novapay::adapters::http
