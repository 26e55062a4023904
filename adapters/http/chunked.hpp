// chunked: the chunked transfer coding (RFC 9112, 7.1), read strictly. Chunk extensions and trailers are checked and
// dropped: a trailer must never pass for a header.
//
// Why not Beast's: version 1.81 asserts (aborts, unless NDEBUG) on a last chunk that arrives in pieces, accepts a bare
// LF in a quoted extension, and hands trailers out as headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace novapay::adapters::http {

class chunk_decoder {
 public:
  enum class step { need_more, complete, malformed, body_too_large, line_too_large };

  // The joined body may grow to `body_bytes_max`; a chunk's header line, and the trailers together, to
  // `line_bytes_max`.
  chunk_decoder(std::size_t body_bytes_max, std::size_t line_bytes_max)
      : body_bytes_max_{body_bytes_max}, line_bytes_max_{line_bytes_max} {}

  // Reads from the front of `bytes`, appends to `body`, says how much is done with. The caller keeps the rest, in front
  // of what comes next: an unfinished line is given again.
  step read(std::string_view bytes, std::size_t& used, std::string& body);

 private:
  enum class stage { size, data, data_end, trailers };
  step read_line(std::string_view line, const std::string& body);

  const std::size_t body_bytes_max_, line_bytes_max_;
  stage now_ = stage::size;
  std::uint64_t left_ = 0;         // of the chunk's data
  std::size_t trailer_bytes_ = 0;  // so far
};

}  // namespace novapay::adapters::http
