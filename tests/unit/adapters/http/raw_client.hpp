// raw_client: a loopback socket that sends exactly the bytes it is told, for the listener's tests. Every wait ends.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace novapay::test {

inline constexpr std::chrono::milliseconds patience{10'000};

struct raw_response {
  int status = 0;
  std::string head;  // status line and fields
  std::string body;
};

class raw_client {
 public:
  explicit raw_client(std::uint16_t port, int receive_buffer = 0) : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
    if (receive_buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error("connect");
  }
  ~raw_client() { close(); }
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  // false: the server has closed. Never raises SIGPIPE.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void finish_sending() { ::shutdown(socket_, SHUT_WR); }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

  // The next response; status 0 at the end of the stream (or after `patience`). `head_only`: the answer to HEAD.
  raw_response read(bool head_only = false) {
    raw_response got;
    std::size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!receive()) return got;
    got.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    got.status = std::atoi(got.head.c_str() + 9);
    if (got.status == 100 || head_only) return got;
    const auto at = got.head.find("Content-Length: ");
    const auto length = at == std::string::npos ? 0 : std::strtoul(got.head.c_str() + at + 16, nullptr, 10);
    while (buffer_.size() < length)
      if (!receive()) return {};
    got.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return got;
  }

  // The server closes and says nothing more.
  bool at_end() { return buffer_.empty() && !receive() && ended_; }
  std::string rest() {
    while (receive()) {}
    return std::exchange(buffer_, {});
  }

 private:
  bool receive() {
    pollfd ready{socket_, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(patience.count())) != 1) return false;
    char bytes[16384];
    const auto n = ::recv(socket_, bytes, sizeof bytes, 0);
    ended_ = n <= 0;
    if (ended_) return false;
    buffer_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  int socket_;
  std::string buffer_;
  bool ended_ = false;
};

}  // namespace novapay::test
