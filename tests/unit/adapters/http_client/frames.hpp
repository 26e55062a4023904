// frames: HTTP/2 as a server speaks it (RFC 9113), frame by frame, so that a test decides what becomes of each stream. Field blocks of
// requests are not read; answers' are written without compression.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "tests/unit/adapters/http_client/bad_server.hpp"

namespace novapay::test {

enum frame_type : std::uint8_t {
  data = 0,
  headers = 1,
  rst_stream = 3,
  settings = 4,
  ping = 6,
  goaway = 7,
  window_update = 8
};
inline constexpr std::uint8_t end_stream = 1;
inline constexpr std::uint8_t end_headers = 4;

class http2_conversation {
 public:
  explicit http2_conversation(conversation& with) : with_{with} {}

  // Greets, then calls `whole` with each request that has arrived whole, until the client closes or `whole` says false.
  void serve(const std::function<bool(std::uint32_t stream, const std::string& body)>& whole) {
    std::string preface;
    if (!with_.read_exactly(preface, 24) || !write(settings, 0, 0, {})) return;
    while (read_frame()) {
      if (type_ == settings && !(flags_ & 1)) write(settings, 1, 0, {});
      if (type_ == ping && !(flags_ & 1)) write(ping, 1, 0, payload_);
      if (type_ == data) bodies_[stream_] += payload_;
      if (type_ == data && !payload_.empty())  // what was taken may be sent anew
        for (const auto window : {std::uint32_t{0}, stream_})
          write(window_update, 0, window, number(static_cast<std::uint32_t>(payload_.size())));
      if ((type_ == data || type_ == headers) && (flags_ & end_stream) && !whole(stream_, bodies_[stream_])) return;
    }
  }

  bool write(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
    std::string out;
    const auto size = payload.size();
    for (const int shift : {16, 8, 0}) out += static_cast<char>(size >> shift);
    out += static_cast<char>(type);
    out += static_cast<char>(flags);
    out += number(stream);
    out += payload;
    return with_.write(out);
  }

  // 200; with its length, unless that is left to the stream's end.
  bool head(std::uint32_t stream, std::string_view length, std::uint8_t flags = 0) {
    std::string fields = "\x88";  // :status 200
    if (!length.empty()) fields += std::string("\x0f\x0d", 2) + static_cast<char>(length.size()) + std::string{length};
    return write(headers, end_headers | flags, stream, fields);
  }
  bool answer(std::uint32_t stream, std::string_view body = "ok") {
    return head(stream, std::to_string(body.size())) && write(data, end_stream, stream, body);
  }
  bool reset_stream(std::uint32_t stream, std::uint32_t error) { return write(rst_stream, 0, stream, number(error)); }
  bool go_away(std::uint32_t last_stream, std::uint32_t error) {
    return write(goaway, 0, 0, number(last_stream) + number(error));
  }

 private:
  static std::string number(std::uint32_t value) {
    std::string out;
    for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(value >> shift);
    return out;
  }
  bool read_frame() {
    std::string head;
    if (!with_.read_exactly(head, 9)) return false;
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(head[i])); };
    type_ = static_cast<std::uint8_t>(byte(3));
    flags_ = static_cast<std::uint8_t>(byte(4));
    stream_ = (byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)) & 0x7fffffffU;
    return with_.read_exactly(payload_, byte(0) << 16 | byte(1) << 8 | byte(2));
  }

  conversation& with_;
  std::uint8_t type_ = 0;
  std::uint8_t flags_ = 0;
  std::uint32_t stream_ = 0;
  std::string payload_;
  std::map<std::uint32_t, std::string> bodies_;
};

}  // namespace novapay::test
