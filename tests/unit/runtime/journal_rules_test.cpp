#include "runtime/journal_rules.hpp"

#include <doctest/doctest.h>

using namespace novapay::runtime;

namespace {

append_entry good() {
  append_entry entry;
  for (std::uint64_t i = 0; i < 2; ++i)
    entry.records.push_back({shard_id{3}, 10 + i, 1, record_type::event, entity_id{{1}}, 1 + i, {}, "event"});
  entry.row = entity_row{entity_id{{1}}, shard_id{3}, "payment", 2, "state", std::nullopt, {}};
  entry.row->listed.labels = {{"a", "1"}, {"b", "2"}};
  entry.key = creation_key{"m_1", "key"};
  return entry;
}

bool rejected(const append_entry& entry) { return why_rejected(std::span{&entry, 1}).has_value(); }

timestamp at_ms(std::int64_t ms) { return timestamp{std::chrono::milliseconds{ms}}; }

}  // namespace

TEST_CASE("journal_rules/why_rejected: what a store can't hold is named beforehand") {
  CHECK_FALSE(rejected(good()));
  CHECK(rejected(append_entry{}));

  const auto with = [](auto change) {
    auto entry = good();
    change(entry);
    return rejected(entry);
  };
  CHECK(with([](auto& e) { e.records[1].offset = 12; }));
  CHECK(with([](auto& e) { e.records[1].shard = shard_id{4}; }));
  CHECK(with([](auto& e) { e.records[0].sequence = 0; }));
  CHECK(with([](auto& e) { e.records[0].epoch = std::uint64_t{1} << 63; }));
  CHECK(with([](auto& e) { e.records[0].type = record_type::claim; }));
  CHECK(with([](auto& e) { e.row->kind = "\xff"; }));
  CHECK(with([](auto& e) { e.row->listed.reference = std::string(indexed_text_max + 1, 'x'); }));
  CHECK(with([](auto& e) { e.row->listed.status = std::string("a\0b", 3); }));
  CHECK(with([](auto& e) { e.row->listed.labels.push_back({"a", "again"}); }));
  CHECK(with([](auto& e) { e.key->key = "\xed\xa0\x80"; }));
  CHECK_FALSE(with([](auto& e) { e.row->state = std::string("\0\xff", 2); }));  // bytes, not text
  CHECK_FALSE(with([](auto& e) { e.records[0].payload = std::string("\0\xff", 2); }));
}

TEST_CASE("journal_rules/text: UTF-8 and nothing else") {
  for (const auto* text : {"", "plain", "\u00e9", "\u20ac", "\U0001F600", "\U0010FFFF", "\ud7ff", "\"'\\{}"})
    CHECK(is_storable_text(text));
  for (const auto* text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xc3", "a\xff"})
    CHECK_FALSE(is_storable_text(text));
  CHECK_FALSE(is_storable_text(std::string_view("a\0b", 3)));
}

TEST_CASE("journal_rules/key_week: whole weeks since 1970, and no key is dropped before its 30 days") {
  constexpr std::int64_t week_ms = 7LL * 24 * 3600 * 1000;
  CHECK(key_week(at_ms(0)) == 0);
  CHECK(key_week(at_ms(week_ms - 1)) == 0);
  CHECK(key_week(at_ms(week_ms)) == 1);
  CHECK(key_week(at_ms(-1)) == -1);

  const auto written = at_ms(100 * week_ms + 5);
  CHECK(first_kept_key_week(written + creation_key_retention) <= key_week(written));
  CHECK(first_kept_key_week(written + creation_key_retention + std::chrono::weeks{1}) > key_week(written));
}
