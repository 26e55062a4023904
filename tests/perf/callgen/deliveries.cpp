#include "tests/perf/callgen/deliveries.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <system_error>
#include <vector>

#include "tests/perf/loadgen/answer.hpp"

namespace callgen {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error{errno, std::generic_category(), what}; }

// A blocking socket: what is read is read when epoll has said that it is there.
int connected(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made < 0) fail("socket");
  const int on = 1;
  ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
  return made;
}

struct line {
  int fd = -1;
  std::string in;
};

}  // namespace

delivered deliver(std::uint16_t port, const std::string& path, std::size_t connections,
                  const std::function<bool(std::string& fields, std::string& body)>& next) {
  delivered found;
  std::string fields, body, out;
  const auto send = [&](line& to) {
    if (!next(fields, body)) return false;
    out.assign("POST ").append(path).append(" HTTP/1.1\r\nHost: bench\r\n").append(fields);
    out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    if (::send(to.fd, out.data(), out.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(out.size())) return true;
    ++found.answers["broken"];
    return false;
  };

  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  if (poll < 0) fail("epoll_create1");
  std::vector<line> lines(connections);
  for (auto& each : lines) {
    each.fd = connected(port);
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.ptr = &each;
    if (::epoll_ctl(poll, EPOLL_CTL_ADD, each.fd, &wanted) != 0) fail("epoll_ctl");
  }

  const auto begun = std::chrono::steady_clock::now();
  std::size_t under_way = 0;
  for (auto& each : lines) under_way += send(each) ? 1 : 0;
  std::array<epoll_event, 256> events;
  std::array<char, 8192> room;
  while (under_way > 0) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      auto& each = *static_cast<line*>(events[static_cast<std::size_t>(i)].data.ptr);
      const auto n = ::recv(each.fd, room.data(), room.size(), 0);
      loadgen::answer with;
      if (n > 0) each.in.append(room.data(), static_cast<std::size_t>(n));
      const auto read = n > 0 ? loadgen::read_answer(each.in, with) : loadgen::read_result::malformed;
      if (read == loadgen::read_result::incomplete) continue;
      each.in.clear();
      --under_way;
      if (read == loadgen::read_result::complete && !with.close) {
        ++found.answers[std::to_string(with.status)];
        under_way += send(each) ? 1 : 0;
      } else {
        ++found.answers["broken"];
        ::epoll_ctl(poll, EPOLL_CTL_DEL, each.fd, nullptr);
      }
    }
  }
  found.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  for (const auto& each : lines) ::close(each.fd);
  ::close(poll);
  return found;
}

}  // namespace callgen
