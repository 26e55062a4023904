// processors_config: which processors a node speaks with, and which payments go where. The sections `processors`, `routing` and
// `merchants` of the node's file; cluster-config/processors.yaml shows every key.
//
// Secrets never stand in the file: it names an environment variable or a file that holds one.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "actors/domain/circuit_breaker.hpp"
#include "actors/domain/routing.hpp"
#include "runtime/node/section.hpp"

namespace novapay::node {

inline constexpr std::size_t processors_max = 16;
inline constexpr std::size_t merchants_max = 10'000;
inline constexpr std::size_t webhook_secrets_max = 4;
inline constexpr std::size_t secret_bytes_max = 8 * 1024;

enum class processor_kind : std::uint8_t { sandbox = 1, stripe, adyen };

struct processor_config {
  std::string name;
  processor_kind kind = processor_kind::sandbox;
  bool live = false;
  std::vector<std::string> currencies;       // it takes; empty: all
  std::string base_url;                      // empty: the processor's own for this mode
  std::string api_key;                       // Stripe's secret key, Adyen's API key
  std::vector<std::string> webhook_secrets;  // Stripe's whsec_…, Adyen's HMAC keys in hex; several while one is rotated
  std::string merchant_account;              // Adyen
  std::string report_user, report_password;    // Adyen: may download settlement reports
  std::string webhook_user, webhook_password;  // Adyen: Basic authentication of its webhook; empty: none is asked for
  std::string ca_file;                         // certificates trusted beside the system's
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds call_timeout{30'000};
  std::size_t calls_max = 512;    // under way at once
  std::size_t queue_max = 4'096;  // waiting for one of these places
  bool multicapture = false;      // Stripe: the account may capture one authorization several times
};

struct merchant_config {
  domain::routing_rules routing;
  domain::on_expiry expiring = domain::on_expiry::nothing;
  std::chrono::milliseconds expiring_lead{0};
};

struct processing_config {
  // Where customers' browsers and processors reach this node: "https://pay.example.com"; empty: customers go from the bank's page to
  // the merchant at once.
  std::string public_url;
  std::vector<processor_config> processors;  // the first one gets what names none; without the section: the sandbox
  domain::breaker_settings breaker;
  merchant_config everyone;                          // merchants without settings of their own
  std::map<std::string, merchant_config> merchants;  // by "mrc_…"

  const merchant_config& of(const std::string& merchant) const;
};

// What a node without these sections does: everything goes to the sandbox.
processing_config sandbox_only();

// Reads `public_url`, `processors`, `circuit_breaker`, `routing`, `expiring` and `merchants` of the whole file. Throws std::runtime_error with
// file, line, key and what would be right; a secret that cannot be had is such an error too.
processing_config read_processing(section& in);

}  // namespace novapay::node
