#include "adapters/adyen/signature.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <stdexcept>

#include "adapters/adyen/encoding.hpp"

namespace novapay::adyen {

std::string signed_text(const notification_item& item) {
  std::string text;
  const auto add = [&](std::string_view value) { text.append(value).append(1, ':'); };
  add(item.reference);
  add(item.original_reference);
  add(item.account);
  add(item.merchant_reference);
  add(item.value ? std::to_string(*item.value) : std::string{});
  add(item.currency);
  add(item.event);
  text.append(item.success);
  return text;
}

std::string signature_of(std::string_view hex_key, std::string_view text) {
  const auto key = from_hex(hex_key);
  if (!key || key->empty()) return {};
  std::array<unsigned char, 32> digest{};
  unsigned length = 0;
  if (HMAC(EVP_sha256(), key->data(), static_cast<int>(key->size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length) == nullptr ||
      length != digest.size())
    throw std::runtime_error("OpenSSL cannot compute HMAC-SHA256");
  return base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

bool same_text(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// As text: a digest has one spelling in base64, and what is another spelling of it, or none, is refused without decoding.
bool matches(std::string_view signature, std::string_view text, std::span<const std::string> hex_keys) {
  bool any = false;
  for (const auto& key : hex_keys) {
    const auto expected = signature_of(key, text);
    if (expected.empty()) continue;  // no key at all signs for anybody
    any = same_text(signature, expected) || any;
  }
  return any;
}

bool genuine(const notification_item& item, std::span<const std::string> hex_keys) {
  for (const auto* part :
       {&item.reference, &item.original_reference, &item.account, &item.currency, &item.event, &item.success})
    if (part->find(':') != std::string::npos) return false;
  return matches(item.signature, signed_text(item), hex_keys);
}

}  // namespace novapay::adyen
