#include "runtime/entity_id.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <set>

using namespace novapay::runtime;

namespace {

timestamp at_ms(std::int64_t ms) { return timestamp{std::chrono::milliseconds{ms}}; }

}  // namespace

TEST_CASE("entity_id/text: every id survives the round trip") {
  for (const auto ms :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{1'790'000'000'000}, (std::int64_t{1} << 48) - 1}) {
    for (const auto random : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0x8000000000000001},
                              std::numeric_limits<std::uint64_t>::max()}) {
      for (const unsigned where : {0U, 1U, 0x8000U, 0xffffU}) {
        const auto id = make_entity_id(at_ms(ms), placement_hash(where), random);
        const auto text = to_text(id);

        CHECK(text.size() == entity_id_text_size);
        REQUIRE(parse_entity_id(text).has_value());
        CHECK(*parse_entity_id(text) == id);
        CHECK(id.created_at() == at_ms(ms));
        CHECK(id.placement() == placement_hash(where));
      }
    }
  }
}

TEST_CASE("entity_id/text: the layout is fixed, since ids outlive every release") {
  const auto id = make_entity_id(at_ms(0x0123456789ab), placement_hash{0xcdef}, 0x0011223344556677);

  CHECK(id.bytes == std::array<std::uint8_t, 16>{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x00, 0x11, 0x22, 0x33,
                                                 0x44, 0x55, 0x66, 0x77});
  CHECK(to_text(id) == "014d2pf2dbsqqg04926d25askq");
  CHECK(to_text(entity_id{}) == "00000000000000000000000000");
}

TEST_CASE("entity_id/text: texts sort as ids, and ids by time first") {
  const auto old_id = make_entity_id(at_ms(1000), placement_hash{0xffff}, std::numeric_limits<std::uint64_t>::max());
  const auto new_id = make_entity_id(at_ms(1001), placement_hash{0}, 0);

  CHECK(old_id < new_id);
  CHECK(to_text(old_id) < to_text(new_id));
  CHECK(first_entity_id_at(at_ms(1001)) == new_id);
  CHECK(old_id < first_entity_id_at(at_ms(1001)));
  CHECK(first_entity_id_at(at_ms(1000)) <= old_id);
}

TEST_CASE("entity_id/text: anything else is refused") {
  const std::string good = to_text(make_entity_id(at_ms(1'790'000'000'000), placement_hash{7}, 42));
  REQUIRE(parse_entity_id(good).has_value());

  CHECK_FALSE(parse_entity_id("").has_value());
  CHECK_FALSE(parse_entity_id(good.substr(1)).has_value());
  CHECK_FALSE(parse_entity_id(good + "0").has_value());
  CHECK_FALSE(parse_entity_id("8" + good.substr(1)).has_value());  // the 129th bit
  CHECK_FALSE(parse_entity_id("z" + good.substr(1)).has_value());
  for (const char bad : {'i', 'l', 'o', 'u', 'A', 'Z', '-', ' ', '\0', '\n', '\xc3', '\xff', '/', ':', '{', '`'}) {
    auto text = good;
    text[20] = bad;
    CHECK_FALSE(parse_entity_id(text).has_value());
  }
}

TEST_CASE("entity_id/make: times outside 48 bits are held at its edges") {
  CHECK(make_entity_id(at_ms(-5), placement_hash{}, 0).created_at() == at_ms(0));
  CHECK(make_entity_id(at_ms(std::int64_t{1} << 50), placement_hash{}, 0).created_at() ==
        at_ms((std::int64_t{1} << 48) - 1));
}

TEST_CASE("entity_id/place: fixed for ever, and parts do not run together") {
  CHECK(place("m_1/test", "key") == place("m_1/test", "key"));
  CHECK(place("ab", "c") != place("a", "bc"));
  CHECK(place("", "x") != place("x", ""));
  // Changing these moves every stored idempotency key to another shard.
  CHECK(static_cast<unsigned>(place("", "")) == 56065);
  CHECK(static_cast<unsigned>(place("merchant/test", "order-1")) == 3234);
}

TEST_CASE("entity_id/place: neighbouring keys spread over the shards") {
  std::array<int, 1024> hits{};
  for (int i = 0; i < 102'400; ++i)
    ++hits[static_cast<std::size_t>(shard_of(place("m_1/test", "order-" + std::to_string(i)), 10))];

  for (const int n : hits) {  // mean 100, standard deviation 10
    CHECK(n > 40);
    CHECK(n < 170);
  }
}

TEST_CASE("entity_id/shard_of: leading bits, from one shard to 65536") {
  const placement_hash where{0b1010'0000'0000'0001};

  CHECK(shard_of(where, 0) == shard_id{0});
  CHECK(shard_of(where, 1) == shard_id{1});
  CHECK(shard_of(where, 3) == shard_id{0b101});
  CHECK(shard_of(where, 16) == shard_id{0b1010'0000'0000'0001});
  CHECK(shard_of(placement_hash{0xffff}, 10) == shard_id{1023});
  for (unsigned bits = 0; bits < 16; ++bits) {  // doubling the shards splits each in two
    const auto few = static_cast<unsigned>(shard_of(where, bits));
    const auto many = static_cast<unsigned>(shard_of(where, bits + 1));
    CHECK(many / 2 == few);
  }
}

TEST_CASE("entity_id/hash: equal ids meet, ids of one millisecond and shard spread") {
  std::set<std::size_t> seen;
  for (std::uint64_t i = 0; i < 1000; ++i)
    seen.insert(std::hash<entity_id>{}(make_entity_id(at_ms(5), placement_hash{3}, i)));
  CHECK(seen.size() == 1000);
}
