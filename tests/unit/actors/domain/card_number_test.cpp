#include "actors/domain/card_number.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

using namespace novapay::domain;

TEST_CASE("card_number/find: the well-known test number of each network is found") {
  for (const char* number : {
           "4111111111111111",    "4242424242424242",    "4222222222222",    "4000002500003155",
           "4000000000000000006",                                                                 // Visa
           "5555555555554444",    "5105105105105100",    "2223003122003222", "2720990000000007",  // Mastercard
           "378282246310005",     "371449635398431",     "340000000000009",                       // Amex
           "6011111111111117",    "6011000990139424",    "6445644564456445", "6500000000000002",  // Discover
           "3566002020360505",    "3530111333300000",                                             // JCB
           "30569309025904",      "36227206271667",      "38520000023237",                        // Diners
           "6200000000000005",    "6205500000000000004",                                          // UnionPay
           "6759649826438453",    "5018000000000009",    "6304000000000000",                      // Maestro
       }) {
    CAPTURE(number);
    CHECK(contains_card_number(number));
  }
}

TEST_CASE("card_number/find: spaces, dashes and surroundings do not hide it") {
  for (const char* text :
       {"4111 1111 1111 1111", "4111-1111-1111-1111", "4111-1111 1111-1111", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "3782 822463 10005", "3056 930902 5904", "tok_4111111111111111", "card=4111111111111111;", "(4111111111111111)",
        "pay with 4111 1111 1111 1111 please", "%B4111111111111111^DOE/JOHN", ";4111111111111111=2512101",
        "4111111111111111USD", "{\"number\":\"4111111111111111\"}", "order 12 4111 1111 1111 1111", "+4111111111111111",
        "4111 1111 1111 1111 123",
        "\xc3\xa9"
        "4111111111111111\xc3\xa9"}) {
    CAPTURE(text);
    CHECK(contains_card_number(text));
  }
}

TEST_CASE("card_number/find: digits, blanks and dashes beyond ASCII do not hide it either") {
  for (const char* text :
       {"４２４２４２４２４２４２４２４２", "４２４２　４２４２　４２４２　４２４２", "4242４２４２4242４２４２",
        "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "۴۲۴۲۴۲۴۲۴۲۴۲۴۲۴۲", "४२४२ ४२४२ ४२४२ ४२४२", "𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐",
        "4242\xc2\xa0"
        "4242\xc2\xa0"
        "4242\xc2\xa0"
        "4242",
        "4242–4242–4242–4242", "4242−4242‐4242—4242",
        "4242\xe2\x80\x8b"
        "42424242\xef\xbb\xbf"
        "4242",
        "カード４２４２４２４２４２４２４２４２です",
        "4242-４２４２\xc2\xad"
        "4242-4242"}) {
    CAPTURE(text);
    CHECK(contains_card_number(text));
  }
  for (const char* text : {"４２４２４２４２４２４２４２４３", "４２４２４２４２４２４２", "4242\xc2",
                           "\xef\xbc\x94\xef\xbc", "\xf0\x9d\x9f",
                           "4242\xe3\x80\x81"
                           "424242424242"}) {
    CAPTURE(text);
    CHECK_FALSE(contains_card_number(text));
  }
  CHECK(redact_card_numbers("a ４２４２４２４２４２４２４２４２ é") == "a [redacted] é");
}

TEST_CASE("card_number/find: near misses are no card numbers") {
  for (const char* text :
       {"", "4", "4111111111111112", "1111111111111117", "9999999999999995",  // Luhn fails; no network starts so
        "411111111111", "41111111111111112222", "4111  1111  1111  1111", "4111.1111.1111.1111", "4111_1111_1111_1111",
        "41111111111116",    // 14 digits: not a length Visa issues
        "3782822463100005",  // 16 digits: not one of Amex
        "4111-1111-1111-111a", "a1b4111111111111111", "4111111111111111a1"}) {
    CAPTURE(text);
    CHECK_FALSE(contains_card_number(text));
  }
}

TEST_CASE("card_number/find: ids, digests, times and phone numbers are left alone") {
  for (const char* text : {
           "pay_01hxyz4111111111111111abc7",
           "1715500000000",
           "1715500000000123",
           "1715500000000123456",
           "2024-05-12T10:11:12.123Z",
           "2024-05-12 10:11:12",
           "550e8400-e29b-41d4-a716-446655440000",
           "41111111-1111-1111-8111-111111111111",
           "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
           "+62 812 3456 7896",
           "+628123456789012",
           "340282366920938463463374607431768211456",
       }) {
    CAPTURE(text);
    CHECK_FALSE(contains_card_number(text));
  }
}

TEST_CASE("card_number/find: ranges end where the networks end them") {
  // The check digit is computed, so that only the range decides.
  const auto with_check_digit = [](std::string body) {
    for (char c = '0'; c <= '9'; ++c) {
      unsigned sum = 0;
      const std::string whole = body + c;
      for (std::size_t i = 0; i < whole.size(); ++i) {
        unsigned digit = static_cast<unsigned>(whole[whole.size() - 1 - i] - '0');
        if (i % 2 == 1) digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
        sum += digit;
      }
      if (sum % 10 == 0) return whole;
    }
    return std::string{};
  };
  for (const char* in : {"222100000000000", "272099999999999", "510000000000000", "559999999999999", "352800000000000",
                         "358999999999999", "644000000000000", "649999999999999", "699999999999999", "500000000000000"})
    CHECK_MESSAGE(contains_card_number(with_check_digit(in)), in);
  for (const char* out :
       {"222099999999999", "272100000000000", "352799999999999", "359000000000000", "100000000000000",
        "700000000000000", "800000000000000", "900000000000000", "000000000000000", "540000000000000000"})
    CHECK_FALSE_MESSAGE(contains_card_number(with_check_digit(out)), out);
}

TEST_CASE("card_number/redact: each one is replaced, the rest stays") {
  CHECK(redact_card_numbers("a 4111 1111 1111 1111, b 5555555555554444.") == "a [redacted], b [redacted].");
  CHECK(redact_card_numbers("order 1234 of 2024-05-12") == "order 1234 of 2024-05-12");
  CHECK(redact_card_numbers("4111111111111111") == "[redacted]");
  CHECK(redact_card_numbers("").empty());
}

TEST_CASE("card_number/find: a text of a megabyte of digits and dashes is searched in linear time") {
  std::string text;
  while (text.size() < 1'000'000) text += "1-";
  CHECK_FALSE(contains_card_number(text));
}
