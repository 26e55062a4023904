// claim_record: the payload of a claim, the record with which an owner takes over a shard's log.
//
// Text, one field a line, the version first, so that an operator can read who owned what:
//   claim 1\nnode=<node>\nincarnation=<n>\nnumber=<n>\n
// Fields are only ever added; unknown ones are skipped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace novapay::runtime {

struct claim_record {
  std::string node;               // no line breaks
  std::uint64_t incarnation = 0;  // this run of the node
  std::uint64_t number = 0;       // counts the claims of this run: no two claims of one owner are equal

  friend bool operator==(const claim_record&, const claim_record&) = default;
};

std::string encode(const claim_record& claim);
std::optional<claim_record> decode_claim(std::string_view payload);  // nullopt: not a claim this version can read

}  // namespace novapay::runtime
