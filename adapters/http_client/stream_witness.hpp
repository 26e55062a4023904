// stream_witness: how HTTP/2 streams ended. libcurl 7.88 knows it and tells nobody: that a stream was refused unprocessed looks like a lost
// connection, and one that was reset can look like the end of an answer. What a call's fate is depends on the difference.
//
// libcurl gets its HTTP/2 from libnghttp2, to which it gives a function to be called at a stream's end. The witness stands between: it
// defines the entry point through which libcurl hands that function over, under libnghttp2's own name, and passes everything on. This
// works where both are shared libraries; `present` says whether it does, and without it HTTP/2 is not offered to any server.
//
// Threads: what is watched is each thread's own.
#pragma once

#include <cstdint>
#include <functional>

namespace novapay::adapters::http_client {

inline constexpr std::uint32_t stream_no_error = 0;  // RFC 9113, section 7
inline constexpr std::uint32_t stream_refused_error =
    7;  // unprocessed, says RFC 9113 (8.7); also those above a GOAWAY's last stream

class stream_witness {
 public:
  static bool present() noexcept;

  // From here on `ended` is called with the error code with which a stream of this easy handle ends, from within libcurl.
  static void watch(const void* easy, std::function<void(std::uint32_t)> ended);
  static void forget(const void* easy);
};

}  // namespace novapay::adapters::http_client
