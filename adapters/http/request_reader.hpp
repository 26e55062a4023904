// request_reader: bytes in, requests out. No sockets, no clock: how the bytes were cut up never matters.
//
// Not thread-safe; one per connection, used for one request after the other. After `refused` nothing more can be read.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "adapters/http/head.hpp"
#include "runtime/http.hpp"

namespace novapay::adapters::http {

struct request_limits {
  std::size_t head_bytes_max = std::size_t{16} * 1024;   // request line and fields; a chunk's header; trailers
  std::size_t body_bytes_max = std::size_t{256} * 1024;  // after the chunks have been joined
};

class request_reader {
 public:
  enum class step { need_more, complete, refused };

  // `admits` is asked once for each head that is well formed. What it turns away still has to be read to its end;
  // of what `take` then gives, only the method is to be trusted.
  explicit request_reader(request_limits limits, runtime::http_admission admits = nullptr);
  ~request_reader();

  // Reads from the front of `bytes` and says in `used` how much of it is done with. The caller keeps the rest, in
  // front of what comes next. `complete`: take() the request; the rest of the bytes belongs to the next one.
  // Throws only std::bad_alloc.
  step read(std::string_view bytes, std::size_t& used);

  bool begun() const noexcept;      // something of the next request has been used up already
  bool head_done() const noexcept;  // its head has been read, its body not yet wholly
  bool body_begun() const noexcept;
  const head_facts& facts() const noexcept;  // once the head is done, until the next read after take()
  const refused& refusal() const noexcept;   // after `refused`
  bool head_only() const noexcept;           // the method is HEAD: the answer has no body
  bool turned_away() const noexcept;
  runtime::http_request take();  // without remote and received_at

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace novapay::adapters::http
