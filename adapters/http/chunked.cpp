#include "adapters/http/chunked.hpp"

#include <algorithm>
#include <charconv>

#include "adapters/http/head.hpp"

namespace novapay::adapters::http {

chunk_decoder::step chunk_decoder::read(std::string_view bytes, std::size_t& used, std::string& body) {
  for (used = 0;;) {
    const auto rest = bytes.substr(used);
    if (now_ == stage::data) {
      const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size()));
      body += rest.substr(0, taken);
      used += taken;
      left_ -= taken;
      if (left_ > 0) return step::need_more;
      now_ = stage::data_end;
      continue;
    }
    const auto lf = rest.find('\n');
    const bool complete = lf != std::string_view::npos;
    const auto length = complete ? lf + 1 : rest.size();
    if (length + trailer_bytes_ > line_bytes_max_) return step::line_too_large;
    if (now_ == stage::data_end && !std::string_view{"\r\n"}.starts_with(rest.substr(0, length)))
      return step::malformed;
    if (!complete) return step::need_more;
    if (lf == 0 || rest[lf - 1] != '\r') return step::malformed;
    used += length;
    const auto result = read_line(rest.substr(0, lf - 1), body);
    if (result != step::need_more) return result;
  }
}

chunk_decoder::step chunk_decoder::read_line(std::string_view line, const std::string& body) {
  if (now_ == stage::data_end) {
    now_ = stage::size;
    return step::need_more;
  }
  if (now_ == stage::trailers) {
    trailer_bytes_ += line.size() + 2;
    if (line.empty()) return step::complete;
    return is_field_line(line) ? step::need_more : step::malformed;
  }
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  const auto extensions = line.substr(static_cast<std::size_t>(end - line.data()));
  if (error != std::errc{} || (!extensions.empty() && extensions.front() != ';') || !is_field_text(extensions))
    return step::malformed;
  if (size > body_bytes_max_ - body.size()) return step::body_too_large;
  left_ = size;
  now_ = size == 0 ? stage::trailers : stage::data;
  return step::need_more;
}

}  // namespace novapay::adapters::http
