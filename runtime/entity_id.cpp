#include "runtime/entity_id.hpp"

#include <algorithm>
#include <cstring>

namespace novapay::runtime {

namespace {

// Crockford's alphabet in ascending order, so texts sort as their ids do.
constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
static_assert(alphabet.size() == 32);

constexpr std::int64_t timestamp_ms_max = (std::int64_t{1} << 48) - 1;
constexpr std::uint8_t not_a_digit = 0xff;

constexpr auto digit_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(not_a_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return values;
}();

std::uint64_t load64(const std::uint8_t* from) noexcept {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | from[i];
  return value;
}

void store64(std::uint64_t value, std::uint8_t* to) noexcept {
  for (int i = 7; i >= 0; --i, value >>= 8) to[i] = static_cast<std::uint8_t>(value);
}

// MurmurHash3's finalizer: FNV-1a alone leaves the leading bits, which are the shard, poorly mixed for short keys.
constexpr std::uint64_t mix(std::uint64_t h) noexcept {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdULL;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53ULL;
  h ^= h >> 33;
  return h;
}

}  // namespace

timestamp entity_id::created_at() const noexcept {
  return timestamp{std::chrono::milliseconds{static_cast<std::int64_t>(load64(bytes.data()) >> 16)}};
}

placement_hash entity_id::placement() const noexcept {
  return static_cast<placement_hash>(static_cast<std::uint16_t>(bytes[6] << 8 | bytes[7]));
}

entity_id make_entity_id(timestamp at, placement_hash where, std::uint64_t random) noexcept {
  const auto ms = std::clamp<std::int64_t>(at.time_since_epoch().count(), 0, timestamp_ms_max);
  entity_id id;
  store64(static_cast<std::uint64_t>(ms) << 16 | static_cast<std::uint16_t>(where), id.bytes.data());
  store64(random, id.bytes.data() + 8);
  return id;
}

entity_id first_entity_id_at(timestamp at) noexcept { return make_entity_id(at, placement_hash{}, 0); }

std::string to_text(const entity_id& id) {
  auto high = load64(id.bytes.data());
  auto low = load64(id.bytes.data() + 8);
  std::string text(entity_id_text_size, '0');
  for (std::size_t i = entity_id_text_size; i-- > 0;) {  // 26 * 5 = 130 bits: the first digit holds only three
    text[i] = alphabet[low & 31];
    low = low >> 5 | high << 59;
    high >>= 5;
  }
  return text;
}

std::optional<entity_id> parse_entity_id(std::string_view text) noexcept {
  if (text.size() != entity_id_text_size) return std::nullopt;
  if (text.front() > '7') return std::nullopt;  // would need more than 128 bits

  std::uint64_t high = 0;
  std::uint64_t low = 0;
  for (const char c : text) {
    const auto digit = digit_values[static_cast<std::uint8_t>(c)];
    if (digit == not_a_digit) return std::nullopt;
    high = high << 5 | low >> 59;
    low = low << 5 | digit;
  }
  entity_id id;
  store64(high, id.bytes.data());
  store64(low, id.bytes.data() + 8);
  return id;
}

placement_hash place(std::string_view scope, std::string_view key) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto add = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
  for (const auto part : {scope, key}) {
    for (const char c : part) add(static_cast<std::uint8_t>(c));
    add(0);
  }
  return static_cast<placement_hash>(static_cast<std::uint16_t>(mix(hash) >> 48));
}

shard_id shard_of(placement_hash where, unsigned shard_bits) noexcept {
  const auto bits = std::min(shard_bits, 16U);
  return static_cast<shard_id>(static_cast<std::uint16_t>(static_cast<std::uint32_t>(where) >> (16 - bits)));
}

}  // namespace novapay::runtime

std::size_t std::hash<novapay::runtime::entity_id>::operator()(const novapay::runtime::entity_id& id) const noexcept {
  std::uint64_t halves[2];  // in this machine's byte order: it is for tables in memory only
  static_assert(sizeof halves == sizeof id.bytes);
  std::memcpy(halves, id.bytes.data(), sizeof halves);
  return novapay::runtime::mix(halves[0] * 31 + halves[1]);
}
