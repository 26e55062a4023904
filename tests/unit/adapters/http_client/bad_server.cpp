#include "tests/unit/adapters/http_client/bad_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace novapay::test {
namespace {

SSL* ssl(void* tls) { return static_cast<SSL*>(tls); }

int choose_protocol(SSL*, const unsigned char** out, unsigned char* length, const unsigned char* in,
                    unsigned int in_length, void* http2) {
  static constexpr unsigned char with_2[] = "\x02h2\x08http/1.1";
  const unsigned char* ours = http2 ? with_2 : with_2 + 3;
  const unsigned ours_length = http2 ? 12 : 9;
  return SSL_select_next_proto(const_cast<unsigned char**>(out), length, ours, ours_length, in, in_length) ==
                 OPENSSL_NPN_NEGOTIATED
             ? SSL_TLSEXT_ERR_OK
             : SSL_TLSEXT_ERR_NOACK;
}

std::shared_ptr<void> context_of(const server_tls& tls) {
  SSL_CTX* made = SSL_CTX_new(TLS_server_method());
  std::shared_ptr<void> owner{made, [](void* p) { SSL_CTX_free(static_cast<SSL_CTX*>(p)); }};
  if (SSL_CTX_use_certificate_file(made, tls.identity.certificate_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_PrivateKey_file(made, tls.identity.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    throw std::runtime_error("certificate");
  SSL_CTX_set_alpn_select_cb(made, choose_protocol, reinterpret_cast<void*>(static_cast<std::uintptr_t>(tls.http2)));
  return owner;
}

}  // namespace

bool conversation::more() {
  std::array<char, 16384> bytes;
  const auto count = tls_ ? SSL_read(ssl(tls_), bytes.data(), static_cast<int>(bytes.size()))
                          : static_cast<int>(::recv(socket_, bytes.data(), bytes.size(), 0));
  if (count <= 0) return false;
  buffer_.append(bytes.data(), static_cast<std::size_t>(count));
  received_.append(bytes.data(), static_cast<std::size_t>(count));
  return true;
}

bool conversation::read_exactly(std::string& into, std::size_t count) {
  while (buffer_.size() < count)
    if (!more()) return false;
  into = buffer_.substr(0, count);
  buffer_.erase(0, count);
  return true;
}

bool conversation::read_head(std::string& into) {
  auto end = buffer_.find("\r\n\r\n");
  while (end == std::string::npos) {
    if (!more()) return false;
    end = buffer_.find("\r\n\r\n");
  }
  return read_exactly(into, end + 4);
}

bool conversation::read_request(seen_request& into) {
  if (!read_head(into.head)) return false;
  const auto at = into.head.find("Content-Length: ");
  const auto length = at == std::string::npos ? 0UL : std::stoul(into.head.substr(at + 16));
  return read_exactly(into.body, length);
}

bool conversation::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto chunk = std::min<std::size_t>(bytes.size(), 65536);
    const auto count = tls_ ? SSL_write(ssl(tls_), bytes.data(), static_cast<int>(chunk))
                            : static_cast<int>(::send(socket_, bytes.data(), chunk, MSG_NOSIGNAL));
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void conversation::wait_until_closed() {
  while (more()) buffer_.clear();
}

void conversation::reset() {
  const linger hard{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

void conversation::half_close() { ::shutdown(socket_, SHUT_WR); }

bad_server::bad_server(behaviour does, std::optional<server_tls> tls, const char* address)
    : does_{std::move(does)}, is_tls_{tls.has_value()} {
  if (tls) context_ = context_of(*tls);
  const bool v6 = std::strchr(address, ':') != nullptr;
  sockaddr_storage to{};
  socklen_t length = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  to.ss_family = v6 ? AF_INET6 : AF_INET;
  void* place = v6 ? static_cast<void*>(&reinterpret_cast<sockaddr_in6*>(&to)->sin6_addr)
                   : static_cast<void*>(&reinterpret_cast<sockaddr_in*>(&to)->sin_addr);
  ::inet_pton(to.ss_family, address, place);
  listener_ = ::socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&to), length) != 0 || ::listen(listener_, 1024) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&to), &length) != 0)
    throw std::runtime_error("listen");
  port_ = ntohs(v6 ? reinterpret_cast<sockaddr_in6*>(&to)->sin6_port : reinterpret_cast<sockaddr_in*>(&to)->sin_port);
  acceptor_ = std::thread{[this] { accept(); }};
}

bad_server::~bad_server() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock{mutex_};
    for (const int each : open_) ::shutdown(each, SHUT_RDWR);
  }
  for (auto& each : threads_) each.join();
  ::close(listener_);
}

std::string bad_server::url(std::string_view path) const { return url_of("127.0.0.1", path); }
std::string bad_server::url_of(std::string_view host, std::string_view path) const {
  return (is_tls_ ? "https://" : "http://") + std::string{host} + ":" + std::to_string(port_) + std::string{path};
}

void bad_server::accept() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (stopping_) {
      if (socket >= 0) ::close(socket);
      return;
    }
    if (socket < 0) continue;
    ++connections_;
    const std::lock_guard lock{mutex_};
    open_.push_back(socket);
    threads_.emplace_back([this, socket] { serve(socket); });
  }
}

void bad_server::serve(int socket) {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  SSL* tls = nullptr;
  bool ready = true;
  if (is_tls_) {
    tls = SSL_new(static_cast<SSL_CTX*>(context_.get()));
    SSL_set_fd(tls, socket);
    ready = SSL_accept(tls) == 1;
  }
  conversation with{socket, tls};
  if (ready) does_(with);
  if (tls) SSL_free(tls);
  const std::lock_guard lock{mutex_};
  open_.remove(socket);
  ::close(socket);
}

}  // namespace novapay::test
