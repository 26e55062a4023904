#include "adapters/stripe/signature.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <vector>

namespace novapay::stripe {
namespace {

using digest = std::array<unsigned char, 32>;

constexpr std::size_t header_max = 4096;
constexpr std::size_t signatures_max = 16;  // Stripe sends one or two

digest hmac(std::string_view secret, std::string_view timestamp, std::string_view body) {
  std::string signed_text;
  signed_text.reserve(timestamp.size() + 1 + body.size());
  signed_text.append(timestamp).append(1, '.').append(body);
  digest out{};
  unsigned length = 0;
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), out.data(),
           &length) == nullptr ||
      length != out.size())
    throw std::runtime_error("OpenSSL cannot compute HMAC-SHA256");
  return out;
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// Lower case only, as Stripe writes it: a signature has one spelling.
std::optional<digest> parse_hex(std::string_view text) {
  digest out{};
  if (text.size() != out.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return out;
}

struct parsed_header {
  std::string_view timestamp;  // as written: that is what was signed
  std::vector<std::string_view> signatures;
};

// nullopt: not "key=value,…" throughout, or more than one t.
std::optional<parsed_header> parse(std::string_view header) {
  parsed_header out;
  while (true) {
    const auto comma = header.find(',');
    const auto item = header.substr(0, comma);
    const auto equals = item.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto name = item.substr(0, equals);
    const auto value = item.substr(equals + 1);
    if (name == "t") {
      if (!out.timestamp.empty()) return std::nullopt;
      out.timestamp = value;
    } else if (name == "v1" && out.signatures.size() < signatures_max) {
      out.signatures.push_back(value);
    }
    if (comma == std::string_view::npos) return out;
    header.remove_prefix(comma + 1);
  }
}

std::optional<std::chrono::seconds> parse_seconds(std::string_view text) {
  std::int64_t seconds = 0;
  if (text.empty() || text.size() > 11 || text.front() == '-') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds{seconds};
}

}  // namespace

std::string signature_of(std::string_view secret, std::string_view timestamp, std::string_view body) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const auto byte : hmac(secret, timestamp, body)) {
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  }
  return out;
}

webhook_verdict check_signature(std::string_view header, std::string_view body, std::span<const std::string> secrets,
                                domain::timestamp now, milliseconds tolerance) {
  if (header.empty()) return {false, "signature_missing"};
  const auto parsed = header.size() > header_max ? std::nullopt : parse(header);
  if (!parsed) return {false, "malformed"};
  const auto seconds = parse_seconds(parsed->timestamp);
  if (!seconds) return {false, "malformed"};
  if (parsed->signatures.empty()) return {false, "signature_missing"};

  bool genuine = false;
  for (const auto& secret : secrets) {
    if (secret.empty()) continue;  // an empty key signs for anybody
    const auto expected = hmac(secret, parsed->timestamp, body);
    for (const auto given : parsed->signatures)
      if (const auto digest = parse_hex(given))
        genuine = (CRYPTO_memcmp(digest->data(), expected.data(), expected.size()) == 0) || genuine;
  }
  if (!genuine) return {false, "signature_mismatch"};

  // Whole seconds, as Stripe counts.
  const auto age = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()) - *seconds;
  if (age > tolerance) return {false, "timestamp_too_old"};
  if (-age > tolerance) return {false, "timestamp_in_future"};
  return {true, {}};
}

}  // namespace novapay::stripe
