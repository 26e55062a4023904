// binary: PostgreSQL's binary format for parameters and results, so that no byte of ours is ever quoted or parsed as SQL.
//
// Internal to this adapter; pure. Source: the send and recv functions of the server's types (src/backend/utils/adt).
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace novapay::postgres {

// Object ids of the element types we send arrays of: fixed since the types exist (pg_type.dat).
enum class oid : std::uint32_t { bytea = 17, int8 = 20, int2 = 21, int4 = 23, text = 25, uuid = 2950, jsonb = 3802 };

// Big-endian bytes of an integer, as int2, int4 and int8 are sent.
template <class Integer>
void append_big_endian(std::string& to, Integer value) {
  char bytes[sizeof(Integer)];
  for (auto at = sizeof(Integer); at-- > 0; value = static_cast<Integer>(value >> 8))
    bytes[at] = static_cast<char>(value & 0xff);
  to.append(bytes, sizeof(Integer));
}
template <class Integer>
std::string big_endian(Integer value) {
  std::string bytes;
  append_big_endian(bytes, value);
  return bytes;
}

inline std::int64_t read_integer(std::string_view bytes) {  // of 2, 4 or 8 bytes
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<std::uint8_t>(c);
  if (bytes.size() == 2) return static_cast<std::int16_t>(value);
  if (bytes.size() == 4) return static_cast<std::int32_t>(value);
  return static_cast<std::int64_t>(value);
}

inline constexpr char jsonb_version = 1;  // the byte before a jsonb's text, both ways

// A one-dimensional array, element by element.
class binary_array {
 public:
  explicit binary_array(oid element) : element_{element} {}

  void add(std::string_view bytes) {
    append_big_endian(body_, static_cast<std::int32_t>(bytes.size()));
    body_ += bytes;
    ++count_;
  }
  void add_null() {
    append_big_endian(body_, std::int32_t{-1});
    ++count_;
    nulls_ = 1;
  }
  template <class Integer>
  void add_integer(Integer value) {
    append_big_endian(body_, static_cast<std::int32_t>(sizeof(Integer)));
    append_big_endian(body_, value);
    ++count_;
  }

  std::string take() const {
    const std::int32_t dimensions = count_ == 0 ? 0 : 1;
    std::string bytes;
    bytes.reserve(body_.size() + 5 * sizeof(std::int32_t));
    append_big_endian(bytes, dimensions);
    append_big_endian(bytes, nulls_);
    append_big_endian(bytes, static_cast<std::int32_t>(element_));
    if (dimensions > 0) {
      append_big_endian(bytes, count_);           // its size
      append_big_endian(bytes, std::int32_t{1});  // its first index
    }
    return bytes += body_;
  }

 private:
  oid element_;
  std::int32_t count_ = 0;
  std::int32_t nulls_ = 0;
  std::string body_;
};

}  // namespace novapay::postgres
