// The way down a route: rerouting, whose answer counts, and that what is approved too late is released.
#include <doctest/doctest.h>

#include "tests/unit/actors/domain/payment_fixture.hpp"

using namespace novapay::domain;
using namespace novapay::domain::testing;

namespace {

payment after(payment now, const command_type& asked, timestamp when = noon) {
  for (const auto& happened : decide(now, asked, when).events) now = evolve(std::move(now), happened, when);
  return now;
}

payment made(capture_method method = capture_method::manual) {
  return after({}, command::create{usual_terms(method), usual_handling({"north", "south"})});
}

const command_type first_unavailable = command::report{authorize, reported::not_executed{"processor_unavailable"}};
command_type approved(operation_id what, std::string reference) {
  return command::report{what, reported::approved{std::move(reference), std::nullopt}};
}

}  // namespace

TEST_CASE(
    "payment/route: an authorization that was not executed goes to the next processor at once, under its own key") {
  auto now = made();
  CHECK(find(now, authorize)->processor == "north");

  now = after(now, first_unavailable);

  CHECK(find(now, authorize)->progress == progress::failed);
  CHECK(find(now, authorize)->rerouted);
  CHECK(find(now, authorize_2)->processor == "south");
  CHECK(owed(now) == std::vector{authorize_2});
  CHECK(processor_key(now, authorize) == now.agreed.id + ":authorize");
  CHECK(processor_key(now, authorize_2) == now.agreed.id + ":authorize:2");
  CHECK(processor_of(now) == "south");
  CHECK(summarize(now).status == status::pending);
}

TEST_CASE("payment/route: the last of the route is asked again, and in the end given up") {
  auto now = after(made(), first_unavailable);
  const command_type no = command::report{authorize_2, reported::not_executed{"rate_limited"}};
  for (std::uint32_t n = 1; n < deferred_attempts_max; ++n) {
    REQUIRE(text_of(decide(now, no, noon)) == "deferred");
    now = after(after(now, no), command::wake{}, *find(after(now, no), authorize_2)->next_attempt_at);
  }
  CHECK(text_of(decide(now, no, noon)) == "declined");
}

TEST_CASE("payment/route: an authorization that may have been executed stays where it is") {
  auto now = after(made(), command::report{authorize, reported::unknown{"processor_timeout"}});
  now = after(now, command::wake{}, noon + 1s);
  REQUIRE(owed(now) == std::vector{authorize});
  CHECK(text_of(decide(now, first_unavailable, noon + 2s)) == "in_doubt");

  const auto lost = after(made(), command::resume{});  // the process died with the call under way
  CHECK(text_of(decide(lost, first_unavailable, noon)) == "in_doubt");
}

TEST_CASE("payment/route: the client's answer is the last authorization's, at its version") {
  auto now = after(made(), first_unavailable);
  CHECK(find(now, authorize)->answered_version == 0);
  CHECK(*wake_at(now) == noon + answer_wait);

  SUBCASE("approved") {
    now = after(now, approved(authorize_2, "auth_2"));
    CHECK(find(now, authorize)->answered_version == now.version);
  }
  SUBCASE("declined") {
    now = after(now, command::report{authorize_2, reported::declined{card_declined}});
    CHECK(find(now, authorize)->answered_version == now.version);
    CHECK(summarize(now).status == status::failed);
  }
  SUBCASE("not in time: the wait counts from the request on") {
    now = after(made(), first_unavailable, noon + answer_wait - 1s);
    CHECK(*wake_at(now) == noon + answer_wait);
    now = after(now, command::wake{}, noon + answer_wait);
    CHECK(find(now, authorize)->answered_version == now.version);
    CHECK(summarize(now).status == status::processing);
  }
  SUBCASE("it was told `processing` before") {
    now = after(after(made(), command::wake{}, noon + answer_wait), first_unavailable, noon + answer_wait);
    CHECK(summarize(now).status == status::processing);
    CHECK(summarize(now).processing_reason == "processor_unavailable");
    CHECK(find(now, authorize)->answered_version == 2);
  }
  SUBCASE("an automatic payment's answer includes its capture") {
    now = after(after(made(capture_method::automatic), first_unavailable), approved(authorize_2, "auth_2"));
    CHECK(find(now, authorize)->answered_version == 0);
    now = after(now, approved(capture(), "cap_1"));
    CHECK(find(now, authorize)->answered_version == now.version);
    CHECK(summarize(now).status == status::captured);
    CHECK(find(now, capture())->processor == "south");
  }
}

TEST_CASE("payment/route: what the first approves after all is released there, once, while the second's stands") {
  auto now = after(after(made(), first_unavailable), approved(authorize_2, "auth_2"));
  const auto late = decide(now, approved(authorize, "auth_1"), noon);
  REQUIRE(text_of(late) == "late_authorization + cancel_requested");
  now = after(now, approved(authorize, "auth_1"));

  const auto* release = find(now, cancel());
  CHECK(release->processor == "north");
  CHECK(release->target_reference == "auth_1");
  CHECK(now.processor_reference == "auth_2");
  CHECK(text_of(decide(now, approved(authorize, "auth_1"), noon)) == "nothing");
  CHECK(text_of(decide(now, command::capture{"key", std::nullopt, false}, noon)) == "capture_requested");
  CHECK(text_of(decide(now, command::cancel{"key", ""}, noon)) == "cancel_requested");

  const auto before = summarize(now);
  for (const auto& end :
       {approved(cancel(), ""), command_type{command::report{cancel(), reported::declined{card_declined}}}}) {
    const auto seen = summarize(after(now, end));
    CHECK(seen.status == before.status);
    CHECK(seen.amount_capturable == before.amount_capturable);
    CHECK(text_of(decide(after(now, end), approved(authorize, "auth_1"), noon)) == "nothing");
  }
}

TEST_CASE("payment/route: a release under way does not keep the payment from lapsing") {
  auto now = after(after(made(), first_unavailable), approved(authorize_2, "auth_2"));
  now = after(now, approved(authorize, "auth_1"));
  CHECK(text_of(decide(now, command::wake{}, noon + authorization_window)).ends_with("expired + cancel_requested"));
}

TEST_CASE("payment/route: what a decline leaves open is canceled at its processor, and shows nowhere") {
  auto now = after(made(), command::report{authorize, reported::declined{card_declined, "open_1"}});
  CHECK(owed(now) == std::vector{cancel()});
  CHECK(find(now, cancel())->target_reference == "open_1");
  CHECK(summarize(now).status == status::failed);
  now = after(now, approved(cancel(), ""));
  CHECK(summarize(now).status == status::failed);
  CHECK(text_of(decide(now, command::report{authorize, reported::declined{card_declined, "open_1"}}, noon)) ==
        "nothing");
}

TEST_CASE("payment/route: a payment that nobody takes is refused, its repetition is not") {
  const auto asked = usual_terms();
  CHECK(text_of(decide({}, command::create{asked, {}}, noon)) == "refused no_processor");
  CHECK(text_of(decide(made(), command::create{asked, {}}, noon)) == "answers authorize 1");
}

TEST_CASE("payment/route: journals from before routes are replayed as they were meant") {
  using namespace event;
  auto now = given({created{usual_terms()}, declined{authorize, card_declined}, late_authorization{"auth_9"},
                    cancel_requested{1, "", "late_authorization"}});
  CHECK(now.processor_reference == "auth_9");  // the cancel names nothing: it goes there
  CHECK(find(now, cancel())->processor.empty());
  CHECK(find(now, cancel())->target_reference.empty());
  CHECK(text_of(decide(now, approved(authorize, "auth_9"), noon)) == "nothing");
}
