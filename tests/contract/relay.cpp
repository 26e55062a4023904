#include "tests/contract/relay.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace novapay::test {

namespace {

std::string option(const std::string& connection, const std::string& name) {
  std::istringstream words{connection};
  for (std::string word; words >> word;)
    if (word.starts_with(name + "=")) return word.substr(name.size() + 1);
  return {};
}

// Everything of the string but what says where to connect.
std::string without_address(const std::string& connection) {
  std::istringstream words{connection.substr(0, connection.find(" options="))};
  std::string rest;
  for (std::string word; words >> word;)
    if (!word.starts_with("host=") && !word.starts_with("port=")) rest += " " + word;
  const auto options = connection.find(" options=");
  return options == std::string::npos ? rest : rest + connection.substr(options);
}

int connect_to(const std::string& host, const std::string& port) {
  if (host.starts_with("/")) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (host + "/.s.PGSQL." + port).copy(address.sun_path, sizeof address.sun_path - 1);
    const int to = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(to, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return to;
    ::close(to);
    return -1;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return -1;
  int to = socket(found->ai_family, SOCK_STREAM, 0);
  if (connect(to, found->ai_addr, found->ai_addrlen) != 0) ::close(std::exchange(to, -1));
  freeaddrinfo(found);
  return to;
}

void send_all(int to, std::string_view bytes) {
  while (to >= 0 && !bytes.empty()) {
    const auto sent = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

}  // namespace

relay::relay(const std::string& target) : host_{option(target, "host")}, port_{option(target, "port")} {
  if (host_.empty()) host_ = "/var/run/postgresql";
  if (port_.empty()) port_ = "5432";
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  listener_ = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0 || pipe(wake_) != 0)
    throw std::runtime_error{"the relay can't listen"};
  connection_ = "host=127.0.0.1 port=" + std::to_string(ntohs(address.sin_port)) +
                " sslmode=disable gssencmode=disable" + without_address(target);
  thread_ = std::thread{[this] { run(); }};
}

relay::~relay() {
  stopping_ = true;
  if (write(wake_[1], "x", 1) == 1) thread_.join();
  for (auto& one : links_) end(one);
  for (const int fd : {listener_, wake_[0], wake_[1]}) ::close(fd);
}

void relay::arm(cut next) {
  const std::scoped_lock lock{mutex_};
  armed_ = next;
}

void relay::await_cut() {
  std::unique_lock lock{mutex_};
  struck_.wait(lock, [this] { return armed_ == cut::none; });
}

void relay::release() {
  std::unique_lock lock{mutex_};
  releasing_ = true;
  if (write(wake_[1], "x", 1) != 1) return;
  struck_.wait(lock, [this] { return !releasing_; });
}

cut relay::take(std::initializer_list<cut> any_of) {
  const std::scoped_lock lock{mutex_};
  if (std::ranges::find(any_of, armed_) == any_of.end()) return cut::none;
  struck_.notify_all();
  return std::exchange(armed_, cut::none);
}

void relay::end(link& one) {
  for (int* fd : {&one.client, &one.server})
    if (*fd >= 0) ::close(std::exchange(*fd, -1));
}

void relay::accept_one() {
  link one;
  one.client = accept(listener_, nullptr, nullptr);
  one.server = connect_to(host_, port_);
  if (one.client < 0 || one.server < 0) return end(one);
  links_.push_back(std::move(one));
}

void relay::from_client(link& one) {
  std::array<char, 65536> buffer;
  const auto got = recv(one.client, buffer.data(), buffer.size(), 0);
  if (got <= 0) {  // the server hears of it, unless it still has something to get
    ::close(std::exchange(one.client, -1));
    if (!one.holding) end(one);
    return;
  }
  const std::string_view bytes{buffer.data(), static_cast<std::size_t>(got)};
  switch (take({cut::request, cut::answer, cut::stall_request})) {
    case cut::request: return end(one);
    case cut::answer: one.doomed = true; break;
    case cut::stall_request: one.holding = true; break;
    default: break;
  }
  if (one.holding)
    one.held += bytes;
  else
    send_all(one.server, bytes);
}

void relay::from_server(link& one) {
  std::array<char, 65536> buffer;
  const auto got = recv(one.server, buffer.data(), buffer.size(), 0);
  if (got <= 0 || one.doomed) return end(one);
  if (take({cut::stall_answer}) == cut::stall_answer) one.mute = true;
  if (!one.mute) send_all(one.client, {buffer.data(), static_cast<std::size_t>(got)});
}

void relay::send_held() {
  char byte;
  if (read(wake_[0], &byte, 1) != 1) return;
  for (auto& one : links_) {
    if (!std::exchange(one.holding, false)) continue;
    send_all(one.server, one.held);
    one.held.clear();
  }
  const std::scoped_lock lock{mutex_};
  releasing_ = false;
  struck_.notify_all();
}

void relay::run() {
  while (!stopping_) {
    std::vector<pollfd> waiting{{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    for (const auto& one : links_) {
      waiting.push_back({one.client, POLLIN, 0});  // a negative one is skipped
      waiting.push_back({one.server, POLLIN, 0});
    }
    if (poll(waiting.data(), waiting.size(), -1) < 0) continue;
    if (waiting[1].revents != 0) send_held();
    for (std::size_t i = 0; i < links_.size(); ++i) {
      auto& one = links_[i];
      if (waiting[2 + 2 * i].revents != 0 && one.client >= 0) from_client(one);
      if (waiting[3 + 2 * i].revents != 0 && one.server >= 0) from_server(one);
    }
    if (waiting[0].revents != 0) accept_one();
    std::erase_if(links_, [](const link& one) { return one.client < 0 && one.server < 0; });
  }
}

}  // namespace novapay::test
