// transfer: one easy handle of libcurl's, used for one call after the other, and the evidence of what became of each. For the client's
// thread. Nobody else sets an option of an easy handle.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "adapters/http_client/answer.hpp"
#include "adapters/http_client/verdict.hpp"
#include "runtime/http_client.hpp"

namespace novapay::adapters::http_client {

struct call;
struct pool_settings;
class sockets;

// What easy handles of a pool share: addresses, TLS sessions.
class shared_memory {
 public:
  shared_memory();  // throws std::bad_alloc
  ~shared_memory();
  shared_memory(const shared_memory&) = delete;
  shared_memory& operator=(const shared_memory&) = delete;
  void* handle() const noexcept { return handle_; }  // CURLSH

 private:
  void* handle_;
};

class transfer {
 public:
  // `connecting` counts those without a connection.
  transfer(const pool_settings& settings, const shared_memory& memory, sockets& all, std::size_t& connecting);
  ~transfer();
  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;

  void* handle() const noexcept { return easy_; }  // CURL
  static transfer& of(void* easy);

  // Ready to be given to a multi handle. The call must stay where it is until `end`. Counts itself as connecting until its request is
  // about to be written. False: libcurl has no memory left.
  bool begin(call& which);
  verdict end(int curl_code);  // it has been taken from its multi handle
  // While it is still there, after a good end: its connection, if it was new, stays open.
  void keep_socket();

  call* current() const noexcept { return current_; }
  bool begun() const noexcept { return seen_.begun; }  // bytes of the request may have left
  runtime::http_response take_answer() { return answer_.take(); }

 private:
  struct callbacks;
  void set_request(const call& which);
  void set_fields(const runtime::outgoing_call& what);
  void connected() noexcept;

  sockets& sockets_;
  std::size_t& connecting_;
  bool counts_ = false;  // itself as connecting
  void* easy_;
  call* current_ = nullptr;
  bool opened_socket_ = false;
  bool out_of_memory_ = false;
  evidence seen_;
  answer_reader answer_;
  std::vector<std::string> lines_;  // "name: value", reused
  struct list_memory;               // the nodes of libcurl's list over them, reused
  std::unique_ptr<list_memory> list_;
  std::vector<char> text_;  // libcurl's words
};

}  // namespace novapay::adapters::http_client
