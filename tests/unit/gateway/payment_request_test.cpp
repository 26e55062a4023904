#include "gateway/payment_request.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/unit/gateway/support.hpp"

using namespace novapay;
using namespace novapay::gateway;
using nlohmann::json;

namespace {

template <class T>
std::string error_of(const result<T>& read) {
  const auto* wrong = std::get_if<api_error>(&read);
  return wrong == nullptr ? "none"
                          : std::string{info_of(wrong->code).name} + " " + wrong->param + ": " + wrong->message;
}

json_value tree(const std::string& body) { return std::get<json_value>(parse_json(body)); }

// The simple create with one member replaced by this text.
std::string create_with(const std::string& member, const std::string& text) {
  auto body = json::parse(testing::simple_create);
  body[json::json_pointer{"/" + member}] = json::parse(text);
  return error_of(read_create(tree(body.dump())));
}
std::string create_without(const std::string& member) {
  auto body = json::parse(testing::simple_create);
  body.erase(member);
  return error_of(read_create(tree(body.dump())));
}

std::string quoted(std::size_t size, std::string_view unit = "x") {
  std::string text = "\"";
  for (std::size_t at = 0; at < size; ++at) text += unit;
  return text + "\"";
}

std::string object_of(std::size_t keys) {
  std::string text = "{";
  for (std::size_t at = 0; at < keys; ++at) text += (at ? ",\"k" : "\"k") + std::to_string(at) + "\":\"v\"";
  return text + "}";
}

}  // namespace

TEST_CASE("payment_request/create: everything given arrives") {
  const auto read = read_create(tree(R"({"amount":999999999999,"currency":"jpy","capture_method":"manual",
    "payment_method":{"type":"card","token":"tok_a-B.1:2"},"reference":"order 7","description":"two\nlines",
    "statement_descriptor":"SHOP & CO","metadata":{"color":"red","empty":""}})"));
  const auto& terms = std::get<domain::terms>(read);
  CHECK(terms.amount == domain::money{amount_max_minor, *domain::parse_currency("jpy")});
  CHECK(terms.capture == domain::capture_method::manual);
  CHECK(terms.method_type == "card");
  CHECK(terms.token == "tok_a-B.1:2");
  CHECK(terms.reference == "order 7");
  CHECK(terms.description == "two\nlines");
  CHECK(terms.statement_descriptor == "SHOP & CO");
  CHECK(terms.metadata == std::map<std::string, std::string>{{"color", "red"}, {"empty", ""}});
  CHECK(terms.id.empty());

  const auto simple = std::get<domain::terms>(read_create(tree(testing::simple_create)));
  CHECK(simple.capture == domain::capture_method::automatic);
  CHECK(simple.reference.empty());
}

TEST_CASE("payment_request/create: a token for each processor, and what routing goes by") {
  const auto terms = std::get<domain::terms>(read_create(tree(R"({"amount":1,"currency":"eur","customer":"cus 7",
    "return_url":"https://shop.example:8443/back?a=1","payment_method":{"type":"card","brand":"visa","country":"DE",
    "tokens":{"stripe":"pm_1","adyen-eu":"8416"}}})")));
  CHECK(terms.token.empty());
  CHECK(terms.tokens == std::map<std::string, std::string>{{"stripe", "pm_1"}, {"adyen-eu", "8416"}});
  CHECK(terms.brand == "visa");
  CHECK(terms.country == "DE");
  CHECK(terms.customer == "cus 7");
  CHECK(terms.return_url == "https://shop.example:8443/back?a=1");
}

TEST_CASE("payment_request/create: return_url is where a browser may be sent, and nothing else") {
  for (const auto* good :
       {"https://a.example", "https://a.example/", "https://a.example?x=%20", "https://a-b.c:1/[x]", "http://localhost",
        "http://localhost:3000/back", "http://127.0.0.1:1", "http://[::1]:8080/?a"}) {
    CAPTURE(good);
    CHECK(create_with("return_url", "\"" + std::string{good} + "\"") == "none");
  }
  for (const auto* bad : {"http://a.example", "ftp://a.example", "https://", "https:///x", "https://user@a.example",
                          "https://a.example#top", "https://a.example/a b",
                          "https://a.example:", "https://a.example:123456", "https://a.example/\\\\x",
                          "https://a.example\\n", "javascript:alert(1)", "//a.example", "http://localhost.example",
                          "https://\xC3\xA4.example", "HTTPS://a.example", "https://[::2]/", "https://a.example/<x>"}) {
    CAPTURE(bad);
    CHECK(create_with("return_url", "\"" + std::string{bad} + "\"").starts_with("parameter_invalid return_url"));
  }
  CHECK(create_with("return_url", "\"https://a.example/" + std::string(return_url_max - 18, 'x') + "\"") == "none");
  CHECK(create_with("return_url", "\"https://a.example/" + std::string(return_url_max - 17, 'x') + "\"") ==
        "parameter_invalid return_url: return_url must be 1 to 2048 characters.");
}

TEST_CASE("payment_request/return: what a bank's page brings along, within a confirm's bounds") {
  const auto of = [](std::string_view query) {
    auto read = read_return(std::get<std::vector<query_parameter>>(parse_query(query)));
    auto* good = std::get_if<std::map<std::string, std::string>>(&read);
    return good == nullptr ? std::nullopt : std::optional{*good};
  };
  CHECK(of("redirectResult=a%2Fb&x=") == std::map<std::string, std::string>{{"redirectResult", "a/b"}, {"x", ""}});
  CHECK(of("")->empty());
  std::string many = "p0=v";
  for (std::size_t at = 1; at < confirm_details_max; ++at) many += "&p" + std::to_string(at) + "=v";
  CHECK(of(many)->size() == confirm_details_max);
  CHECK_FALSE(of(many + "&more=v"));
  CHECK_FALSE(of(std::string(confirm_detail_key_max + 1, 'k') + "=v"));
  CHECK_FALSE(of("k=" + std::string(confirm_detail_max + 1, 'v')));
  CHECK_FALSE(of("k=a%00b"));
}

TEST_CASE("payment_request/create: each wrong amount gets its own message") {
  const std::string unit = "an integer in the currency's minor unit (1099 for 10.99 usd)";
  CHECK(create_without("amount") == "parameter_missing amount: amount is required.");
  CHECK(create_with("amount", "0") == "parameter_invalid amount: amount must not be zero: it must be at least 1.");
  CHECK(create_with("amount", "-5") == "parameter_invalid amount: amount must not be negative: it must be at least 1.");
  CHECK(create_with("amount", "10.5") ==
        "parameter_invalid amount: amount must be " + unit + ", not a number with a fraction or an exponent.");
  CHECK(create_with("amount", "1e3").find("exponent") != std::string::npos);
  CHECK(create_with("amount", "\"1099\"") == "parameter_invalid amount: amount must be " + unit + ", not a string.");
  CHECK(create_with("amount", "null") ==
        "parameter_invalid amount: amount must be " + unit + ", not null. Leave it out instead.");
  CHECK(create_with("amount", "true").ends_with("not a boolean."));
  CHECK(create_with("amount", "[]").ends_with("not an array."));
  const std::string too_large = "parameter_invalid amount: amount is too large: it must be at most 999999999999.";
  CHECK(create_with("amount", "100000000000000") == too_large);
  CHECK(create_with("amount", "9223372036854775807") == too_large);
  // As text, since nlohmann's tree would turn the number into a double.
  for (const auto* number : {"9223372036854775808", "123456789012345678901234567890"}) {
    auto body = testing::simple_create;
    body.replace(body.find("1099"), 4, number);
    CHECK(error_of(read_create(tree(body))) == too_large);
  }
  auto body = testing::simple_create;
  body.replace(body.find("1099"), 4, "-99999999999999999999");
  CHECK(error_of(read_create(tree(body))).find("negative") != std::string::npos);
}

TEST_CASE("payment_request/create: every other field's rules") {
  const struct {
    std::string member, value, error;
  } rules[] = {
      {"currency", "\"USD\"", "parameter_invalid currency: currency must be in lower case: 'usd'."},
      {"currency", "\"zzz\"",
       "parameter_invalid currency: currency must be an ISO 4217 code in lower case, such as 'usd'."},
      {"currency", "\"us\"", "parameter_invalid currency: currency must be 3 to 3 characters."},
      {"currency", "840", "parameter_invalid currency: currency must be a string, not an integer."},
      {"capture_method", "\"auto\"",
       "parameter_invalid capture_method: capture_method must be 'automatic' or 'manual'."},
      {"payment_method", "\"tok_visa\"",
       "parameter_invalid payment_method: payment_method must be an object, not a string."},
      {"payment_method", "{}", "parameter_missing payment_method.type: payment_method.type is required."},
      {"payment_method", R"({"type":"card"})",
       "parameter_missing payment_method.token: payment_method.token is required."},
      {"payment_method/type", "\"iban\"", "parameter_invalid payment_method.type: payment_method.type must be 'card'."},
      {"payment_method/token", "\"\"",
       "parameter_invalid payment_method.token: payment_method.token must be 1 to 255 characters."},
      {"payment_method/token", "\"a b\"",
       "parameter_invalid payment_method.token: payment_method.token must be letters, digits and _ - . : only."},
      {"payment_method/cvc", "\"123\"",
       "parameter_unknown payment_method.cvc: There is no parameter 'payment_method.cvc' here. Known are 'type', "
       "'token', 'tokens', 'brand' or 'country'."},
      {"payment_method", R"({"type":"card","tokens":{}})",
       "parameter_missing payment_method.token: payment_method.token is required."},
      {"payment_method/tokens", "{}", "none"},
      {"payment_method/tokens", object_of(8), "none"},
      {"payment_method/tokens", object_of(9),
       "parameter_invalid payment_method.tokens: payment_method.tokens has more than 8 keys."},
      {"payment_method/tokens", R"({"Stripe":"pm_1"})",
       "parameter_invalid payment_method.tokens: A key of payment_method.tokens must be lower case letters, digits, _ "
       "and -, beginning with a letter."},
      {"payment_method/tokens", R"({"stripe":"p m"})",
       "parameter_invalid payment_method.tokens.stripe: payment_method.tokens.stripe must be letters, digits and _ - . "
       ": "
       "only."},
      {"payment_method/brand", "\"Visa\"",
       "parameter_invalid payment_method.brand: payment_method.brand must be lower case letters, digits, _ and -, "
       "beginning with a letter."},
      {"payment_method/brand", quoted(32, "v"), "none"},
      {"payment_method/brand", quoted(33, "v"),
       "parameter_invalid payment_method.brand: payment_method.brand must be 1 to 32 characters."},
      {"payment_method/country", "\"de\"",
       "parameter_invalid payment_method.country: payment_method.country must be two capital letters."},
      {"payment_method/country", "\"DEU\"",
       "parameter_invalid payment_method.country: payment_method.country must be 2 to 2 characters."},
      {"customer", quoted(255), "none"},
      {"customer", quoted(256), "parameter_invalid customer: customer must be 1 to 255 characters."},
      {"reference", "\"\"", "parameter_invalid reference: reference must be 1 to 255 characters."},
      {"reference", quoted(256), "parameter_invalid reference: reference must be 1 to 255 characters."},
      {"reference", quoted(255, "\xC3\xA4"), "none"},
      {"reference", "\"a\\nb\"", "parameter_invalid reference: reference must not have control characters."},
      {"reference", "\"a\\u0000b\"", "parameter_invalid reference: reference must not have control characters."},
      {"description", quoted(1000), "none"},
      {"description", quoted(1001), "parameter_invalid description: description must be 1 to 1000 characters."},
      {"description", "\"a\\u0000\"", "parameter_invalid description: description must not have control characters."},
      {"statement_descriptor", quoted(22), "none"},
      {"statement_descriptor", quoted(23),
       "parameter_invalid statement_descriptor: statement_descriptor must be 1 to 22 characters."},
      {"metadata", object_of(50), "none"},
      {"metadata", object_of(51), "parameter_invalid metadata: metadata has more than 50 keys."},
      {"metadata", "{\"\":\"v\"}", "parameter_invalid metadata: A key of metadata must be 1 to 40 characters."},
      {"metadata", "{" + quoted(41) + ":\"v\"}",
       "parameter_invalid metadata: A key of metadata must be 1 to 40 characters."},
      {"metadata", "{\"a[b]\":\"v\"}",
       "parameter_invalid metadata: A key of metadata must be without square brackets."},
      {"metadata", "{\"a\":1}", "parameter_invalid metadata.a: metadata.a must be a string, not an integer."},
      {"metadata", "{\"a\":" + quoted(500) + "}", "none"},
      {"metadata", "{\"a\":" + quoted(501) + "}",
       "parameter_invalid metadata.a: metadata.a must be at most 500 characters."},
      {"metadata", "[]", "parameter_invalid metadata: metadata must be an object of strings, not an array."},
      {"ammount", "1",
       "parameter_unknown ammount: There is no parameter 'ammount' here. Known are 'amount', 'currency', "
       "'capture_method', 'payment_method', 'reference', 'description', 'statement_descriptor', 'metadata', 'customer' "
       "or 'return_url'."},
  };
  for (const auto& rule : rules) {
    CAPTURE(rule.member);
    CAPTURE(rule.value);
    CHECK(create_with(rule.member, rule.value) == rule.error);
  }
  for (const auto* bad : {"12345", "A<B", "A*", "A'B", "A\\\\B", " AB", "AB ",
                          "\xC3\x84"
                          "B"}) {
    CAPTURE(bad);
    CHECK(create_with("statement_descriptor", "\"" + std::string{bad} + "\"")
              .starts_with("parameter_invalid statement_descriptor"));
  }
  CHECK(create_without("currency") == "parameter_missing currency: currency is required.");
  CHECK(create_without("payment_method") == "parameter_missing payment_method: payment_method is required.");
  CHECK(error_of(read_create(tree("[1]"))) == "parameter_invalid : The body must be a JSON object, not an array.");
  CHECK(error_of(read_create(tree("7"))) == "parameter_invalid : The body must be a JSON object, not an integer.");
}

TEST_CASE("payment_request/commands: empty bodies, values and their rules") {
  const auto command = [](auto read, const std::string& body) { return read(tree(body), "k"); };

  const auto all = std::get<domain::command::capture>(std::get<domain::command_type>(command(read_capture, "{}")));
  CHECK(all.idempotency_key == "k");
  CHECK_FALSE(all.amount_minor);
  CHECK_FALSE(all.final);
  const auto part = std::get<domain::command::capture>(
      std::get<domain::command_type>(command(read_capture, R"({"amount":5,"final":true})")));
  CHECK(part.amount_minor == 5);
  CHECK(part.final);
  CHECK(error_of(command(read_capture, R"({"final":"yes"})")) ==
        "parameter_invalid final: final must be true or false, not a string.");
  CHECK(error_of(command(read_capture, R"({"amount":0})")).starts_with("parameter_invalid amount"));
  CHECK(error_of(command(read_capture, R"({"reason":"x"})")).starts_with("parameter_unknown reason"));

  const auto refund = std::get<domain::command::refund>(
      std::get<domain::command_type>(command(read_refund, R"({"amount":5,"reason":"duplicate"})")));
  CHECK(refund.amount_minor == 5);
  CHECK(refund.reason == "duplicate");
  CHECK(error_of(command(read_refund, R"({"reason":"because"})")) ==
        "parameter_invalid reason: reason must be 'duplicate', 'fraudulent', 'requested_by_customer' or 'other'.");

  const auto cancel = std::get<domain::command::cancel>(
      std::get<domain::command_type>(command(read_cancel, R"({"reason":"changed"})")));
  CHECK(cancel.reason == "changed");
  CHECK(error_of(command(read_cancel, "{\"reason\":" + quoted(256) + "}")).starts_with("parameter_invalid reason"));

  const auto confirm = std::get<domain::command::confirm>(
      std::get<domain::command_type>(command(read_confirm, R"({"details":{"a":"b"}})")));
  CHECK(confirm.details == std::map<std::string, std::string>{{"a", "b"}});
  CHECK(
      error_of(command(read_confirm, "{\"details\":" + object_of(21) + "}")).starts_with("parameter_invalid details"));
  CHECK(error_of(command(read_confirm, "{\"details\":{\"a\":" + quoted(20'000) + "}}")) == "none");
  CHECK(error_of(command(read_confirm, "{\"details\":{\"a\":" + quoted(20'001) + "}}"))
            .starts_with("parameter_invalid details.a"));
}

TEST_CASE("payment_request/idempotency key: plain or as a structured field string") {
  const auto key = [](std::string_view text) {
    const auto read = read_idempotency_key(text);
    const auto* wrong = std::get_if<api_error>(&read);
    return wrong == nullptr ? std::get<std::string>(read) : "!" + std::string{info_of(wrong->code).name};
  };
  CHECK(key("abc") == "abc");
  CHECK(key("\"abc\"") == "abc");
  CHECK(key("  abc\t") == "abc");
  CHECK(key("\"a\\\"b\\\\c\"") == "a\"b\\c");
  CHECK(key("\" a \"") == " a ");
  CHECK(key("8e03978e-40d5-43dd-bc93-6894a57f9324") == "8e03978e-40d5-43dd-bc93-6894a57f9324");
  CHECK(key("42424242-4242-4242-8242-424242424242") == "42424242-4242-4242-8242-424242424242");
  CHECK(key(std::string(255, 'k')).size() == 255);
  for (const auto& bad :
       {std::string{}, std::string{"\"\""}, std::string{"\""}, std::string{"\"a"}, std::string{"\"a\\x\""},
        std::string{"\"a\"b\""}, std::string{"\"a\";x=1"}, std::string{"\"a\\\""}, std::string{"a\tb"},
        std::string{"\xC3\xA4"}, std::string(256, 'k')}) {
    CAPTURE(bad);
    CHECK(key(bad) == "!idempotency_key_invalid");
  }
  CHECK(key("pay 4242 4242 4242 4242") == "!card_number_not_allowed");
}
