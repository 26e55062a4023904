// Both sides read and brought together, over a store of vectors and a statement of pages: differences, order, and every way to be broken off.
#include "actors/reconcile.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "actors/payment_codec.hpp"
#include "actors/payments.hpp"
#include "adapters/system/spill_files.hpp"
#include "tests/unit/actors/domain/payment_fixture.hpp"
#include "tests/unit/runtime/period_world.hpp"

using namespace novapay;
using namespace novapay::domain;
using namespace novapay::domain::testing;

namespace {

struct asked_page {
  timestamp from, to;
  std::string at;
};

// Payments that are captured at once, and a statement that lists them faithfully until it is spoilt.
struct world {
  runtime::testing::period_world store;
  std::vector<statement_line> lines;  // two a page
  std::vector<asked_page> asked;
  std::optional<statement_failure> failing;
  std::size_t failing_at = 0;         // the page
  std::size_t stop_after = SIZE_MAX;  // calls of `stopped`
  std::vector<difference> found;
  std::uint64_t number = 0;

  std::string pay(timestamp when, const std::string& processor = "north") {
    const auto id = runtime::make_entity_id(when, runtime::placement_hash{}, ++number);
    auto agreed = usual_terms();
    agreed.id = payment_id_text(id);
    const auto n = std::to_string(number);
    store_events(
        id,
        {event::created{agreed, usual_handling({processor})}, event::authorized{authorize, "pi_" + n, when + 24h},
         event::capture_requested{1, "k", 100, 100, true}, event::captured{1, "ch_" + n}},
        when);
    add_line(agreed.id, {operation_kind::authorize, 0}, 100, "pi_" + n, when);
    add_line(agreed.id, capture(), 100, "ch_" + n, when);
    return agreed.id;
  }
  void refund(const std::string& payment, timestamp when) {
    const auto id = *parse_payment_id(payment);
    auto now = state(id);
    for (const auto& one : {event_type{event::refund_requested{1, "r", 40, 40, "other"}},
                            event_type{event::refunded{1, "re_" + payment}}})
      now = evolve(std::move(now), one, when);
    row(id).state = encode(now);
    for (int n = 0; n < 2; ++n) store.add(shard(id), runtime::record_type::event, id, when);
    add_line(payment, domain::testing::refund(), 40, "re_" + payment, when);
  }
  void add_line(const std::string& payment, operation_id id, std::int64_t minor, const std::string& reference,
                timestamp when) {
    lines.push_back({payment,
                     id,
                     {minor, *parse_currency("usd")},
                     std::to_string(minor) + " usd",
                     line_status::succeeded,
                     reference,
                     when});
  }

  static runtime::shard_id shard(const runtime::entity_id& id) {
    return runtime::shard_id{static_cast<std::uint16_t>(id.bytes[15] % 3)};
  }
  runtime::entity_row& row(const runtime::entity_id& id) {
    return *std::find_if(store.entities.begin(), store.entities.end(), [&id](const auto& one) { return one.id == id; });
  }
  payment state(const runtime::entity_id& id) { return decode_payment(row(id).state); }
  void store_events(const runtime::entity_id& id, const std::vector<event_type>& events, timestamp when) {
    for (std::size_t n = 0; n < events.size(); ++n) store.add(shard(id), runtime::record_type::event, id, when);
    store.entities.push_back({id, shard(id), "payment", events.size(), encode(given(events, when)), {}, {}});
  }

  reconcile_outcome run(statement_traits traits = {}) {
    found.clear();
    asked.clear();
    std::stable_sort(store.records.begin(), store.records.end(),
                     [](const auto& a, const auto& b) { return a.at < b.at; });
    std::map<runtime::shard_id, std::uint64_t> next;
    for (auto& one : store.records) one.offset = next[one.shard]++;
    adapters::spill_files aside;
    std::size_t calls = 0;
    return reconcile({"north", false, noon, noon + 24h, noon + 48h, traits},
                     {[this](timestamp from, timestamp to, const std::string& at) { return page(from, to, at); }, store,
                      store, aside, [this](difference one) { found.push_back(std::move(one)); }, [](const auto&) {},
                      [&calls, this] { return ++calls > stop_after; }});
  }

  statement_result page(timestamp from, timestamp to, const std::string& at) {
    asked.push_back({from, to, at});
    if (failing && asked.size() > failing_at) return *failing;
    std::vector<statement_line> fits;
    for (const auto& each : lines)
      if (each.at == timestamp{} || (each.at >= from && each.at < to)) fits.push_back(each);
    const auto begin = at.empty() ? 0 : std::stoul(at);
    statement_page out;
    for (auto i = begin; i < fits.size() && i < begin + 2; ++i) out.lines.push_back(fits[i]);
    if (begin + 2 < fits.size()) out.next = std::to_string(begin + 2);
    return out;
  }

  std::string text() const {
    std::vector<std::string> all;
    for (const auto& each : found)
      all.push_back(std::string(to_text(each.kind)) + " " + each.payment + " " +
                    std::string(domain::to_text(each.about.kind)));
    std::sort(all.begin(), all.end());
    std::string out;
    for (const auto& each : all) out += (out.empty() ? "" : "; ") + each;
    return out;
  }
};

}  // namespace

TEST_CASE("reconcile: clean books, read with the edges") {
  world here;
  for (int n = 0; n < 700; ++n) here.pay(noon + n * 2min);
  here.refund(here.pay(noon - 48h), noon + 1h);  // of a payment that is older than the period
  here.pay(noon + 1h, "south");
  here.lines.resize(here.lines.size() - 2);  // which north does not list
  const auto done = here.run();

  CHECK_FALSE(done.broken);
  CHECK(here.text().empty());
  CHECK(done.reached.report.matched == 1401);
  CHECK(done.reached.report.payments == 701);
  CHECK(done.reached.lines == 1401);
  CHECK(here.asked.front().from == noon - statement_skew);
  CHECK(here.asked.front().to == noon + 24h + statement_reach);
}

TEST_CASE("reconcile: differences on either side, whatever payment they are of") {
  world here;
  const auto first = here.pay(noon + 1h);
  const auto old = here.pay(noon - 48h);
  here.refund(old, noon + 2h);
  here.pay(noon + 3h);
  SUBCASE("a refund of an old payment is not listed") {
    here.lines.erase(here.lines.begin() + 4);
    here.run();
    CHECK(here.text() == "missing " + old + " refund");
  }
  SUBCASE("a line of an old payment that we know nothing of") {
    here.add_line(old, domain::testing::refund(2), 5, "re_x", noon + 2h);
    here.run();
    CHECK(here.text() == "extra " + old + " refund");
  }
  SUBCASE("payments that are none of ours, or no names of payments") {
    here.add_line("", {operation_kind::refund, 0}, 5, "re_a", noon + 2h);
    here.add_line("", {operation_kind::refund, 0}, 5, "re_b", noon + 2h);
    here.add_line("pay_nonsense", {operation_kind::refund, 0}, 5, "re_c", noon + 2h);
    here.add_line("pay_01m82ksgwdj9s23575y8scamh4", {operation_kind::refund, 1}, 5, "re_d", noon + 2h);
    here.run();
    CHECK(here.text() ==
          "extra  refund; extra  refund; extra pay_01m82ksgwdj9s23575y8scamh4 refund; extra pay_nonsense refund");
  }
  SUBCASE("a payment whose row is of another kind is none") {
    here.row(*parse_payment_id(first)).kind = "customer";
    here.run();
    CHECK(here.text() == "extra " + first + " authorize; extra " + first + " capture");
  }
  SUBCASE("a payment that crosses midnight is found in both lists") {
    const auto late = here.pay(noon + 24h - 1s);
    for (auto& each : here.lines)
      if (each.payment == late) each.at += 30min;
    CHECK(here.run().reached.report.matched == 7);
    CHECK(here.text().empty());
  }
}

TEST_CASE("reconcile: a statement that is written days later") {
  const statement_traits later{false, false, true, 7 * 24h};
  world here;
  const auto settled = here.pay(noon + 1h);
  const auto other = here.pay(noon + 2h);
  std::erase_if(here.lines, [](const auto& each) { return each.operation.kind == operation_kind::authorize; });
  for (auto& each : here.lines) each.at += 40h;  // after the period
  CHECK(here.run(later).reached.report.matched == 2);
  CHECK(here.text().empty());
  CHECK(here.asked.front().to > noon + 48h);

  here.lines.pop_back();
  CHECK(here.run(later).reached.report.awaited == 1);
  CHECK(here.text().empty());
  here.add_line(settled, {operation_kind::refund, 0}, 1, "re", noon + 30 * 24h);  // too late to be asked for
  CHECK(here.run(later).reached.report.awaited == 1);
  auto lagging = later;
  lagging.lag = 1h;
  here.run(lagging);
  CHECK(here.text() == "missing " + other + " capture");

  here.lines.clear();
  const auto nothing = here.run(later);
  CHECK(nothing.broken == broken_by::statement);
  CHECK_FALSE(nothing.why.empty());
}

TEST_CASE("reconcile: broken off, with how far it came") {
  world here;
  for (int n = 0; n < 5; ++n) here.pay(noon + 1h);
  SUBCASE("by the processor") {
    here.failing = statement_failure{true, "processor_timeout"};
    here.failing_at = 2;
    const auto done = here.run();
    CHECK(done.broken == broken_by::processor);
    CHECK(done.why == "processor_timeout");
    CHECK(done.reached.pages == 2);
    CHECK(done.reached.lines == 4);
    CHECK_FALSE(done.reached.statement_read);
  }
  SUBCASE("by a statement that makes no sense") {
    here.failing = statement_failure{false, "unreadable_report"};
    CHECK(here.run().broken == broken_by::statement);
  }
  SUBCASE("by the store") {
    here.store.failing = "the disk is gone";
    const auto done = here.run();
    CHECK(done.broken == broken_by::store);
    CHECK(done.why == "the disk is gone");
    CHECK(done.reached.statement_read);
  }
  SUBCASE("by a payment that cannot be read") {
    here.store.entities[0].state = "\xff\xff";
    const auto done = here.run();
    CHECK(done.broken == broken_by::store);
    CHECK(done.why.find("cannot be read") != std::string::npos);
  }
  SUBCASE("by an interrupt, at any moment") {
    std::size_t ended = 0;
    for (here.stop_after = 0; ended == 0; ++here.stop_after) {
      const auto done = here.run();
      if (!done.broken)
        ended = here.stop_after;
      else
        CHECK(done.broken == broken_by::stop);
    }
    CHECK(ended > 10);
  }
}
