// Both books of one payment: every kind of difference by itself, the edges of a period, and random books against a naive comparison.
#include "actors/domain/reconciliation.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "tests/unit/actors/domain/payment_fixture.hpp"

using namespace novapay::domain;
using namespace novapay::domain::testing;

namespace {

const currency usd = *parse_currency("usd");
const currency eur = *parse_currency("eur");

reconciliation_scope day() {
  reconciliation_scope scope;
  scope.from = noon;
  scope.to = noon + 24h;
  scope.complete_until = noon + 25h;
  scope.shown_until = noon + 48h;
  return scope;
}

booked own(operation_id id, std::int64_t minor, std::string reference, standing stands = standing::done) {
  return {id, {minor, usd}, stands, std::move(reference), {}, noon + 1h, noon + 1h};
}
listed line(operation_id id, std::int64_t minor, std::string reference, standing stands = standing::done) {
  return {id, {minor, usd}, std::to_string(minor) + " usd", stands, std::move(reference), noon + 1h};
}

struct both_books {
  payment_books ours;
  std::vector<listed> theirs;
  bool known = true;
};

// Authorized 100, captured 60 and 40, refunded 30: as Stripe lists it.
both_books sound() {
  both_books both;
  both.ours = {noon + 1h,
               noon + 1h,
               false,
               {own(authorize, 100, "pi_1"), own(capture(1), 60, "ch_1"), own(capture(2), 40, "ch_1"),
                own(refund(1), 30, "re_1")}};
  both.theirs = {line({operation_kind::authorize, 0}, 100, "pi_1"), line(capture(1), 60, "ch_1"),
                 line(capture(2), 40, "ch_1"), line(refund(1), 30, "re_1")};
  return both;
}
// Authorized and canceled.
both_books released() {
  both_books both;
  both.ours = {noon + 1h, noon + 1h, false, {own(authorize, 100, "pi_1"), own(cancel(), 0, "pi_1")}};
  both.theirs = {line(authorize, 100, "pi_1"), line({operation_kind::cancel, 0}, 0, "pi_1")};
  return both;
}

struct compared {
  reconciliation_report report;
  std::vector<difference> found;

  std::string text() const {
    std::string out;
    for (const auto& each : found)
      out += (out.empty() ? "" : "; ") + std::string(to_text(each.kind)) + " " + std::string(to_text(each.about.kind)) +
             ":" + std::to_string(each.about.number);
    return out;
  }
};

compared compare(const both_books& both, const reconciliation_scope& scope = day()) {
  compared made;
  reconciliation all(scope, [&made](difference one) { made.found.push_back(std::move(one)); });
  all.compare("pay_1", both.known ? &both.ours : nullptr, both.theirs);
  made.report = all.report();
  CHECK(made.report.differing() == made.found.size());
  CHECK(made.report.clean() == made.found.empty());
  for (const auto& each : made.found) {
    CHECK(each.payment == "pay_1");
    CHECK_FALSE(each.why.empty());
  }
  return made;
}

void erase_line(both_books& both, std::size_t at) { both.theirs.erase(both.theirs.begin() + static_cast<long>(at)); }
void erase_own(both_books& both, std::size_t at) {
  both.ours.operations.erase(both.ours.operations.begin() + static_cast<long>(at));
}

}  // namespace

TEST_CASE("reconciliation: books that agree, with their totals") {
  const auto made = compare(sound());

  CHECK(made.text().empty());
  CHECK(made.report.matched == 4);
  CHECK(made.report.payments == 1);
  CHECK(made.report.totals.at({operation_kind::capture, usd}) == operation_totals{{2, 100}, {2, 100}, 2});
  CHECK(made.report.totals.at({operation_kind::refund, usd}) == operation_totals{{1, 30}, {1, 30}, 1});
  CHECK(compare(released()).report.matched == 2);
}

TEST_CASE("reconciliation: each difference is found, and only that") {
  struct row {
    std::string name;
    std::function<void(both_books&)> spoil;
    std::string found;
  };
  const std::vector<row> rows{
      {"a refund is not listed", [](both_books& b) { erase_line(b, 3); }, "missing refund:1"},
      {"a capture is not listed", [](both_books& b) { erase_line(b, 2); }, "missing capture:2"},
      {"nothing is listed", [](both_books& b) { b.theirs.clear(); },
       "missing authorize:1; missing capture:1; missing capture:2; missing refund:1"},
      {"a refund we know nothing of", [](both_books& b) { b.theirs.push_back(line(refund(2), 5, "re_2")); },
       "extra refund:2"},
      {"a refund without a number", [](both_books& b) { erase_own(b, 3); }, "extra refund:1"},
      {"the payment is not ours", [](both_books& b) { b.known = false; },
       "extra authorize:0; extra capture:1; extra capture:2; extra refund:1"},
      {"a second intent is charged too",
       [](both_books& b) {
         b.theirs.push_back(line(authorize, 100, "pi_2"));
         b.theirs.push_back(line(capture(1), 60, "ch_2"));
       },
       "duplicate authorize:1; duplicate capture:1"},
      {"the second intent comes first, and names the operation",
       [](both_books& b) { b.theirs.insert(b.theirs.begin(), line(authorize, 100, "pi_0")); }, "duplicate authorize:1"},
      {"a refund was made twice", [](both_books& b) { b.theirs.push_back(line(refund(1), 30, "re_9")); },
       "duplicate refund:1"},
      {"a second refund is on its way",
       [](both_books& b) { b.theirs.push_back(line(refund(1), 30, "re_9", standing::open)); }, "duplicate refund:1"},
      {"another amount refunded", [](both_books& b) { b.theirs[3].amount.minor = 31; }, "amount refund:1"},
      {"another amount authorized", [](both_books& b) { b.theirs[0].amount.minor = 1000; }, "amount authorize:1"},
      {"another currency", [](both_books& b) { b.theirs[3].amount.code = eur; }, "amount refund:1"},
      {"a currency we do not know", [](both_books& b) { b.theirs[3].amount = {}; }, "amount refund:1"},
      {"captures that add up to another amount",
       [](both_books& b) {
         erase_line(b, 2);
         b.theirs[1] = line(capture(2), 99, "ch_1");
       },
       "amount capture:0"},
      {"done with us, failed there", [](both_books& b) { b.theirs[3].stands = standing::failed; },
       "contradiction refund:1"},
      {"failed with us, done there", [](both_books& b) { b.ours.operations[3].stands = standing::failed; },
       "contradiction refund:1"},
      {"authorized with us, not finished there", [](both_books& b) { b.theirs[0].stands = standing::open; },
       "contradiction authorize:1"},
      {"in doubt with us, done there",
       [](both_books& b) {
         b.ours.operations[3].stands = standing::open;
         b.ours.operations[3].reason = "processor_timeout";
       },
       "doubt refund:1"},
  };
  for (const auto& each : rows) {
    CAPTURE(each.name);
    auto both = sound();
    each.spoil(both);
    CHECK(compare(both).text() == each.found);
  }
}

TEST_CASE("reconciliation: what looks odd and is none") {
  struct row {
    std::string name;
    std::function<void(both_books&)> change;
    std::uint64_t matched, under_way, released;
  };
  const std::vector<row> rows{
      {"captures listed as one sum",
       [](both_books& b) {
         erase_line(b, 2);
         b.theirs[1] = line(capture(2), 100, "ch_1");
       },
       4, 0, 0},
      {"a report given twice", [](both_books& b) { b.theirs.push_back(b.theirs[3]); }, 4, 0, 0},
      {"a refund that came back, and failed with us too",
       [](both_books& b) {
         b.theirs.push_back(line(refund(1), 30, "re_1", standing::failed));
         b.ours.operations[3].stands = standing::failed;
       },
       3, 0, 0},
      {"a refund that is on its way there", [](both_books& b) { b.theirs[3].stands = standing::open; }, 4, 0, 0},
      {"a refund under way on both sides",
       [](both_books& b) { b.theirs[3].stands = b.ours.operations[3].stands = standing::open; }, 3, 1, 0},
      {"a refund under way with us, unknown there",
       [](both_books& b) {
         b.ours.operations[3].stands = standing::open;
         erase_line(b, 3);
       },
       3, 1, 0},
      {"a refund by amount alone",
       [](both_books& b) {
         b.theirs[3].id.number = 0;
         b.theirs[3].reference = "re_unknown";
       },
       4, 0, 0},
      {"a failed attempt of somebody's",
       [](both_books& b) { b.theirs.push_back(line(authorize, 100, "pi_2", standing::failed)); }, 4, 0, 0},
      {"a second authorization, canceled again",
       [](both_books& b) {
         b.theirs.push_back(line(authorize, 100, "pi_2"));
         b.theirs.push_back(line({operation_kind::cancel, 0}, 0, "pi_2"));
       },
       4, 0, 1},
      {"given up with us, its release on the way",
       [](both_books& b) {
         b.ours.operations = {own(authorize, 100, "", standing::failed), own(cancel(), 0, "pi_1", standing::open)};
         b.theirs.resize(1);
       },
       0, 2, 0},
      {"given up with us, released there",
       [](both_books& b) {
         b.ours.operations = {own(authorize, 100, "", standing::failed), own(cancel(), 0, "pi_1")};
         b.theirs.resize(1);
         b.theirs.push_back(line({operation_kind::cancel, 0}, 0, "pi_1"));
       },
       1, 0, 1},
  };
  for (const auto& each : rows) {
    CAPTURE(each.name);
    auto both = sound();
    each.change(both);
    const auto made = compare(both);
    CHECK(made.text().empty());
    CHECK(made.report.matched == each.matched);
    CHECK(made.report.under_way == each.under_way);
    CHECK(made.report.released == each.released);
  }
}

TEST_CASE("reconciliation: holds") {
  SUBCASE("canceled with us, held there") {
    auto both = released();
    erase_line(both, 1);
    CHECK(compare(both).text() == "missing cancel:1");
  }
  SUBCASE("given up with us, held there") {
    auto both = released();
    both.ours.operations = {own(authorize, 100, "", standing::failed)};
    erase_line(both, 1);
    CHECK(compare(both).text() == "contradiction authorize:1");
  }
  SUBCASE("held with us, ended there") {
    auto both = released();
    erase_own(both, 1);
    both.ours.holds = true;
    CHECK(compare(both).text() == "contradiction cancel:0");
    both.ours.holds = false;  // it has lapsed with us too
    CHECK(compare(both).text().empty());
  }
  SUBCASE("a statement without holds says nothing of them") {
    auto scope = day();
    scope.lists_holds = false;
    auto both = sound();
    erase_line(both, 0);
    CHECK(compare(both, scope).text().empty());
    CHECK(compare(both, scope).report.matched == 3);
  }
}

TEST_CASE("reconciliation: the edges of the period") {
  auto scope = day();
  auto both = sound();
  const auto only = [&both](operation_kind kind) {
    std::erase_if(both.ours.operations, [kind](const booked& each) { return each.id.kind != kind; });
    std::erase_if(both.theirs, [kind](const listed& each) { return each.id.kind != kind; });
  };
  SUBCASE("ours before midnight, theirs after: found in both periods") {
    only(operation_kind::refund);
    both.ours.operations[0].requested_at = both.ours.operations[0].last_attempt_at = scope.to - 1ms;
    both.theirs[0].at = scope.to + 1s;
    CHECK(compare(both, scope).report.matched == 1);
    scope.from = scope.to;
    scope.to += 24h;
    CHECK(compare(both, scope).report.matched == 1);
  }
  SUBCASE("what lies outside on both sides is another period's, whatever it is") {
    for (auto& each : both.theirs) each.at = scope.to;
    both.theirs[3].amount.minor = 1;
    both.ours.created_at = both.ours.operations[3].requested_at = scope.to;
    CHECK(compare(both, scope).text().empty());
    CHECK(compare(both, scope).report.matched == 0);
    scope.to += 1ms;
    CHECK(compare(both, scope).text() == "amount refund:1");
  }
  SUBCASE("alone, each belongs to its own period") {
    only(operation_kind::refund);
    const auto ours = both.ours;
    const auto theirs = both.theirs;
    both.ours.operations[0].requested_at = scope.from - 1ms;
    both.theirs.clear();
    CHECK(compare(both, scope).text().empty());
    both.ours.operations.clear();
    both.theirs = theirs;
    both.theirs[0].at = scope.from;
    CHECK(compare(both, scope).text() == "extra refund:1");
    both.theirs[0].at = scope.from - 1ms;
    CHECK(compare(both, scope).text().empty());
    both.theirs[0].at = {};
    CHECK(compare(both, scope).text() == "extra refund:1");
  }
  SUBCASE("captures count with their payment, or by themselves") {
    only(operation_kind::capture);
    both.theirs.clear();
    for (auto& each : both.ours.operations) each.requested_at = each.last_attempt_at = scope.to + 1h;
    CHECK(compare(both, scope).text() == "missing capture:1; missing capture:2");
    scope.dated_by_payment = false;
    CHECK(compare(both, scope).text().empty());
  }
  SUBCASE("what cannot be listed yet is awaited") {
    both.theirs.clear();
    scope.complete_until = noon;
    const auto made = compare(both, scope);
    CHECK(made.text().empty());
    CHECK(made.report.awaited == 4);
  }
  SUBCASE("repeated for so long that it was done after what was read") {
    only(operation_kind::refund);
    both.theirs.clear();
    both.ours.operations[0].last_attempt_at = scope.complete_until + 1ms;
    CHECK(compare(both, scope).report.awaited == 1);
  }
  SUBCASE("what changed while both were read contradicts nothing") {
    both.theirs[3].stands = standing::failed;
    both.ours.updated_at = scope.shown_until + 1ms;
    const auto made = compare(both, scope);
    CHECK(made.text().empty());
    CHECK(made.report.awaited == 1);
  }
}

TEST_CASE("reconciliation: our books of a payment, at one processor") {
  using namespace event;
  const event_type made = created{usual_terms(), usual_handling({"north", "south"})};
  const event_type on = rerouted{authorize, "processor_unavailable", 2, "south"};
  const event_type late = late_authorization{"auth_1", authorize, "north"};
  const event_type release = cancel_requested{1, "", "late_authorization", "north", "auth_1"};
  const auto now =
      given({made, on, authorized{authorize_2, "auth_2", noon + 24h}, late, release, canceled{1},
             capture_requested{1, "k", 60, 60, false}, in_doubt{capture(), "processor_timeout", noon + 1s}});

  const auto north = books_of(now, "north", false);
  REQUIRE(north.operations.size() == 2);
  CHECK(north.operations[0].stands == standing::failed);
  CHECK(north.operations[1].stands == standing::done);
  CHECK(north.operations[1].reference == "auth_1");
  CHECK_FALSE(north.holds);
  const auto south = books_of(now, "south", false);
  REQUIRE(south.operations.size() == 2);
  CHECK(south.operations[0].stands == standing::done);
  CHECK(south.operations[0].reference == "auth_2");
  CHECK(south.operations[1].stands == standing::open);
  CHECK(south.operations[1].reason == "processor_timeout");
  CHECK(south.operations[1].amount == money{60, usd});
  CHECK(south.holds);
  CHECK(books_of(now, "west", true).operations.empty());

  SUBCASE("an authorization that the customer confirmed") {
    const auto confirmed =
        given({created{usual_terms(), usual_handling()}, action_required{authorize, redirect, "auth_1", noon + 24h},
               confirm_requested{1, "k", {}}, authorized{confirm(), "auth_1", noon + 24h}});
    const auto books = books_of(confirmed, "sandbox", false);
    REQUIRE(books.operations.size() == 1);
    CHECK(books.operations[0].stands == standing::done);
    CHECK(books.operations[0].reference == "auth_1");
  }
  SUBCASE("older than routes") {
    const auto old = given({created{usual_terms()}, authorized{authorize, "auth_1", noon + 24h}});
    CHECK(books_of(old, "sandbox", false).operations.empty());
    CHECK(books_of(old, "sandbox", true).operations.size() == 1);
  }
  SUBCASE("every situation there is has its books, and all of its operations in one of them") {
    auto all = situations();
    for (auto& each : routed_situations()) all.push_back(std::move(each));
    for (const auto& each : all) {
      CAPTURE(each.name);
      std::size_t counted = 0;
      for (const auto* name : {"north", "south", "sandbox"})
        counted += books_of(each.now, name, std::string(name) == "sandbox").operations.size();
      CHECK(counted == static_cast<std::size_t>(std::count_if(
                           each.now.operations.begin(), each.now.operations.end(),
                           [](const operation& what) { return what.id.kind != operation_kind::confirm; })));
    }
  }
}

// ---- against a naive comparison -----------------------------------------------------------------------------------

namespace {

using verdicts = std::vector<std::pair<difference_kind, operation_id>>;

// By number alone: of an operation's lines its own is the one with its reference, or else the first.
verdicts naive(const both_books& both) {
  verdicts found;
  std::vector<const listed*> left;
  for (const auto& each : both.theirs) left.push_back(&each);
  for (const auto& mine : both.ours.operations) {
    std::vector<const listed*> about;
    for (const auto* each : left)
      if (each->id == mine.id) about.push_back(each);
    std::erase_if(left, [&mine](const listed* each) { return each->id == mine.id; });
    std::stable_partition(about.begin(), about.end(),
                          [&mine](const listed* each) { return each->reference == mine.reference; });
    if (about.empty()) {
      if (mine.stands == standing::done) found.emplace_back(difference_kind::missing, mine.id);
      continue;
    }
    const auto& first = *about.front();
    const bool there = first.stands == standing::done, here = mine.stands == standing::done;
    if (here && first.stands == standing::failed) found.emplace_back(difference_kind::contradiction, mine.id);
    if (here && first.stands != standing::failed && first.amount != mine.amount)
      found.emplace_back(difference_kind::amount, mine.id);
    if (there && mine.stands == standing::failed) found.emplace_back(difference_kind::contradiction, mine.id);
    if (there && mine.stands == standing::open) found.emplace_back(difference_kind::doubt, mine.id);
    for (std::size_t i = 1; i < about.size(); ++i)
      if (about[i]->stands != standing::failed)
        found.emplace_back(first.stands == standing::failed ? difference_kind::extra : difference_kind::duplicate,
                           mine.id);
  }
  for (const auto* each : left)
    if (each->stands != standing::failed) found.emplace_back(difference_kind::extra, each->id);
  std::sort(found.begin(), found.end());
  return found;
}

struct generator {
  std::mt19937_64 engine;
  std::uint64_t below(std::uint64_t bound) { return engine() % bound; }
  standing any_standing() { return below(6) == 0 ? static_cast<standing>(2 + below(2)) : standing::done; }

  both_books any() {
    both_books both;
    both.ours.created_at = noon + 1h;
    for (const auto kind : {operation_kind::capture, operation_kind::refund}) {
      const auto all = below(6);
      for (std::uint32_t number = 1; number <= all; ++number) {
        const operation_id id{kind, number};
        const auto amount = static_cast<std::int64_t>(1 + below(1'000'000'000));
        const auto reference = std::string(to_text(kind)) + std::to_string(number);
        both.ours.operations.push_back(own(id, amount, reference, any_standing()));
        if (below(8) != 0) both.theirs.push_back(line(id, amount, reference, any_standing()));
        if (below(10) == 0) both.theirs.push_back(line(id, amount, "again " + reference, any_standing()));
      }
      if (below(8) == 0)
        both.theirs.push_back(line({kind, static_cast<std::uint32_t>(all + 1)}, 5, "strange", any_standing()));
    }
    for (auto& each : both.theirs) {
      if (below(10) == 0) each.amount.minor += 1;
      if (below(20) == 0) each.amount.code = eur;
    }
    std::shuffle(both.theirs.begin(), both.theirs.end(), engine);
    return both;
  }
};

}  // namespace

TEST_CASE("reconciliation: random books, as a naive comparison finds them, in any order of lines") {
  std::array<std::uint64_t, difference_kinds> seen{};
  std::uint64_t clean = 0;
  for (std::uint64_t seed = 1; seed <= 5000; ++seed) {
    CAPTURE(seed);
    auto both = generator{std::mt19937_64(seed)}.any();
    const auto expected = naive(both);
    for (int order = 0; order < 2; ++order) {
      const auto made = compare(both);
      verdicts found;
      for (const auto& each : made.found) found.emplace_back(each.kind, each.about);
      std::sort(found.begin(), found.end());
      REQUIRE(found == expected);
      if (made.report.clean() && made.report.under_way == 0)
        for (const auto& [key, of] : made.report.totals) CHECK(of.ours == of.theirs);
      for (const auto& each : made.found) ++seen[static_cast<std::size_t>(each.kind) - 1];
      clean += made.report.clean();
      std::reverse(both.ours.operations.begin(), both.ours.operations.end());
    }
  }
  CHECK(clean > 100);
  for (const auto count : seen) CHECK(count > 100);
}
