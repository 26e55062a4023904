// load: the load itself, in one thread over epoll.
//
// A payment is two calls: create and authorize (manual), then capture. A connection has one call under way at a time; whichever is
// free takes the next, captures before creates. In the open loop payments begin at scheduled instants, whatever the server does: a
// call that finds no free connection waits, and its latency counts from its instant (a capture's from the answer to its create).
// In the closed loop every connection begins the next call as soon as it has the answer to the last.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/perf/loadgen/stats.hpp"

namespace loadgen {

struct phase {
  double rate = 0;  // payments a second; 0: closed loop
  double seconds = 0;
};

struct settings {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string key;  // the API key
  std::string run;  // makes the idempotency keys of this run unique; letters at its ends
  std::size_t connections = 64;
  std::vector<phase> phases;
  bool poisson = true;         // exponentially distributed gaps; false: equal ones
  bool capture = true;         // false: payments are created only
  std::uint64_t payments = 0;  // begin no more than these; 0: as many as the phases have room for
  std::uint64_t seed = 1;
  double processor_ms = 0;  // how long the processor takes for each call, for stats::beyond
};

struct outcome {
  std::vector<stats> phases;   // by the instant of the answer
  std::vector<stats> seconds;  // the same
  stats total;                 // with what was answered after the last phase
  double elapsed_s = 0;        // from the first instant to the last answer
  double cpu_s = 0;            // of this process
  std::uint64_t unanswered = 0;
  std::size_t busy_connections_max = 0;
};

// Throws std::system_error when it cannot connect.
outcome run(const settings& how);

}  // namespace loadgen
