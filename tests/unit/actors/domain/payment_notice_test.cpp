// What processors tell by themselves, in any order; how unknown outcomes are inquired into and flagged; authorizations about to end.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/actors/domain/payment_fixture.hpp"

using namespace novapay::domain;
using namespace novapay::domain::testing;

namespace {

payment after(payment now, const command_type& asked, timestamp when = noon) {
  for (const auto& happened : decide(now, asked, when).events) now = evolve(std::move(now), happened, when);
  return now;
}

payment authorized(handling how = usual_handling({"north"})) {
  return given({event::created{usual_terms(), std::move(how)},
                event::authorized{authorize, "auth_1", noon + authorization_window}});
}
payment capturing(std::initializer_list<std::int64_t> amounts) {
  auto now = authorized();
  for (const auto amount : amounts)
    now = after(now, command::capture{"key-" + std::to_string(now.version), amount, false});
  return now;
}

command_type tell(operation_id about, news what, std::string reference = {}, std::optional<std::int64_t> amount = {}) {
  return command::notify{{about, std::move(what), "north", std::move(reference), amount}};
}
const told::result yes{reported::approved{"", std::nullopt}};
const operation_id some_capture{operation_kind::capture, 0};

std::string break_of(const payment& now, const command_type& told) {
  const auto made = decide(now, told, noon);
  REQUIRE(made.events.size() == 1);
  const auto* noted = std::get_if<event::break_noted>(&made.events[0]);
  return noted == nullptr ? text_of(made) : noted->reason;
}

command_type disputed(dispute_stage stage, timestamp when) {
  return tell(some_capture, told::disputed{{"dp_1", stage, 100, "fraudulent", std::nullopt, when}});
}

}  // namespace

TEST_CASE("payment/notice: accepted keeps the reservation, answers `processing`, and is asked about seldom") {
  auto now = capturing({100});
  now = after(now, command::report{capture(), reported::accepted{"cap_1"}});
  const auto seen = summarize(now);
  CHECK(seen.status == status::processing);
  CHECK(seen.processing_reason == "accepted_by_processor");
  CHECK(seen.next_check_at == noon + accepted_first);
  CHECK(seen.amount_capturable == 0);
  CHECK(find(now, capture())->answered_version == now.version);
  CHECK(*wake_at(now) == noon + accepted_first);

  auto when = noon + accepted_first;
  now = after(now, command::wake{}, when);
  REQUIRE(owed(now) == std::vector{capture()});
  now = after(now, command::report{capture(), reported::accepted{"cap_1"}}, when);
  CHECK(*find(now, capture())->next_attempt_at == when + accepted_first);
  when = noon + accepted_longest * 2;
  now = after(after(now, command::wake{}, when), command::report{capture(), reported::accepted{"cap_1"}}, when);
  CHECK(*find(now, capture())->next_attempt_at == when + accepted_longest);

  SUBCASE("told of its success") {
    now = after(now, tell(capture(), yes, "cap_1"), when);
    CHECK(summarize(now).status == status::captured);
  }
  SUBCASE("told of its failure") {
    now = after(now, tell(capture(), told::result{reported::declined{card_declined}}), when);
    CHECK(summarize(now).status == status::authorized);
    CHECK(summarize(now).amount_capturable == 100);
  }
  SUBCASE("`not executed` of a later attempt does not undo that it was taken") {
    now = after(now, command::wake{}, when + accepted_longest);
    REQUIRE(owed(now) == std::vector{capture()});
    CHECK(text_of(decide(now, command::report{capture(), reported::not_executed{"rate_limited"}},
                         when + accepted_longest)) == "in_doubt");
  }
}

TEST_CASE("payment/notice: one that comes before the call's own answer has the last word") {
  auto now = after(capturing({60}), tell(capture(), yes, "cap_1"));
  CHECK(summarize(now).amount_captured == 60);
  CHECK(text_of(decide(now, command::report{capture(), reported::approved{"cap_1", std::nullopt}}, noon)) == "nothing");
  CHECK(text_of(decide(now, command::report{capture(), reported::unknown{"processor_timeout"}}, noon)) == "nothing");
  CHECK(find(now, capture())->processor_reference == "cap_1");
}

TEST_CASE("payment/notice: without a number it is found by reference, or as the only one that could be meant") {
  auto now = capturing({60, 40});
  CHECK(break_of(now, tell(some_capture, yes, "cap_x")) == "ambiguous");
  now = after(now, tell(some_capture, yes, "cap_2", 40));
  CHECK(find(now, capture(2))->progress == progress::succeeded);
  CHECK(find(now, capture(1))->progress == progress::sending);
  CHECK(text_of(decide(now, tell(some_capture, told::settled{}, "cap_2"), noon)) == "settled");
  now = after(now, tell(some_capture, yes, "cap_1"));
  CHECK(find(now, capture(1))->progress == progress::succeeded);

  const auto twins = capturing({50, 50});
  const auto which = tell(some_capture, yes, "cap_9", 50);
  CHECK(break_of(twins, which) == "ambiguous");
  CHECK(text_of(decide(after(twins, which), which, noon)) == "nothing");
  CHECK(break_of(after(twins, which), tell(some_capture, yes, "cap_8", 50)) == "ambiguous");
  CHECK(break_of(authorized(), tell(some_capture, yes, "cap_9", 50)) == "unknown_operation");
}

TEST_CASE("payment/notice: an authorization for another amount is none, and is released") {
  const auto now = given({event::created{usual_terms(), usual_handling({"north"})}});
  const auto whole = usual_terms().amount.minor;
  CHECK(text_of(decide(now, tell(authorize, yes, "auth_1", whole), noon)) ==
        text_of(decide(now, tell(authorize, yes, "auth_1"), noon)));
  for (const auto other : {whole - 1, whole + 1}) {
    const auto told = tell(authorize, yes, "auth_1", other);
    const auto then = after(now, told);
    CHECK(summarize(then).status == status::failed);
    CHECK(then.last_failure->code == "partially_authorized");
    REQUIRE(find(then, {operation_kind::cancel, 1}) != nullptr);
    CHECK(find(then, {operation_kind::cancel, 1})->target_reference == "auth_1");
    CHECK(text_of(decide(then, told, noon)) == "nothing");
  }
}

TEST_CASE("payment/notice: only an operation's own processor may tell of it") {
  const auto now = capturing({60});
  const command_type stranger = command::notify{{capture(), yes, "west"}};
  CHECK(break_of(now, stranger) == "other_processor");
  const auto moved = given({event::created{usual_terms(), usual_handling({"north", "south"})},
                            event::rerouted{authorize, "processor_unavailable", 2, "south"},
                            event::authorized{authorize_2, "auth_2", noon + authorization_window},
                            event::capture_requested{1, "k", 60, 60, false}});
  CHECK(break_of(moved, tell(capture(), yes)) == "other_processor");
  CHECK(text_of(decide(moved, tell(authorize, told::voided{"canceled"}), noon)) == "nothing");
}

TEST_CASE("payment/notice: settlement figures are kept, also when they come after the fact") {
  auto now = after(capturing({60}), tell(capture(), told::settled{}));
  CHECK(find(now, capture())->settled);
  const settlement figures{"po_1", 57, 3, "usd"};
  now = after(now, tell(capture(), told::settled{figures}));
  CHECK(find(now, capture())->paid_out == figures);
  CHECK(text_of(decide(now, tell(capture(), told::settled{figures}), noon)) == "nothing");
}

TEST_CASE("payment/notice: any order of a dispute's news ends the same") {
  std::vector<command_type> all{disputed(dispute_stage::opened, noon), disputed(dispute_stage::under_review, noon + 1h),
                                disputed(dispute_stage::won, noon + 2h), disputed(dispute_stage::lost, noon + 3h)};
  std::vector<int> order{0, 1, 2, 3};
  do {
    auto now = authorized();
    for (const auto which : order) now = after(now, all[static_cast<std::size_t>(which)]);
    REQUIRE(now.disputes.size() == 1);
    CHECK(now.disputes[0].stage == dispute_stage::lost);
    for (const auto& again : all) CHECK(decide(now, again, noon).events.empty());
  } while (std::ranges::next_permutation(order).found);
}

TEST_CASE("payment/notice: so many disputes are kept, a further one is a break") {
  auto now = authorized();
  const auto nth = [](std::size_t n) {
    return tell(some_capture, told::disputed{{"dp_" + std::to_string(n), dispute_stage::opened, 1, "", {}, noon}});
  };
  for (std::size_t n = 0; n < disputes_max; ++n) now = after(now, nth(n));
  CHECK(now.disputes.size() == disputes_max);
  CHECK(break_of(now, nth(disputes_max)) == "too_many_disputes");
}

TEST_CASE("payment/notice: an undated dispute's repetition is no news") {
  const auto told = disputed(dispute_stage::opened, {});
  const auto now = after(authorized(), told);
  CHECK(now.disputes.at(0).at == noon);
  CHECK(decide(now, told, noon + 1h).events.empty());
}

TEST_CASE("payment/inquiry: quick while the doubt is young, then by its age, an hour at most") {
  auto now = after(authorized(), command::cancel{"key", ""});
  const auto wait_after = [&now](timestamp when, std::uint32_t attempts) {
    auto then = now;
    auto& what = then.operations.back();
    what.attempts = attempts;
    const auto made = decide(then, command::report{cancel(), reported::unknown{"processor_timeout"}}, when);
    return std::get<event::in_doubt>(made.events.at(0)).next_attempt_at - when;
  };
  CHECK(wait_after(noon, 1) == 1s);
  CHECK(wait_after(noon + 1s, 2) == 2s);
  CHECK(wait_after(noon + 3s, 3) == 4s);
  CHECK(wait_after(noon + 7s, 4) == 8s);
  CHECK(wait_after(noon + 15s, 5) == 15s);
  CHECK(wait_after(noon + inquiry_young - 1ms, 40) == 15s);
  CHECK(wait_after(noon + inquiry_young, 41) == 150s);
  CHECK(wait_after(noon + 2h, 50) == 30min);
  CHECK(wait_after(noon + 24h * 30, 99) == 1h);
}

TEST_CASE("payment/flagged: an outcome unknown for a day is flagged once, and still inquired into") {
  auto now = after(authorized(), command::capture{"key", 60, false});
  now = after(now, command::report{capture(), reported::unknown{"processor_timeout"}});
  const auto due = noon + flag_after;
  now = after(now, command::wake{}, due - 1ms);
  CHECK_FALSE(summarize(now).needs_attention);
  REQUIRE(*wake_at(now) <= due);

  const auto made = decide(now, command::wake{}, due);
  CHECK(text_of(made).find("flagged") != std::string::npos);
  now = after(now, command::wake{}, due);
  CHECK(summarize(now).needs_attention);
  now = after(now, command::report{capture(), reported::unknown{"processor_timeout"}}, due);
  CHECK(text_of(decide(now, command::wake{}, due + 1h)) == "attempt_started");
  now = after(now, tell(capture(), yes, "cap_1"));
  CHECK_FALSE(summarize(now).needs_attention);
}

TEST_CASE("payment/expiring: it is said once, at its time, and what the merchant wished for is begun") {
  auto how = usual_handling({"north"});
  how.expiring_lead = 48h;
  const auto due = noon + authorization_window - 48h;
  SUBCASE("nothing is wished for") {
    auto now = authorized(how);
    CHECK(*wake_at(now) == due);
    now = after(now, command::wake{}, due);
    CHECK(*wake_at(now) == noon + authorization_window);
  }
  SUBCASE("its capture") {
    how.expiring = on_expiry::capture;
    auto now = after(authorized(how), command::capture{"key", 60, false});
    now = after(after(now, tell(capture(), yes)), command::wake{}, due);
    REQUIRE(owed(now) == std::vector{capture(2)});
    CHECK(find(now, capture(2))->amount_minor == 40);
    CHECK(find(now, capture(2))->final);
  }
  SUBCASE("its cancellation") {
    how.expiring = on_expiry::cancel;
    auto now = after(authorized(how), command::wake{}, due);
    REQUIRE(owed(now) == std::vector{cancel()});
    CHECK(summarize(now).status == status::authorized);
    now = after(now, command::report{cancel(), reported::approved{}}, due);
    CHECK(summarize(now).status == status::canceled);
  }
  SUBCASE("whoever wakes after the end does neither") {
    how.expiring = on_expiry::capture;
    CHECK(text_of(decide(authorized(how), command::wake{}, noon + authorization_window)) ==
          "expired + cancel_requested");
  }
  SUBCASE("nothing is left to be captured") {
    auto now = after(authorized(how), command::capture{"key", 100, false});
    now = after(now, tell(capture(), yes));
    CHECK_FALSE(wake_at(now).has_value());
  }
}
