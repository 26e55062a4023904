#include "adapters/http_client/answer.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace novapay::adapters::http_client {
namespace {

// A body's announced length is believed up to here before its bytes arrive.
constexpr std::size_t reserve_bytes_max = std::size_t{64} * 1024;

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

bool answer_reader::line(std::string_view text) {
  head_bytes_ += text.size();
  if (head_bytes_ > answer_head_bytes_max) return fail(fault::too_large);
  if (at_ == part::rest) return true;  // a trailer: nothing of ours is said there
  if (at_ == part::start) return status_line(text);
  if (!trimmed(text).empty()) return field(text);
  at_ = response_.status < 200 ? part::start : part::rest;  // after a 1xx comes another head
  return true;
}

bool answer_reader::status_line(std::string_view text) {
  if (!text.starts_with("HTTP/")) return fail(fault::malformed);
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos) return fail(fault::malformed);
  const auto rest = text.substr(blank + 1);
  int status = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + std::min<std::size_t>(rest.size(), 3), status);
  if (error != std::errc{} || end != rest.data() + 3 || status < 100 || status > 599) return fail(fault::malformed);
  if (status == 101) return fail(fault::malformed);  // nobody asked to switch
  response_.status = status;
  response_.fields.clear();
  length_.reset();
  chunked_ = false;
  at_ = part::head;
  return true;
}

bool answer_reader::field(std::string_view text) {
  if (text.front() == ' ' || text.front() == '\t') {  // folded: the last field goes on
    if (response_.fields.empty()) return fail(fault::malformed);
    const auto& [name, value] = response_.fields.back();
    if (name == "content-length" || name == "transfer-encoding") return fail(fault::malformed);
    response_.fields.back().second.append(" ").append(trimmed(text));
    return true;
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return fail(fault::malformed);
  const auto& [name, value] =
      response_.fields.emplace_back(lower(text.substr(0, colon)), std::string{trimmed(text.substr(colon + 1))});
  return meaning_of_field(name, value);
}

bool answer_reader::meaning_of_field(const std::string& name, const std::string& value) {
  if (name == "content-length") {
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (error != std::errc{} || end != value.data() + value.size()) return fail(fault::malformed);
    if (length_ && *length_ != length) return fail(fault::malformed);  // two ends: neither is one
    length_ = length;
    if (!has_no_body_ && response_.status != 304 && length > body_bytes_max_) return fail(fault::too_large);
    response_.body.reserve(std::min<std::uint64_t>(length, reserve_bytes_max));
  } else if (name == "transfer-encoding") {
    if (chunked_ || lower(value) != "chunked") return fail(fault::malformed);  // no other was asked for
    chunked_ = true;
  }
  return true;
}

bool answer_reader::body(std::string_view bytes) {
  if (at_ != part::rest) return fail(fault::malformed);
  if (bytes.size() > body_bytes_max_ - response_.body.size()) return fail(fault::too_large);
  response_.body.append(bytes);
  return true;
}

bool answer_reader::complete() const noexcept {
  if (at_ != part::rest || problem_ != fault::none) return false;
  if (has_no_body_ || response_.status == 204 || response_.status == 304) return true;
  if (chunked_) return true;  // libcurl has seen the last chunk
  return length_ && *length_ == response_.body.size();
}

}  // namespace novapay::adapters::http_client
