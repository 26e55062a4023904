// admission: whether a request is begun when there is much to do already, decided by the first line of its head.
//
// A node that begins everything it is offered finishes nothing in time. So it begins no more than it can have in hand at once, and
// answers the rest at once with `overloaded`. New payments are refused first: a capture refused after its authorization would
// waste what has been done, and holds a customer's money.
#pragma once

#include <cstddef>
#include <string_view>

namespace novapay::gateway {

struct admission_limits {
  // New payments are begun below these; everything else below `others_times` as many.
  std::size_t commands_in_hand = 512;     // of the runtime: what is neither durable nor refused
  std::size_t requests_in_flight = 1024;  // of the listener: those that wait for a processor too
  // Webhooks are begun below this, whatever else there is to do: they end what is under way.
  std::size_t webhooks_waiting = 2048;  // of the desk: not yet stored
};
inline constexpr std::size_t others_times = 4;

struct work_now {
  std::size_t commands_in_hand = 0;
  std::size_t requests_in_flight = 0;
  std::size_t webhooks_waiting = 0;  // they are among the requests in flight
};

bool admits(const admission_limits& limits, const work_now& now, std::string_view method,
            std::string_view target) noexcept;

}  // namespace novapay::gateway
