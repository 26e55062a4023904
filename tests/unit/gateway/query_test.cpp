#include "gateway/query.hpp"

#include <doctest/doctest.h>

#include <string>

#include "actors/payments.hpp"
#include "tests/unit/gateway/support.hpp"

using namespace novapay;
using namespace novapay::gateway;

namespace {

result<list_request> read(std::string_view query) {
  auto parameters = parse_query(query);
  if (auto* wrong = std::get_if<api_error>(&parameters)) return *wrong;
  return read_list(std::get<std::vector<query_parameter>>(parameters));
}

std::string error_in(std::string_view query) {
  const auto got = read(query);
  const auto* wrong = std::get_if<api_error>(&got);
  return wrong == nullptr ? "none" : std::string{info_of(wrong->code).name} + " " + wrong->param;
}

list_request good(std::string_view query) { return std::get<list_request>(read(query)); }

}  // namespace

TEST_CASE("query/list: every filter arrives") {
  CHECK(good("").query.limit == list_limit_default);
  const auto all = good(
      "limit=100&status=captured&created[gte]=2026-11-02T12:00:00Z&created[lt]=1793620801&amount[gte]=0"
      "&amount%5Blte%5D=999999999999&reference=order+7%26&metadata[color]=dark%20red&cursor=" +
      std::string{testing::payment_id});
  using std::chrono::milliseconds;
  CHECK(all.query.limit == 100);
  CHECK(all.query.status == "captured");
  CHECK(all.query.created_from == runtime::timestamp{milliseconds{1'793'620'800'000}});
  CHECK(all.query.created_before == runtime::timestamp{milliseconds{1'793'620'801'000}});
  CHECK(all.query.amount_from == 0);
  CHECK(all.query.amount_to == 999'999'999'999);
  CHECK(all.query.reference == "order 7&");
  CHECK(all.query.label_key == "color");
  CHECK(all.query.label_value == "dark red");
  CHECK(all.query.before == parse_payment_id(testing::payment_id));
  CHECK_FALSE(all.idempotency_key);

  const auto outer = good("created[gt]=1&created[lte]=2&metadata_key=color&&");
  CHECK(outer.query.created_from == runtime::timestamp{milliseconds{1001}});
  CHECK(outer.query.created_before == runtime::timestamp{milliseconds{2001}});
  CHECK(outer.query.label_key == "color");
  CHECK_FALSE(outer.query.label_value);

  const auto both = good("created[gte]=1&created[gt]=1&created[lte]=5&created[lt]=5");
  CHECK(both.query.created_from == runtime::timestamp{milliseconds{1001}});
  CHECK(both.query.created_before == runtime::timestamp{milliseconds{5000}});

  CHECK(good("metadata[a]=").query.label_value == "");
  CHECK(good("idempotency_key=%22abc%22").idempotency_key == "abc");
}

TEST_CASE("query/list: each wrong parameter is named") {
  const struct {
    std::string_view query, error;
  } rules[] = {
      {"limit=0", "parameter_invalid limit"},
      {"limit=101", "parameter_invalid limit"},
      {"limit=", "parameter_invalid limit"},
      {"limit=1.5", "parameter_invalid limit"},
      {"limit=+1", "parameter_invalid limit"},
      {"limit", "parameter_invalid limit"},
      {"cursor=abc", "parameter_invalid cursor"},
      {"cursor=pay_zzzzzzzzzzzzzzzzzzzzzzzzzz", "parameter_invalid cursor"},
      {"status=done", "parameter_invalid status"},
      {"created[gte]=yesterday", "parameter_invalid created[gte]"},
      {"created=1", "parameter_unknown created"},
      {"amount[gte]=-1", "parameter_invalid amount[gte]"},
      {"amount[lte]=100000000000000", "parameter_invalid amount[lte]"},
      {"amount[gt]=1", "parameter_unknown amount[gt]"},
      {"reference=", "parameter_invalid reference"},
      {"reference=a%00b", "parameter_invalid reference"},
      {"metadata[]=x", "parameter_invalid metadata"},
      {"metadata[a]=1&metadata[b]=2", "parameter_invalid metadata[b]"},
      {"metadata[a]=1&metadata_key=b", "parameter_invalid metadata_key"},
      {"idempotency_key=", "parameter_invalid idempotency_key"},
      {"idempotency_key=a&limit=2", "parameter_invalid idempotency_key"},
      {"limit=1&limit=1", "parameter_invalid limit"},
      {"page=2", "parameter_unknown page"},
      {"reference=%", "parameter_invalid "},
      {"reference=%FF", "utf8_invalid "},
      {"reference=4242424242424242", "card_number_not_allowed "},
      {"4242+4242%204242-4242=x", "card_number_not_allowed "},
      {"limit=%zz&reference=4242424242424242", "card_number_not_allowed "},
      {"idempotency_key=4242424242424242", "card_number_not_allowed "},
  };
  for (const auto& rule : rules) {
    CAPTURE(rule.query);
    CHECK(error_in(rule.query) == rule.error);
  }
  std::string many;
  for (int at = 0; at < 40; ++at) many += "p" + std::to_string(at) + "=1&";
  CHECK(error_in(many) == "parameter_invalid ");
}
