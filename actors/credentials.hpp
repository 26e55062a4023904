// credentials: who an API key belongs to, as a port. Keys are random, so their SHA-256 is kept, never they themselves.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "actors/domain/payment.hpp"

namespace novapay {

struct principal {
  std::string merchant;  // "mrc_…"
  domain::mode mode = domain::mode::test;
};

class credentials {
 public:
  virtual ~credentials() = default;
  // nullopt: no such key. Thread-safe; compares in constant time; never logs the key.
  virtual std::optional<principal> find(std::string_view api_key) const = 0;
};

}  // namespace novapay
