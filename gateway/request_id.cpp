#include "gateway/request_id.hpp"

#include <algorithm>

#include "gateway/secret_guard.hpp"
#include "gateway/text.hpp"
#include "runtime/entity_id.hpp"

namespace novapay::gateway {

bool is_good_request_id(std::string_view sent) {
  if (sent.empty() || sent.size() > request_id_max) return false;
  const bool plain = std::all_of(sent.begin(), sent.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"_.:-"}.find(c) != std::string_view::npos;
  });
  return plain && !secret_in(sent) && !resembles_secret(sent);
}

std::string make_request_id(const runtime::clock& clock, runtime::random_source& random) {
  const auto where = static_cast<runtime::placement_hash>(random.next() & 0xFFFF);
  return "req_" + runtime::to_text(runtime::make_entity_id(clock.now(), where, random.next()));
}

}  // namespace novapay::gateway
