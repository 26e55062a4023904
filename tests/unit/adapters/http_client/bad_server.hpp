// bad_server: a server that does to each connection exactly what a test says, over TCP or TLS. Every wait ends when the server goes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/unit/adapters/http_client/certificates.hpp"

namespace novapay::test {

struct seen_request {
  std::string head;  // request line and fields
  std::string body;
};

// One connection, on a thread of its own. Over TLS it begins after the handshake.
class conversation {
 public:
  conversation(int socket, void* tls) : socket_{socket}, tls_{tls} {}

  // False: the client has closed, or the server goes.
  bool read_exactly(std::string& into, std::size_t count);
  bool read_head(std::string& into);  // up to the blank line
  bool read_request(seen_request& into);
  bool write(std::string_view bytes);
  void wait_until_closed();  // by the client
  // How the connection ends; without either it is closed in good order.
  void reset();  // the client sees a reset, what was written may be lost
  void half_close();

  const std::string& received() const noexcept { return received_; }  // every byte

 private:
  bool more();

  int socket_;
  void* tls_;  // SSL
  std::string buffer_;
  std::string received_;
};

using behaviour = std::function<void(conversation&)>;

struct server_tls {
  key_pair identity;
  bool http2 = false;
};

class bad_server {
 public:
  explicit bad_server(behaviour does, std::optional<server_tls> tls = std::nullopt, const char* address = "127.0.0.1");
  ~bad_server();
  bad_server(const bad_server&) = delete;
  bad_server& operator=(const bad_server&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  std::string url(std::string_view path = "/") const;  // of 127.0.0.1
  std::string url_of(std::string_view host, std::string_view path = "/") const;
  std::size_t connections() const noexcept { return connections_; }

 private:
  void accept();
  void serve(int socket);

  const behaviour does_;
  const bool is_tls_;
  std::shared_ptr<void> context_;  // SSL_CTX
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> connections_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::list<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

inline std::string answer(std::string_view body = "ok", std::string_view fields = {},
                          std::string_view status = "200 OK") {
  return "HTTP/1.1 " + std::string{status} + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string{fields} + "\r\n" + std::string{body};
}

// Each request of each connection gets these bytes.
inline behaviour always(std::string bytes) {
  return [bytes = std::move(bytes)](conversation& with) {
    for (seen_request request; with.read_request(request);) with.write(bytes);
  };
}

}  // namespace novapay::test
