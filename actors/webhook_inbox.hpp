// webhook_inbox: the durable inbox of webhooks as a port. What arrived is written once and never changed; what is still to be done with it
// (or went wrong) is a small record beside it, which goes when all is done.
//
// Threads: one at a time for each inbox. Errors are values; nothing throws but for want of memory.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/webhooks.hpp"
#include "runtime/journal.hpp"

namespace novapay {

// Of a delivery that is not believed this much is kept: enough to see what it was.
inline constexpr std::size_t rejected_body_kept_max = 16 * 1024;
inline constexpr std::size_t inbox_page_max = 100;

std::optional<inbox_state> parse_inbox_state(std::string_view text) noexcept;

// What a stored entry has come to. Absolute, so that writing it twice does no harm.
struct inbox_mark {
  std::int64_t id = 0;
  inbox_state state = inbox_state::applied;  // applied: nothing is kept but what arrived
  std::string detail;
  std::uint32_t attempts = 0;
  std::optional<domain::timestamp> next_attempt_at;
};

enum class inbox_status : std::uint8_t {
  done = 1,
  unavailable,  // nothing was written
  unknown,      // it may have been written: the sender is not acknowledged and delivers again, marks are written again
};

struct inbox_written {
  inbox_status status = inbox_status::done;
  std::string detail;
  std::vector<std::int64_t> ids;  // of the fresh ones, in their order, if done
};

struct inbox_line {  // an entry without what arrived
  std::int64_t id = 0;
  std::string processor;
  domain::timestamp received_at{};
  inbox_state state{};
  std::string detail;
  std::uint32_t attempts = 0;
  std::optional<domain::timestamp> next_attempt_at;
};

struct inbox_query {
  std::optional<inbox_state> state;
  std::string processor;               // empty: all
  std::optional<std::int64_t> before;  // the cursor: ids strictly smaller
  std::size_t limit = 20;              // 1 to inbox_page_max
};
struct inbox_page {
  std::vector<inbox_line> lines;     // newest first
  std::optional<std::int64_t> next;  // the cursor for what comes after; without it this was the last page
};

struct inbox_count {
  inbox_state state{};  // all but applied
  std::int64_t entries = 0;
  domain::timestamp oldest{};  // when the first of them was received
};

// What is kept for how long, and how many of the rejected ones: forgeries must not fill the disk.
struct inbox_retention {
  std::chrono::hours handled{30 * 24};
  std::chrono::hours rejected{7 * 24};
  std::int64_t rejected_max = 10'000;
};
// What one purge removes at most of either, so that it never holds locks for long. True in its answer: there may be more.
inline constexpr std::size_t purged_max = 1'000;

class webhook_inbox {
 public:
  virtual ~webhook_inbox() = default;

  // All or nothing, in one transaction and one round trip. The fresh ones' ids are given here. Marks of unknown ids are ignored; no id
  // is marked twice.
  virtual inbox_written write(std::span<const inbox_entry> fresh, std::span<const inbox_mark> marks) = 0;

  // Received and unmatched entries whose next_attempt_at is at or before `until`, the longest due first.
  virtual runtime::read_outcome<std::vector<inbox_entry>> due(domain::timestamp until, std::size_t limit) = 0;

  virtual runtime::read_outcome<inbox_page> list(const inbox_query& query) = 0;
  virtual runtime::read_outcome<std::optional<inbox_entry>> find(std::int64_t id) = 0;
  virtual runtime::read_outcome<std::vector<inbox_count>> counts() = 0;

  // Back to `received`, attempts 0, due at `now`: this entry whatever its state, but never a rejected one; its state is answered
  // as it was, nullopt: there is no such entry.
  virtual runtime::read_outcome<std::optional<inbox_state>> replay(std::int64_t id, domain::timestamp now) = 0;
  // All in `state` (not applied, not rejected), of one processor or of all; how many were there.
  virtual runtime::read_outcome<std::int64_t> replay_all(inbox_state state, const std::string& processor,
                                                         domain::timestamp now) = 0;

  // What is still to be tried again is never removed. May be repeated; several nodes may call it at once.
  virtual runtime::read_outcome<bool> purge(const inbox_retention& keep, domain::timestamp now) = 0;
};

// Opens connections. Thread-safe. Opening is lazy: `open` never fails, the first call connects.
class webhook_inbox_store {
 public:
  virtual ~webhook_inbox_store() = default;
  virtual std::unique_ptr<webhook_inbox> open() = 0;
};

// Header fields as one text, "name: value\n" each: neither can hold a line end. For adapters.
inline std::string pack_fields(const runtime::http_fields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) text.append(name).append(": ").append(value).append("\n");
  return text;
}
inline runtime::http_fields unpack_fields(std::string_view text) {
  runtime::http_fields fields;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (const auto colon = line.find(": "); colon != line.npos)
      fields.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  return fields;
}

}  // namespace novapay
