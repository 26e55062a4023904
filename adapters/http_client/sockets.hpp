// sockets: libcurl's sockets in one epoll set, and a bell that other threads ring. For the client's thread, `ring` excepted.
//
// A kept-alive connection stays in the set between two calls: taking it out and putting it back would cost two system calls on each.
// That is only right for a socket whose closing is told (`keep`); what the kernel says of one that nobody wants takes it out after all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace novapay::adapters::http_client {

struct shard;

class sockets {
 public:
  sockets();  // throws std::runtime_error: no kernel resources
  ~sockets();
  sockets(const sockets&) = delete;
  sockets& operator=(const sockets&) = delete;

  void opened(int socket);                                             // a new one of that number
  void want(int socket, std::uint32_t epoll_events, shard* concerns);  // 0: nothing for now
  void keep(int socket);                                               // `closed` will be called before it is closed
  void closed(int socket);

  // Waits at most `timeout_ms` (-1: for ever), then calls `ready` for each socket with what is wanted of it. True: the bell has rung.
  bool wait(int timeout_ms, const std::function<void(shard&, int socket, std::uint32_t epoll_events)>& ready);
  void ring() noexcept;  // any thread

 private:
  struct entry {
    shard* concerns = nullptr;
    std::uint32_t wanted = 0;
    std::uint32_t in_set = 0;  // what the kernel watches for
    bool kept = false;
  };
  entry& at(int socket);
  void change(int socket, entry& which, std::uint32_t to);

  int epoll_ = -1;
  int bell_ = -1;
  std::vector<entry> entries_;  // by socket
};

}  // namespace novapay::adapters::http_client
