// verify: `novapay verify`: is what a store holds what was journaled? (runtime/verify.hpp, over the store a config names)
#pragma once

#include "runtime/node/config.hpp"

namespace novapay::node {

// Prints each finding and, on long work, how far it is. 0: sound; 65: something differs; 69: the store cannot be read.
int verify_store(const config& settings);

}  // namespace novapay::node
