#include "runtime/claim_record.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace novapay::runtime;

TEST_CASE("claim_record/encode: survives the round trip") {
  for (const auto& claim : {claim_record{"node-1", 7, 3}, claim_record{"", 0, 0},
                            claim_record{"a=b c", std::numeric_limits<std::uint64_t>::max(), 1}})
    CHECK(decode_claim(encode(claim)) == claim);
  CHECK(encode({"node-1", 7, 3}) == "claim 1\nnode=node-1\nincarnation=7\nnumber=3\n");
}

TEST_CASE("claim_record/decode: skips fields of a later version and refuses what is no claim") {
  CHECK(decode_claim("claim 1\nnode=n\nzone=a\nincarnation=7\nnumber=3\n") == claim_record{"n", 7, 3});

  for (const auto* bad : {"", "claim 1", "claim 1\n", "claim 2\nnode=n\nincarnation=7\nnumber=3\n",
                          "claim 1\nnode=n\nincarnation=7\nnumber=3", "claim 1\nnode=n\nincarnation=x\nnumber=3\n",
                          "claim 1\nnode=n\nincarnation=7\n", "claim 1\nnode=n\nnonsense\nincarnation=7\nnumber=3\n"})
    CHECK_FALSE(decode_claim(bad).has_value());
}
