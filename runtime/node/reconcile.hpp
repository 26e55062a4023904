// reconcile: the command that compares a period of our journal with what a processor lists. Reads only, beside serving nodes.
#pragma once

#include <string>
#include <vector>

#include "runtime/node/config.hpp"

namespace novapay::node {

// As they stand on the command line.
struct reconcile_options {
  std::string processor;
  std::string from;  // "2026-11-21", "2026-11-21T09:30:00Z"
  std::string to;
  std::vector<std::string> reports;  // Adyen's settlement detail reports
  std::string lag;                   // "90s", "7d"; empty: the processor's own
  std::string output = "table";      // or "json"
};

// The exit code: 0 no difference, 65 some, 64 options that do not fit, 66 a statement that cannot be used, 69 a store or a processor that
// cannot be read, 130 interrupted.
int reconcile_period(const config& settings, const reconcile_options& options);

}  // namespace novapay::node
