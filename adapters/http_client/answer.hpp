// answer: collects an answer from what libcurl delivers, within bounds, and knows whether it is all there. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/http.hpp"

namespace novapay::adapters::http_client {

// All heads of one answer, 1xx and trailers included.
inline constexpr std::size_t answer_head_bytes_max = std::size_t{64} * 1024;

class answer_reader {
 public:
  enum class fault : std::uint8_t { none, too_large, malformed };

  answer_reader() = default;
  // `has_no_body`: the answer to a HEAD.
  answer_reader(std::size_t body_bytes_max, bool has_no_body)
      : body_bytes_max_{body_bytes_max}, has_no_body_{has_no_body} {}

  // A line of a head or trailer with its line end, or bytes of the body. False: to be given up, see `problem`.
  bool line(std::string_view text);
  bool body(std::string_view bytes);

  fault problem() const noexcept { return problem_; }
  bool begun() const noexcept { return head_bytes_ > 0; }
  std::size_t body_bytes() const noexcept { return response_.body.size(); }

  bool complete() const noexcept;  // all there? Asked when libcurl says so

  runtime::http_response take() { return std::move(response_); }

 private:
  bool fail(fault why) noexcept {
    problem_ = why;
    return false;
  }
  bool status_line(std::string_view text);
  bool field(std::string_view text);
  bool meaning_of_field(const std::string& name, const std::string& value);

  std::size_t body_bytes_max_ = 0;
  bool has_no_body_ = false;

  enum class part : std::uint8_t { start, head, rest };  // rest: body and trailers
  part at_ = part::start;
  fault problem_ = fault::none;
  std::size_t head_bytes_ = 0;
  bool chunked_ = false;
  std::optional<std::uint64_t> length_;
  runtime::http_response response_;
};

}  // namespace novapay::adapters::http_client
