#include "adapters/stripe/amounts.hpp"
#include "adapters/stripe/form.hpp"
#include "adapters/stripe/names.hpp"
#include "adapters/stripe/requests.hpp"
#include "tests/spec/openapi.hpp"
#include "tests/unit/adapters/stripe/support.hpp"

using namespace novapay;
using namespace novapay::stripe;

TEST_CASE("stripe/form: fields keep their order, names their brackets, values nothing special") {
  form fields;
  fields.number("amount", 1099).text("metadata[a]", "x y+z&=%é").flag("confirm", true).text_unless_empty("none", "");
  CHECK(fields.encoded() == "amount=1099&metadata[a]=x%20y%2Bz%26%3D%25%C3%A9&confirm=true");
}

TEST_CASE("stripe/form: every byte comes back from its encoding") {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  const auto back = spec::form_as_json(form{}.text("a[b][0]", all).encoded());
  CHECK(back["a"]["b"]["0"].get_ref<const std::string&>() == all);
}

TEST_CASE("stripe/amounts: Stripe's digits, both ways") {
  struct row {
    const char* currency;
    std::int64_t ours;
    std::optional<std::int64_t> theirs;
  };
  const row rows[] = {
      {"usd", 1099, 1099},
      {"eur", 1, 1},
      {"jpy", 500, 500},
      {"krw", 7, 7},
      {"isk", 5, 500},
      {"ugx", 5, 500},
      {"mga", 500, 5},
      {"mga", 501, std::nullopt},
      {"kwd", 1230, 1230},
      {"kwd", 1234, std::nullopt},
      {"bhd", 10, 10},
      {"tnd", 5, std::nullopt},
      {"clp", 900, 900},
      {"huf", 12345, 12345},
      {"twd", 12300, 12300},
      {"lyd", 1000, std::nullopt},
      {"iqd", 1000, std::nullopt},
      {"clf", 10000, std::nullopt},
      {"uyw", 10000, std::nullopt},
      {"uyi", 1, std::nullopt},
      {"isk", INT64_MAX, std::nullopt},
  };
  for (const auto& row : rows) {
    CAPTURE(row.currency);
    CAPTURE(row.ours);
    const domain::money ours{row.ours, test::currency(row.currency)};
    CHECK(to_stripe(ours) == row.theirs);
    if (row.theirs) CHECK(from_stripe(*row.theirs, row.currency) == ours);
  }
  CHECK(from_stripe(150, "isk") == std::nullopt);  // half a króna
  CHECK(from_stripe(100, "USD") == domain::money{100, test::currency("usd")});
  CHECK(from_stripe(-100, "isk") == domain::money{-1, test::currency("isk")});
  CHECK(from_stripe(100, "xxx") == std::nullopt);
  CHECK(from_stripe(100, "") == std::nullopt);
}

TEST_CASE("stripe/amounts: what can be expressed comes back, in every currency") {
  for (const auto& info : domain::currencies())
    for (const std::int64_t minor : {0, 1, 10, 99, 100, 1000, 12340, 99'999'999}) {
      const domain::money ours{minor, info.code};
      if (const auto theirs = to_stripe(ours)) CHECK(from_stripe(*theirs, info.name) == ours);
    }
}

TEST_CASE("stripe/names: operations and keys are read as they are written") {
  using enum domain::operation_kind;
  for (const auto kind : {authorize, confirm, capture, refund, cancel})
    for (const std::uint32_t number : {1U, 2U, 2000U})
      CHECK(parse_operation(operation_text({kind, number})) == domain::operation_id{kind, number});
  CHECK(parse_key("pay_1:authorize") == operation_name{"pay_1", {authorize, 1}});
  CHECK(parse_key("pay_1:authorize:2") == operation_name{"pay_1", {authorize, 2}});
  CHECK(parse_key("pay_1:capture:12") == operation_name{"pay_1", {capture, 12}});
  for (const auto* bad :
       {"", "pay_1", "pay_:capture:1", "order_1:capture:1", "pay_1:", "pay_1:capture:", "pay_1:capture:0",
        "pay_1:capture:x", "pay_1:capture:1:2", "pay_1:steal:1", "pay_1:capture:99999999999"})
    CHECK_MESSAGE(!parse_key(bad), bad);
  CHECK(payment_in({{"novapay_payment", "pay_1"}}) == "pay_1");
  CHECK(payment_in({{"novapay_payment", "no"}}).empty());
  CHECK(payment_in({}).empty());
}

TEST_CASE("stripe/requests: what goes on the statement fits there") {
  CHECK(descriptor_suffix("HOTEL SEEBLICK") == "HOTEL SEEBLICK");
  CHECK(descriptor_suffix("A<b>'c'\"*\\") == "Abc");
  CHECK(descriptor_suffix("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "ABCDEFGHIJKLMNOPQRSTUV");
  CHECK(descriptor_suffix("12345").empty());
  CHECK(descriptor_suffix("").empty());
}
