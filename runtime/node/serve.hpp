// serve: one node, wired together and run until it is told to stop.
#pragma once

#include "runtime/node/config.hpp"

namespace novapay::node {

// Exit codes follow sysexits.h: 0 stopped as asked, 69 a server it needs is out of reach or does not fit, 70 a bug,
// 78 the configuration is wrong.
int serve(const config& settings);

}  // namespace novapay::node
