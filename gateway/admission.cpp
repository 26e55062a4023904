#include "gateway/admission.hpp"

#include <algorithm>

#include "gateway/routes.hpp"

namespace novapay::gateway {

bool admits(const admission_limits& limits, const work_now& now, std::string_view method,
            std::string_view target) noexcept {
  if (target.starts_with("/webhooks/")) return now.webhooks_waiting < limits.webhooks_waiting;
  const auto requests_in_flight = now.requests_in_flight - std::min(now.requests_in_flight, now.webhooks_waiting);
  if (now.commands_in_hand < limits.commands_in_hand && requests_in_flight < limits.requests_in_flight) return true;
  if (now.commands_in_hand >= limits.commands_in_hand * others_times ||
      requests_in_flight >= limits.requests_in_flight * others_times)
    return false;
  return method != "POST" || split(target).path != "/v1/payments";
}

}  // namespace novapay::gateway
