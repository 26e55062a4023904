#include "gateway/customer_return.hpp"

#include <doctest/doctest.h>

#include <map>

#include "tests/unit/gateway/support.hpp"

using namespace novapay;
using namespace novapay::gateway;
using namespace novapay::gateway::testing;
namespace event = domain::event;

namespace {

const domain::operation_id authorize{domain::operation_kind::authorize, 1};
const std::string one = "/v1/payments/" + std::string{payment_id};

}  // namespace

TEST_CASE("customer_return: the customer's browser is sent on without a key, and sees nothing of the payment") {
  bench b;
  auto terms = some_terms();
  terms.return_url = "https://shop.example/back?order=7";
  b.payments.next = answer{given({event::created{terms}, event::authorized{authorize, "ch_1", noon}}), {}, false, {}};
  const runtime::http_fields nobody{{"authorization", ""}};

  const auto sent = b.send("GET", one + "/return?redirectResult=abc&x=1", "", nobody);
  CHECK(sent.status == 303);
  CHECK(field(sent, "location") == terms.return_url + "&payment=" + std::string{payment_id} + "&status=authorized");
  CHECK(sent.body.empty());
  CHECK(field(sent, "referrer-policy") == "no-referrer");
  REQUIRE(b.payments.returned.size() == 1);
  CHECK(b.payments.returned[0].first == payment_id);
  CHECK(b.payments.returned[0].second == std::map<std::string, std::string>{{"redirectResult", "abc"}, {"x", "1"}});
  CHECK(b.payments.callers[0].merchant.empty());
  CHECK(b.payments.callers[0].deadline == noon + std::chrono::seconds{25});

  terms.return_url = "https://shop.example/back";
  b.payments.next = answer{given({event::created{terms}}), {}, false, {}};
  CHECK(field(b.send("GET", one + "/return", "", nobody), "location") ==
        terms.return_url + "?payment=" + std::string{payment_id} + "&status=pending");

  b.payments.next = answer{given({event::created{some_terms()}}), {}, false, {}};
  const auto page = b.send("GET", one + "/return?x=1", "", nobody);
  CHECK(page.status == 200);
  CHECK(field(page, "content-type") == "text/html; charset=utf-8");
  CHECK(page.body.find("pay_") == std::string::npos);
  b.payments.next = domain::refusal{domain::refusal_code::not_found, "No.", "", {}};
  CHECK(summary(b.send("GET", one + "/return?x=1", "", nobody)) == "404 resource_missing null");
}

TEST_CASE("customer_return: what no bank sends confirms nothing; trouble is told; so many wait at one time") {
  bench b;
  for (const auto* odd : {"a=%zz", "a=1&a=2", "a=%ff", "card=4242424242424242", "a=%01"}) {
    CAPTURE(odd);
    CHECK(b.send("GET", one + "/return?" + odd).status == 400);
  }
  CHECK(summary(b.send("GET", one + "/return", "", {{"accept", "image/png"}})) == "406 not_acceptable Accept");
  CHECK(b.payments.calls() == 0);
  b.payments.next = trouble_report{trouble::unavailable, "gone"};
  CHECK(summary(b.send("GET", one + "/return?x=1")) == "503 unavailable null");

  b.payments.next.reset();
  for (std::size_t at = 0; at < returns_in_flight_max; ++at)
    b.gateway.handle(b.request("GET", one + "/return?x=1"), [](const runtime::http_response&) {});
  CHECK(summary(b.send("GET", one + "/return?x=1")) == "503 overloaded null");
  b.payments.kept.clear();
  b.payments.next = trouble_report{trouble::unavailable, "gone"};
  CHECK(summary(b.send("GET", one + "/return?x=1")) == "503 unavailable null");
}
