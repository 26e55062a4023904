// settings: one Adyen merchant account as it is configured.
//
// The account must allow several partial captures of one payment: without that Adyen releases the rest after the first, and says so only by
// refusing the next one.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace novapay::adyen {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

struct settings {
  std::string name = "adyen";    // the processor's configured name: labels, pools, notices
  bool live = false;             // what the key is good for; other calls and other notifications are turned away
  std::string api_key;           // goes into one header and nowhere else
  std::string merchant_account;  // "NovaPayECOM"
  // With the version everything here has been reviewed against. Live: "https://PREFIX-checkout-live.adyenpayments.com/checkout/v71".
  std::string base_url = "https://checkout-test.adyen.com/v71";

  std::vector<std::string> hmac_keys;  // of the webhook, in hex; several while one is replaced
  std::string webhook_user;            // Basic authentication of the webhook; empty: none is asked for
  std::string webhook_password;

  std::string report_user;  // may download reports: "report@Company.NovaPay"
  std::string report_password;
  std::size_t report_bytes_max = 64 * 1024 * 1024;  // some 200,000 rows

  milliseconds connect_timeout{3s};
  milliseconds request_timeout{30s};  // one call, with its time in the queue
  milliseconds report_timeout{120s};  // one download
  std::size_t in_flight_max = 2'000;  // calls of the port not yet answered

  // Adyen keeps a key for 7 days at least and would then execute again; the rest is left for clocks and queues.
  milliseconds key_life{24h * 7 - 12h};
};

}  // namespace novapay::adyen
