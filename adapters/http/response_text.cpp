#include "adapters/http/response_text.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <cstdio>

namespace novapay::adapters::http {
namespace {

void append_number(std::string& out, std::size_t number) {
  std::array<char, 20> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end);
}

void append_safely(std::string& out, std::string_view text) {
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (std::none_of(text.begin(), text.end(), control)) {
    out += text;
    return;
  }
  for (const char c : text) out += control(static_cast<unsigned char>(c)) ? ' ' : c;
}

}  // namespace

void append_response(std::string& out, const runtime::http_response& response, const response_terms& terms) {
  const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(response.status));
  const bool bodyless = response.status == 204 || response.status == 304;
  out.reserve(out.size() + response.body.size() + 512);
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::size_t>(response.status));
  out += ' ';
  out.append(reason.data(), reason.size());
  out += "\r\n";
  bool retry_after = false;
  for (const auto& [name, value] : response.fields) {
    append_safely(out, name);
    out += ": ";
    append_safely(out, value);
    out += "\r\n";
    retry_after = retry_after || name == "retry-after" || name == "Retry-After";
  }
  if (terms.retry_after && !retry_after) out += "Retry-After: 1\r\n";
  out += "Date: ";
  out += terms.date;
  if (!bodyless) {
    out += "\r\nContent-Length: ";
    append_number(out, response.body.size());
  }
  if (!terms.keep_alive)
    out += "\r\nConnection: close";
  else if (terms.http_1_0)
    out += "\r\nConnection: keep-alive";
  out += "\r\n\r\n";
  if (!terms.head_only && !bodyless) out += response.body;
}

std::string http_date(std::time_t seconds) {
  // Not strftime: the names must be English in every locale.
  constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm t{};
  gmtime_r(&seconds, &t);
  std::array<char, 64> text;
  const int length = std::snprintf(
      text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[static_cast<std::size_t>(t.tm_wday)],
      t.tm_mday, months[static_cast<std::size_t>(t.tm_mon)], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace novapay::adapters::http
