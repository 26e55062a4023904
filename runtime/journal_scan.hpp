// journal_scan: a whole store, read in order, page by page. A port of its own beside `journal`, because nothing that serves
// ever reads everything: verify.hpp does, for an operator.
//
// One connection, one thread at a time, no call throws; calls have the deadlines of `journal`. Others may write meanwhile: each
// page is one snapshot, two pages are not.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/journal.hpp"

namespace novapay::runtime {

// Rows of a page. An entity's state may be some hundred kB: this many of them still fit easily.
inline constexpr std::size_t scan_page_max = 256;

struct event_position {
  entity_id entity;
  std::uint64_t sequence = 0;
};

// Each gives the page after that position, nullopt being the beginning. An empty page is the end.
class journal_scan {
 public:
  virtual ~journal_scan() = default;

  // The log by shard and offset. Payloads of claims only: events are read by `events`.
  virtual read_outcome<std::vector<log_record>> log(std::optional<log_position> after) = 0;
  virtual read_outcome<std::vector<log_record>> events(std::optional<event_position> after) = 0;  // by entity, sequence
  virtual read_outcome<std::vector<entity_row>> rows(std::optional<entity_id> after) = 0;         // by id
};

}  // namespace novapay::runtime
