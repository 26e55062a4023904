#include "gateway/json_writer.hpp"

#include <array>

#include "gateway/text.hpp"

namespace novapay::gateway {
namespace {

constexpr auto is_plain = [] {  // stands for itself within a JSON string
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

}  // namespace

void json_writer::escape(std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  std::size_t plain = 0;  // from here on nothing needs care and nothing is written yet
  const auto flush = [&](std::size_t until) { out_.append(text, plain, until - plain); };

  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (is_plain[c]) {
      ++at;
      continue;
    }
    if (c >= 0x80) {
      if (const auto size = utf8_sequence(text, at); size > 0) {
        at += size;
        continue;
      }
    }
    flush(at);
    plain = ++at;
    switch (c) {
      case '"': out_.append("\\\""); break;
      case '\\': out_.append("\\\\"); break;
      case '\n': out_.append("\\n"); break;
      case '\r': out_.append("\\r"); break;
      case '\t': out_.append("\\t"); break;
      default:
        if (c >= 0x80)
          out_.append("\xEF\xBF\xBD");
        else
          out_.append({'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]});
    }
  }
  flush(text.size());
}

}  // namespace novapay::gateway
