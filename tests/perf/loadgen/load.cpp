#include "tests/perf/loadgen/load.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <deque>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "tests/perf/loadgen/answer.hpp"

namespace loadgen {
namespace {

using clock = std::chrono::steady_clock;
using instant = clock::time_point;

// Arrivals and answers are looked at no more often than this. To wait for answers in epoll would cost the server: it is on this machine,
// and who sends to a thread that waits pays for waking it. A network takes as long.
constexpr nanoseconds tick{200'000};
constexpr std::size_t waiting_max = 200'000;  // calls that wait for a connection
constexpr std::chrono::seconds drain_max{30};
constexpr std::size_t answer_bytes_max = 64 * 1024;
constexpr std::string_view body =
    R"({"amount":1099,"currency":"eur","capture_method":"manual","payment_method":{"type":"card","token":"tok_visa"},"reference":"bench"})";

struct call {
  std::uint64_t number = 0;
  instant scheduled{};
  std::string payment;  // to be captured; "": a create
};

struct connection {
  int fd = -1;
  enum class state { connecting, idle, busy } now = state::connecting;
  call under_way;
  instant sent{};
  std::string in;
};

[[noreturn]] void fail(const char* what) { throw std::system_error{errno, std::generic_category(), what}; }

nanoseconds to_nanoseconds(double ms) {
  return std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double, std::milli>(ms));
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

class load {
 public:
  explicit load(const settings& how)
      : how_{how}, random_{how.seed * 0x9e3779b97f4a7c15ull + 1}, connections_(how.connections) {
    address_.sin_family = AF_INET;
    address_.sin_port = htons(how.port);
    if (::inet_pton(AF_INET, how.host.c_str(), &address_.sin_addr) != 1)
      throw std::invalid_argument("the host is not an IPv4 address");
    poll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (poll_ < 0) fail("epoll_create1");
    common_ = "Host: bench\r\nAuthorization: Bearer " + how.key +
              "\r\nContent-Type: application/json\r\nIdempotency-Key: " + how.run;
    create_tail_ = "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  ~load() {
    for (const auto& one : connections_)
      if (one.fd >= 0) ::close(one.fd);
    ::close(poll_);
  }
  load(const load&) = delete;
  load& operator=(const load&) = delete;

  outcome run();

 private:
  void connect(connection& one);
  void watch(connection& one, std::uint32_t events, int operation);
  void connected(connection& one);
  void wait(instant until);
  void schedule(instant now);
  void arrive(instant at);
  void dispatch();
  void send(connection& one, call next);
  void readable(connection& one);
  void answered(connection& one, const answer& with);
  void lost(connection& one);
  double uniform();
  bool closed_loop() const { return at_ < how_.phases.size() && how_.phases[at_].rate == 0; }
  bool may_begin() const { return how_.payments == 0 || begun_ < how_.payments; }

  template <class F>
  void record(instant when, F what) {
    what(found_.total);
    if (at_ < how_.phases.size()) what(found_.phases[at_]);
    const auto second =
        static_cast<std::size_t>(std::chrono::duration_cast<std::chrono::seconds>(when - start_).count());
    if (at_ < how_.phases.size()) {
      if (found_.seconds.size() <= second) found_.seconds.resize(second + 1);
      what(found_.seconds[second]);
    }
  }

  const settings& how_;
  sockaddr_in address_{};
  int poll_ = -1;
  std::uint64_t random_;
  std::string common_, create_tail_, out_;
  std::vector<connection> connections_;
  std::vector<std::size_t> idle_;
  std::size_t busy_ = 0;
  std::deque<call> creates_, captures_;
  std::uint64_t begun_ = 0, numbers_ = 0;
  instant start_{}, phase_end_{}, next_arrival_{};
  std::size_t at_ = 0;  // phase
  outcome found_;
};

void load::watch(connection& one, std::uint32_t events, int operation) {
  epoll_event wanted{};
  wanted.events = events;
  wanted.data.u64 = static_cast<std::uint64_t>(&one - connections_.data());
  if (::epoll_ctl(poll_, operation, one.fd, &wanted) != 0) fail("epoll_ctl");
}

void load::connect(connection& one) {
  one.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (one.fd < 0) fail("socket");
  const int on = 1;
  ::setsockopt(one.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  one.now = connection::state::connecting;
  one.in.clear();
  if (::connect(one.fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0 && errno != EINPROGRESS)
    fail("connect");
  watch(one, EPOLLOUT, EPOLL_CTL_ADD);
}

void load::connected(connection& one) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(one.fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    errno = error;
    fail("connect");
  }
  watch(one, EPOLLIN, EPOLL_CTL_MOD);
  one.now = connection::state::idle;
  // The last to be used: those in use stay so, and a server that closes idle ones closes none that is about to be used.
  idle_.insert(idle_.begin(), static_cast<std::size_t>(&one - connections_.data()));
}

double load::uniform() {  // (0, 1]; xorshift64*
  random_ ^= random_ >> 12;
  random_ ^= random_ << 25;
  random_ ^= random_ >> 27;
  return static_cast<double>((random_ * 0x2545f4914f6cdd1dull >> 11) + 1) / 9007199254740992.0;
}

void load::arrive(instant at) {
  ++begun_;
  record(at, [](stats& s) { ++s.offered; });
  if (creates_.size() >= waiting_max) return record(at, [](stats& s) { ++s.unsent; });
  creates_.push_back({++numbers_, at, {}});
}

void load::schedule(instant now) {
  while (at_ < how_.phases.size()) {
    const auto& phase = how_.phases[at_];
    if (phase.rate > 0)
      while (next_arrival_ <= now && next_arrival_ < phase_end_ && may_begin()) {
        arrive(next_arrival_);
        const auto gap = (how_.poisson ? -std::log(uniform()) : 1.0) / phase.rate;
        next_arrival_ += std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(gap));
      }
    const bool finished = !may_begin() && busy_ == 0 && creates_.empty() && captures_.empty();
    if (now < phase_end_ && !finished) return;
    at_ = finished ? how_.phases.size() : at_ + 1;
    next_arrival_ = now;
    if (at_ < how_.phases.size())
      phase_end_ += std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(how_.phases[at_].seconds));
  }
}

void load::dispatch() {
  while (!idle_.empty()) {
    call next;
    if (!captures_.empty()) {
      next = std::move(captures_.front());
      captures_.pop_front();
    } else if (!creates_.empty()) {
      next = std::move(creates_.front());
      creates_.pop_front();
    } else if (closed_loop() && may_begin()) {
      const auto now = clock::now();
      arrive(now);
      next = std::move(creates_.back());
      creates_.pop_back();
    } else {
      return;
    }
    auto& one = connections_[idle_.back()];
    idle_.pop_back();
    send(one, std::move(next));
  }
}

void load::send(connection& one, call next) {
  out_.assign("POST /v1/payments");
  if (!next.payment.empty()) out_.append("/").append(next.payment).append("/capture");
  out_.append(" HTTP/1.1\r\n").append(common_).append(std::to_string(next.number));
  if (next.payment.empty())
    out_.append("n").append(create_tail_);
  else
    out_.append("c\r\nContent-Length: 2\r\n\r\n{}");
  one.under_way = std::move(next);
  one.now = connection::state::busy;
  one.sent = clock::now();
  found_.busy_connections_max = std::max(found_.busy_connections_max, ++busy_);
  record(one.sent, [&](stats& s) {
    ++s.sent;
    s.lag.add(one.sent - one.under_way.scheduled);
  });
  if (::send(one.fd, out_.data(), out_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out_.size())) lost(one);
}

void load::lost(connection& one) {
  if (one.now == connection::state::busy) {
    --busy_;
    record(clock::now(), [](stats& s) { ++s.broken; });
  } else {
    std::erase(idle_, static_cast<std::size_t>(&one - connections_.data()));
  }
  ::close(one.fd);
  connect(one);
}

void load::readable(connection& one) {
  std::array<char, 8192> room;
  const auto n = ::recv(one.fd, room.data(), room.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0 || one.now != connection::state::busy) return lost(one);  // unasked bytes are no answer
  std::string_view bytes{room.data(), static_cast<std::size_t>(n)};
  if (!one.in.empty()) bytes = one.in.append(bytes);
  answer with;
  const auto result = read_answer(bytes, with);
  if (result == read_result::malformed || bytes.size() > answer_bytes_max) return lost(one);
  if (result == read_result::incomplete) {
    if (one.in.empty()) one.in = bytes;
    return;
  }
  answered(one, with);
}

void load::answered(connection& one, const answer& with) {
  const auto now = clock::now();
  const auto& asked = one.under_way;
  const bool captures = !asked.payment.empty();
  const bool ok = captures ? with.status == 200 && with.state() == "captured"
                           : (with.status == 201 || with.status == 200) && with.state() == "authorized";
  const bool refused = with.status == 503 && with.retry_after && with.error() == "overloaded";
  const auto own = to_nanoseconds(with.own_ms), processor = to_nanoseconds(how_.processor_ms);
  record(now, [&](stats& s) {
    if (ok) {
      ++(captures ? s.paid : s.created);
      s.ok.add(now - asked.scheduled);
      s.beyond.add(now - one.sent - processor);
      if (with.own_ms >= 0) s.own.add(own);
    } else if (refused) {
      ++(captures ? s.refused_captures : s.refused_creates);
      s.refused.add(now - asked.scheduled);
      s.refused_sent.add(now - one.sent);
      if (with.own_ms >= 0) s.refused_own.add(own);
    } else {
      const auto code = with.error().empty() ? with.state() : with.error();
      ++s.other[std::to_string(with.status) + " " + std::string(code)];
    }
  });
  if (ok && !captures && how_.capture) captures_.push_back({asked.number, now, std::string(with.id())});
  --busy_;
  one.now = connection::state::idle;
  one.in.clear();
  idle_.push_back(static_cast<std::size_t>(&one - connections_.data()));
  if (with.close) lost(one);
}

void load::wait(instant until) {
  if (until > clock::now()) std::this_thread::sleep_for(tick);
  std::array<epoll_event, 256> events;
  const int n = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), 0);
  if (n < 0 && errno != EINTR) fail("epoll_wait");
  for (int i = 0; i < n; ++i) {
    auto& one = connections_[events[static_cast<std::size_t>(i)].data.u64];
    if (one.now == connection::state::connecting)
      connected(one);
    else
      readable(one);
    if (!captures_.empty() || closed_loop()) dispatch();  // the connection that has the answer is still warm
  }
}

outcome load::run() {
  for (auto& one : connections_) connect(one);
  at_ = how_.phases.size();  // nothing is offered yet
  const auto patience = clock::now() + drain_max;
  while (idle_.size() < connections_.size() && clock::now() < patience) wait(patience);

  found_.phases.resize(how_.phases.size());
  at_ = 0;
  const auto cpu = cpu_seconds();
  start_ = next_arrival_ = clock::now();
  phase_end_ =
      start_ + std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(how_.phases.front().seconds));
  for (;;) {
    schedule(clock::now());
    if (at_ == how_.phases.size()) break;
    dispatch();
    const bool open = how_.phases[at_].rate > 0 && may_begin();
    wait(open ? std::min(next_arrival_, phase_end_) : phase_end_);
  }
  const auto drained = clock::now() + drain_max;
  while ((busy_ > 0 || !captures_.empty() || !creates_.empty()) && clock::now() < drained) {
    dispatch();
    wait(drained);
  }
  found_.elapsed_s = std::chrono::duration<double>(clock::now() - start_).count();
  found_.cpu_s = cpu_seconds() - cpu;
  found_.unanswered = busy_ + captures_.size() + creates_.size();
  return std::move(found_);
}

}  // namespace

outcome run(const settings& how) { return load{how}.run(); }

}  // namespace loadgen
