// dev_key: the test merchant that `novapay serve` makes when no credentials are configured, so that a first request needs no
// set-up. Only a test key, only in the embedded data folder; the credentials file holds its hash as it would any other's.
#pragma once

#include <string>

#include "runtime/node/config.hpp"
#include "runtime/random.hpp"

namespace novapay::node {

inline constexpr const char* dev_merchant = "mrc_demo";

struct dev_credentials {
  std::string file;  // the credentials file to use
  std::string key;   // empty when credentials are configured
};

// Makes DATA/dev-key (mode 0600) and its entry in DATA/credentials.yaml unless they are there. Throws std::runtime_error.
dev_credentials prepare_credentials(const config& settings, runtime::random_source& random);

}  // namespace novapay::node
