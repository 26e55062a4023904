#include "adapters/http_client/sockets.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace novapay::adapters::http_client {
namespace {

constexpr std::size_t events_at_once = 256;

}  // namespace

sockets::sockets() : epoll_{::epoll_create1(EPOLL_CLOEXEC)}, bell_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = bell_;
  if (epoll_ < 0 || bell_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, bell_, &event) != 0) {
    if (epoll_ >= 0) ::close(epoll_);
    if (bell_ >= 0) ::close(bell_);
    throw std::runtime_error("the HTTP client gets no epoll set from the kernel");
  }
}

sockets::~sockets() {
  ::close(epoll_);
  ::close(bell_);
}

sockets::entry& sockets::at(int socket) {
  const auto index = static_cast<std::size_t>(socket);
  if (index >= entries_.size()) entries_.resize(index + 1);
  return entries_[index];
}

void sockets::opened(int socket) { at(socket) = {}; }
void sockets::keep(int socket) { at(socket).kept = true; }
void sockets::closed(int socket) { at(socket) = {}; }  // closing takes it out of the set

void sockets::change(int socket, entry& which, std::uint32_t to) {
  if (which.in_set == to) return;
  epoll_event event{};
  event.events = to;
  event.data.fd = socket;
  if (to == 0) {
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, &event);  // it may be closed already
  } else if (which.in_set == 0 || (::epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event) != 0 && errno == ENOENT)) {
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0 && errno == EEXIST)
      ::epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event);
  }
  which.in_set = to;
}

void sockets::want(int socket, std::uint32_t epoll_events, shard* concerns) {
  auto& which = at(socket);
  which.concerns = concerns;
  which.wanted = epoll_events;
  if (epoll_events == 0 && which.kept && which.in_set == EPOLLIN) return;
  change(socket, which, epoll_events);
}

bool sockets::wait(int timeout_ms, const std::function<void(shard&, int, std::uint32_t)>& ready) {
  std::array<epoll_event, events_at_once> events;
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
  bool rung = false;
  for (int i = 0; i < count; ++i) {
    const int socket = events[static_cast<std::size_t>(i)].data.fd;
    if (socket == bell_) {
      std::uint64_t strokes = 0;
      rung = ::read(bell_, &strokes, sizeof strokes) > 0 || rung;
      continue;
    }
    auto& which = at(socket);
    if (which.wanted == 0 || !which.concerns) {  // an idle connection that the server closes, or one just closed
      change(socket, which, 0);
      continue;
    }
    ready(*which.concerns, socket, events[static_cast<std::size_t>(i)].events);
  }
  return rung;
}

void sockets::ring() noexcept {
  const std::uint64_t stroke = 1;
  [[maybe_unused]] const auto written = ::write(bell_, &stroke, sizeof stroke);  // full: it has rung already
}

}  // namespace novapay::adapters::http_client
