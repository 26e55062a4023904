// tokens: what a payment's token may look like when Adyen is to charge it. Adyen has no single text for a payment method, so this is ours:
//
//   M5N7TQ4TG5PFWR50             a storedPaymentMethodId; its shopperReference is the payment's customer
//   M5N7TQ4TG5PFWR50@shopper-17  the same with its shopperReference
//   test_visa                    a test card by name, on the test platform only: test_visa, test_mastercard, test_amex, test_3ds
//   test_4111111111111111        a test card by number, on the test platform only
//   test_visa:DECLINED           with a holder's name, by which the test platform decides what happens
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace novapay::adyen {

struct stored_method {
  std::string id;
  std::string shopper;
  friend bool operator==(const stored_method&, const stored_method&) = default;
};
struct test_card {
  std::string number;
  std::string security_code;
  std::string holder;
  friend bool operator==(const test_card&, const test_card&) = default;
};
using method = std::variant<stored_method, test_card>;

// nullopt: nothing that could be charged: no shopper is known, a length Adyen refuses, a test card on the live platform.
std::optional<method> read_token(std::string_view token, std::string_view customer, bool live);

}  // namespace novapay::adyen
