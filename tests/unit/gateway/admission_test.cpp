#include <doctest/doctest.h>

#include <tuple>

#include "gateway/admission.hpp"

using namespace novapay::gateway;

namespace {

constexpr admission_limits limits{10, 100};
constexpr std::string_view capture = "/v1/payments/pay_1/capture";

bool creates(const work_now& now) { return admits(limits, now, "POST", "/v1/payments"); }
bool captures(const work_now& now) { return admits(limits, now, "POST", capture); }

}  // namespace

TEST_CASE(
    "gateway/admission: new payments are begun below the limit of each count, the rest below four times as many") {
  for (const auto& [now, create, other] : {std::tuple{work_now{0, 0}, true, true},
                                           {work_now{9, 99}, true, true},
                                           {work_now{10, 0}, false, true},
                                           {work_now{0, 100}, false, true},
                                           {work_now{39, 399}, false, true},
                                           {work_now{40, 0}, false, false},
                                           {work_now{0, 400}, false, false}}) {
    CAPTURE(now.commands_in_hand);
    CAPTURE(now.requests_in_flight);
    CHECK(creates(now) == create);
    CHECK(captures(now) == other);
  }
}

TEST_CASE("gateway/admission: only a POST to the payments themselves begins one, however its target is written") {
  constexpr work_now busy{10, 0};
  for (const auto* target : {"/v1/payments", "/v1/payments?x=1", "http://host/v1/payments"})
    CHECK_FALSE(admits(limits, busy, "POST", target));
  CHECK(admits(limits, busy, "GET", "/v1/payments"));
  CHECK(admits(limits, busy, "POST", capture));
  CHECK(admits(limits, busy, "GET", "/docs"));
}

TEST_CASE("gateway/admission: webhooks have a bound of their own, and payments do not pay for them") {
  admission_limits own = limits;
  own.webhooks_waiting = 5;
  constexpr std::string_view hook = "/webhooks/stripe";
  CHECK(admits(own, work_now{1'000'000, 1'000'000, 4}, "POST", hook));
  CHECK_FALSE(admits(own, work_now{0, 0, 5}, "POST", hook));
  CHECK(admits(own, work_now{0, limits.requests_in_flight + 3, 4}, "POST", "/v1/payments"));
  CHECK_FALSE(admits(own, work_now{0, limits.requests_in_flight + 4, 4}, "POST", "/v1/payments"));
}
