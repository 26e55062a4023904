// The webhooks' inbox: one suite for every store.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/contract/benches.hpp"
#include "tests/contract/journal_contract.hpp"
#include "tests/contract/relay.hpp"

using namespace novapay;
using namespace novapay::test;
using std::chrono::hours;
using std::chrono::seconds;

namespace {

inbox_entry arrived(const std::string& processor, const std::string& body, domain::timestamp at = noon,
                    inbox_state state = inbox_state::received) {
  inbox_entry one;
  one.processor = processor;
  one.received_at = at;
  one.fields = {{"stripe-signature", "t=1,v1=ab: c"}, {"x-odd", "\xff\xfe"}};
  one.body = body;
  one.state = state;
  if (state == inbox_state::received) one.next_attempt_at = at;
  if (state == inbox_state::rejected) one.detail = "signature_mismatch";
  return one;
}

std::vector<std::int64_t> store(webhook_inbox& inbox, const std::vector<inbox_entry>& fresh,
                                const std::vector<inbox_mark>& marks = {}) {
  auto written = inbox.write(fresh, marks);
  INFO(written.detail);
  REQUIRE(written.status == inbox_status::done);
  REQUIRE(written.ids.size() == fresh.size());
  return written.ids;
}

inbox_entry entry(webhook_inbox& inbox, std::int64_t id) {
  auto found = value_of(inbox.find(id));
  REQUIRE(found.has_value());
  return *found;
}

std::vector<std::int64_t> ids_of(const inbox_page& page) {
  std::vector<std::int64_t> ids;
  for (const auto& line : page.lines) ids.push_back(line.id);
  return ids;
}
std::vector<std::int64_t> due(webhook_inbox& inbox, domain::timestamp until, std::size_t limit = 100) {
  std::vector<std::int64_t> ids;
  for (const auto& one : value_of(inbox.due(until, limit))) ids.push_back(one.id);
  return ids;
}
std::vector<std::int64_t> listed(webhook_inbox& inbox, std::optional<inbox_state> state, std::string processor = {}) {
  return ids_of(value_of(inbox.list({state, std::move(processor), std::nullopt, inbox_page_max})));
}

using ids = std::vector<std::int64_t>;

}  // namespace

STORE_TEST_CASE("inbox/write: what arrived is read back from another connection, byte for byte") {
  if (!bench::available()) return;
  bench made;
  auto inbox = made.inbox.open();
  const std::string body{"{\"a\": \"\0\xff\"}", 12};
  const auto stored =
      store(*inbox, {arrived("stripe", body), arrived("adyen", ""), arrived("stripe", std::string(300'000, 'x'))});
  CHECK(stored[0] < stored[1]);
  CHECK(stored[1] < stored[2]);

  auto other = made.inbox.open();
  const auto first = entry(*other, stored[0]);
  CHECK(first.id == stored[0]);
  CHECK(first.processor == "stripe");
  CHECK(first.received_at == noon);
  CHECK(first.fields == arrived("", "").fields);
  CHECK(first.body == body);
  CHECK(first.state == inbox_state::received);
  CHECK(first.attempts == 0);
  CHECK(first.next_attempt_at == noon);
  CHECK(entry(*other, stored[1]).body.empty());
  CHECK(entry(*other, stored[2]).body.size() == 300'000);
  CHECK_FALSE(value_of(other->find(stored[2] + 1000)).has_value());
  CHECK(store(*inbox, {}).empty());
}

STORE_TEST_CASE("inbox/write: marks and what arrived are one batch; an unknown id's mark is nothing") {
  if (!bench::available()) return;
  bench made;
  auto inbox = made.inbox.open();
  const auto first = store(*inbox, {arrived("stripe", "1"), arrived("stripe", "2"), arrived("stripe", "3")});
  const auto second = store(*inbox, {arrived("stripe", "4")},
                            {{first[0], inbox_state::applied, "", 1, std::nullopt},
                             {first[1], inbox_state::unmatched, "no such payment", 2, noon + seconds{8}},
                             {first[2], inbox_state::unreadable, "not JSON", 1, std::nullopt},
                             {987'654, inbox_state::unmatched, "", 1, noon}});
  CHECK(entry(*inbox, first[0]).state == inbox_state::applied);
  CHECK(entry(*inbox, first[0]).next_attempt_at == std::nullopt);
  CHECK(entry(*inbox, first[0]).body == "1");
  const auto unmatched = entry(*inbox, first[1]);
  CHECK(unmatched.state == inbox_state::unmatched);
  CHECK(unmatched.detail == "no such payment");
  CHECK(unmatched.attempts == 2);
  CHECK(unmatched.next_attempt_at == noon + seconds{8});
  CHECK(entry(*inbox, first[2]).state == inbox_state::unreadable);
  CHECK(entry(*inbox, second[0]).state == inbox_state::received);
  CHECK_FALSE(value_of(inbox->find(987'654)).has_value());

  // Who marks too late changes nothing: what is applied stays so.
  store(*inbox, {}, {{first[0], inbox_state::unmatched, "late", 1, noon}});
  CHECK(entry(*inbox, first[0]).state == inbox_state::applied);
}

STORE_TEST_CASE("inbox/due: the longest due first, nothing that is done, nothing too early") {
  if (!bench::available()) return;
  bench made;
  auto inbox = made.inbox.open();
  const auto stored = store(*inbox, {arrived("a", "1", noon + seconds{3}), arrived("a", "2", noon + seconds{1}),
                                     arrived("a", "3", noon + seconds{2}), arrived("a", "4", noon + seconds{2}),
                                     arrived("a", "5", noon, inbox_state::rejected)});
  CHECK(due(*inbox, noon).empty());
  CHECK(due(*inbox, noon + seconds{9}) == ids{stored[1], stored[2], stored[3], stored[0]});
  CHECK(due(*inbox, noon + seconds{9}, 2) == ids{stored[1], stored[2]});
  store(*inbox, {},
        {{stored[1], inbox_state::applied, "", 1, std::nullopt},
         {stored[2], inbox_state::unmatched, "", 1, noon + hours{1}},
         {stored[3], inbox_state::unmatched, "given up", 9, std::nullopt}});
  CHECK(due(*inbox, noon + seconds{9}) == ids{stored[0]});
  CHECK(due(*inbox, noon + hours{1}) == ids{stored[0], stored[2]});
  CHECK(value_of(inbox->due(noon + hours{1}, 9)).at(0).body == "1");
}

STORE_TEST_CASE("inbox/list: newest first by state and processor, page by page") {
  if (!bench::available()) return;
  bench made;
  auto inbox = made.inbox.open();
  const auto a = store(*inbox, {arrived("stripe", "1"), arrived("adyen", "2"), arrived("stripe", "3"),
                                arrived("stripe", "4", noon, inbox_state::rejected), arrived("adyen", "5")});
  store(*inbox, {},
        {{a[0], inbox_state::applied, "", 1, std::nullopt}, {a[4], inbox_state::unmatched, "none", 1, noon}});
  CHECK(listed(*inbox, std::nullopt) == ids{a[4], a[3], a[2], a[1], a[0]});
  CHECK(listed(*inbox, std::nullopt, "stripe") == ids{a[3], a[2], a[0]});
  CHECK(listed(*inbox, inbox_state::received) == ids{a[2], a[1]});
  CHECK(listed(*inbox, inbox_state::applied) == ids{a[0]});
  CHECK(listed(*inbox, inbox_state::unmatched, "adyen") == ids{a[4]});
  CHECK(listed(*inbox, inbox_state::unmatched, "stripe").empty());
  CHECK(listed(*inbox, inbox_state::rejected) == ids{a[3]});

  const auto page = value_of(inbox->list({std::nullopt, "", std::nullopt, 2}));
  CHECK(ids_of(page) == ids{a[4], a[3]});
  CHECK(page.lines[0].detail == "none");
  CHECK(page.lines[0].state == inbox_state::unmatched);
  REQUIRE(page.next == a[3]);
  const auto next = value_of(inbox->list({std::nullopt, "", page.next, 3}));
  CHECK(ids_of(next) == ids{a[2], a[1], a[0]});
  CHECK(next.next == std::nullopt);
}

STORE_TEST_CASE("inbox/counts: all that is open, with its oldest") {
  if (!bench::available()) return;
  bench made;
  auto inbox = made.inbox.open();
  CHECK(value_of(inbox->counts()).empty());
  const auto a = store(*inbox, {arrived("a", "1", noon + seconds{5}), arrived("a", "2", noon + seconds{2}),
                                arrived("a", "3"), arrived("a", "4", noon, inbox_state::rejected)});
  store(*inbox, {}, {{a[2], inbox_state::applied, "", 1, std::nullopt}});
  const auto counts = value_of(inbox->counts());
  REQUIRE(counts.size() == 2);
  CHECK(counts[0].state == inbox_state::received);
  CHECK(counts[0].entries == 2);
  CHECK(counts[0].oldest == noon + seconds{2});
  CHECK(counts[1].state == inbox_state::rejected);
}

STORE_TEST_CASE("inbox/replay: one or all, back to received and due; never what was rejected") {
  if (!bench::available()) return;
  bench made;
  auto inbox = made.inbox.open();
  const auto a = store(*inbox, {arrived("stripe", "1"), arrived("adyen", "2"), arrived("stripe", "3"),
                                arrived("stripe", "4", noon, inbox_state::rejected), arrived("stripe", "5")});
  store(*inbox, {},
        {{a[0], inbox_state::unmatched, "none", 7, std::nullopt},
         {a[1], inbox_state::unmatched, "none", 7, std::nullopt},
         {a[2], inbox_state::unreadable, "odd", 1, std::nullopt},
         {a[4], inbox_state::applied, "", 1, std::nullopt}});
  const auto later = noon + hours{1};
  CHECK(value_of(inbox->replay(a[0], later)) == inbox_state::unmatched);
  CHECK(entry(*inbox, a[0]).state == inbox_state::received);
  CHECK(entry(*inbox, a[0]).attempts == 0);
  CHECK(entry(*inbox, a[0]).next_attempt_at == later);
  CHECK(value_of(inbox->replay(a[4], later)) == inbox_state::applied);  // a mended reader may see more in it
  CHECK(entry(*inbox, a[4]).state == inbox_state::received);
  CHECK(value_of(inbox->replay(a[3], later)) == inbox_state::rejected);
  CHECK(entry(*inbox, a[3]).state == inbox_state::rejected);
  CHECK(value_of(inbox->replay(123'456, later)) == std::nullopt);

  CHECK(value_of(inbox->replay_all(inbox_state::unmatched, "stripe", later)) == 0);
  CHECK(value_of(inbox->replay_all(inbox_state::unmatched, "", later)) == 1);
  CHECK(value_of(inbox->replay_all(inbox_state::unreadable, "stripe", later)) == 1);
  CHECK(value_of(inbox->replay_all(inbox_state::rejected, "", later)) == 0);
  CHECK(value_of(inbox->replay_all(inbox_state::applied, "", later)) == 0);
  CHECK(due(*inbox, later) == ids{a[0], a[1], a[2], a[4]});
}

STORE_TEST_CASE("inbox/purge: old ones go piece by piece, what is to be tried again stays, forgeries are few") {
  if (!bench::available()) return;
  bench made;
  auto inbox = made.inbox.open();
  inbox_retention keep{hours{10}, hours{2}, 3};
  std::vector<inbox_entry> old(purged_max + 5, arrived("a", "old"));
  const auto handled = store(*inbox, old);
  std::vector<inbox_mark> marks;
  for (const auto id : handled) marks.push_back({id, inbox_state::applied, "", 1, std::nullopt});
  marks[1] = {handled[1], inbox_state::unmatched, "given up", 1, std::nullopt};
  marks[2] = {handled[2], inbox_state::unmatched, "again", 1, noon + hours{9}};
  const auto fresh = store(*inbox, {arrived("a", "new", noon + hours{8})}, marks);

  CHECK(value_of(inbox->purge(keep, noon + hours{9})) == false);  // nothing is old enough
  CHECK(listed(*inbox, std::nullopt).size() == inbox_page_max);
  CHECK(value_of(inbox->purge(keep, noon + hours{11})) == true);
  CHECK(value_of(inbox->purge(keep, noon + hours{11})) == false);
  CHECK(listed(*inbox, std::nullopt) == ids{fresh[0], handled[2]});

  std::vector<inbox_entry> forged(
      5, arrived("a", std::string(rejected_body_kept_max + 1, 'f'), noon + hours{11}, inbox_state::rejected));
  forged[0].received_at = noon + hours{8};
  const auto rejected = store(*inbox, forged);
  CHECK(entry(*inbox, rejected[1]).body.size() == rejected_body_kept_max);
  CHECK(entry(*inbox, rejected[1]).detail == "signature_mismatch");
  CHECK(value_of(inbox->purge(keep, noon + hours{11})) == false);
  CHECK(listed(*inbox, inbox_state::rejected) == ids{rejected[4], rejected[3], rejected[2]});
  CHECK(value_of(inbox->purge(keep, noon + hours{14})) == false);
  CHECK(listed(*inbox, inbox_state::rejected).empty());
  CHECK(listed(*inbox, std::nullopt) == ids{fresh[0], handled[2]});
}

TEST_CASE("inbox/postgres: a lost answer is unknown, and delivering again stores it twice, which does no harm") {
  if (!postgres_bench::available()) return;
  postgres_bench made;
  relay between{made.schema.connection()};
  postgres::inbox_store through{{between.connection(), std::chrono::milliseconds{600}}};
  auto inbox = through.open();
  const auto first = store(*inbox, {arrived("stripe", "0")});
  const inbox_mark applied{first[0], inbox_state::applied, "", 1, std::nullopt};

  between.arm(cut::answer);
  CHECK(inbox->write(std::vector{arrived("stripe", "1")}, std::vector{applied}).status == inbox_status::unknown);
  store(*inbox, {});  // connected and prepared again: a cut while doing that would be certain
  between.arm(cut::request);
  CHECK(inbox->write(std::vector{arrived("stripe", "2")}, std::vector{applied}).status == inbox_status::unknown);
  between.arm(cut::stall_answer);
  CHECK_FALSE(inbox->due(noon, 1).value.has_value());

  store(*inbox, {arrived("stripe", "1"), arrived("stripe", "2")}, {applied});
  auto direct = made.inbox.open();
  CHECK(listed(*direct, inbox_state::received).size() == 3);  // "1" twice
  CHECK(listed(*direct, inbox_state::applied) == ids{first[0]});
}

TEST_CASE("inbox: no store is `unavailable`, and none without a schema") {
  memory::inbox_store scripted;
  scripted.fail_writes(1, inbox_status::unavailable);
  CHECK(scripted.open()->write(std::vector{arrived("a", "1")}, {}).status == inbox_status::unavailable);
  CHECK(listed(*scripted.open(), std::nullopt).empty());

  postgres::inbox_store nowhere{{"host=127.0.0.1 port=1 user=x dbname=x", std::chrono::milliseconds{300}}};
  CHECK(nowhere.open()->write(std::vector{arrived("a", "1")}, {}).status == inbox_status::unavailable);
  CHECK_FALSE(nowhere.open()->counts().value.has_value());

  temp_folder folder;
  sqlite::inbox_store none{{folder.file("none.db")}};
  CHECK(none.open()->write(std::vector{arrived("a", "1")}, {}).status == inbox_status::unavailable);
  CHECK_FALSE(none.open()->list({}).value.has_value());
  if (!postgres_bench::available()) return;
  temp_schema empty;
  postgres::inbox_store bare{{empty.connection(), std::chrono::seconds{20}}};
  CHECK(bare.open()->write(std::vector{arrived("a", "1")}, {}).status == inbox_status::unavailable);
}
