#include "adapters/spdlog/redaction.hpp"

#include <doctest/doctest.h>

using novapay::adapters::redacted;

TEST_CASE("log/redaction: keys, tokens and card numbers do not get out") {
  CHECK(redacted("key np_test_sk_0123456789abcdefABCDEF. end") == "key [redacted]. end");
  CHECK(redacted("Bearer np_live_sk_x") == "Bearer [redacted]");
  CHECK(redacted("{\"token\":\"tok_visa\"}") == "{\"token\":\"[redacted]\"}");
  CHECK(redacted("tok_a tok_b_c-d,tok_") == "[redacted] [redacted],[redacted]");
  CHECK(redacted("paid with 4111 1111 1111 1111 today") == "paid with [redacted] today");
  CHECK(redacted("tok_4111111111111111") == "[redacted]");
}

TEST_CASE("log/redaction: everything else stays as it is") {
  for (const char* text :
       {"", "pay_01hxyz4111111111111111abc7", "np_test_", "token", "took 12 ms", "mrc_demo", "1715500000000"})
    CHECK(redacted(text) == text);
}
