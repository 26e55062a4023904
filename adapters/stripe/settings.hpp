// settings: one Stripe account as it is configured.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace novapay::stripe {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

// The version every request asks for, and that everything here has been reviewed against. The account's webhook endpoint must be
// created with it too: events come in the endpoint's version, which cannot be changed later.
inline constexpr std::string_view api_version = "2026-10-28.endive";

struct settings {
  std::string name = "stripe";  // the processor's configured name: labels, pools, notices
  bool live = false;            // what the key is good for; other calls and other events are turned away
  std::string secret_key;       // "sk_…" or "rk_…": goes into one header and nowhere else
  std::string base_url = "https://api.stripe.com";
  std::string api_version{stripe::api_version};
  std::vector<std::string> webhook_secrets;  // "whsec_…" as text; several while they are rolled
  milliseconds webhook_tolerance{300s};      // how far a delivery's timestamp may be off, either way
  milliseconds connect_timeout{3s};
  milliseconds request_timeout{30s};  // one HTTP call
  milliseconds call_timeout{60s};     // one call of the port, with all the HTTP calls it takes
  std::size_t in_flight_max = 2'000;  // calls of the port not yet answered
  // Several captures of one authorization; a feature of the account. Without it a partial capture releases the rest.
  bool multicapture = false;

  // Stripe may forget a key after 24 h and would then execute again; an hour is left for clocks and queues.
  milliseconds key_life{23h};
  // A 500 is stored under its key, and Stripe may complete or undo the work later. Once a complete list shows no trace of it this long after
  // the first attempt, it counts as failed. Short for what moves no money (an authorization that appears later is released), long where
  // a second one in its place would be a second movement of money.
  milliseconds stored_error_settles{30s};
  milliseconds stored_error_settles_money{15min};
};

}  // namespace novapay::stripe
