#include "runtime/journal_period.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace novapay::runtime {
namespace {

// The last offset a log can have: what comes after it is the next shard.
constexpr auto offset_last = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
constexpr std::size_t probes_at_once = 256;

struct shard_walk {
  shard_id shard{};
  std::uint64_t low = 0;  // everything before is too early
  std::uint64_t high = 0;
};

class walker {
 public:
  walker(const period_ports& ports, timestamp from, timestamp to) : ports_(ports), from_(from), to_(to) {}

  std::optional<std::string> run() {
    if (auto failed = find_shards()) return failed;
    for (std::size_t at = 0; at < shards_.size(); at += probes_at_once) {
      const auto some = std::span{shards_}.subspan(at, std::min(probes_at_once, shards_.size() - at));
      if (auto failed = find_beginnings(some)) return failed;
    }
    for (const auto& each : shards_)
      if (auto failed = read(each)) return failed;
    return std::nullopt;
  }

 private:
  std::optional<std::string> find_shards() {
    std::vector<shard_id> known;
    std::optional<log_position> after;
    while (true) {
      auto page = ports_.scan.log(after);
      if (!page.value) return page.detail;
      if (page.value->empty()) break;
      for (const auto& record : *page.value)
        if (known.empty() || known.back() != record.shard) known.push_back(record.shard);
      after = log_position{known.back(), offset_last};
      if (auto stop = ports_.progress(records_)) return stop;
    }
    for (std::size_t at = 0; at < known.size(); at += probes_at_once) {
      const auto some = std::span{known}.subspan(at, std::min(probes_at_once, known.size() - at));
      const auto heads = ports_.log.heads(some);
      if (!heads.value) return heads.detail;
      for (const auto& head : *heads.value) shards_.push_back({head.shard, 0, head.next_offset});
    }
    return std::nullopt;
  }

  // All of them in step: a round is one call.
  std::optional<std::string> find_beginnings(std::span<shard_walk> some) {
    while (true) {
      std::vector<log_position> where;
      std::vector<shard_walk*> asked;
      for (auto& each : some) {
        if (each.low >= each.high) continue;
        where.push_back({each.shard, each.low + (each.high - each.low) / 2});
        asked.push_back(&each);
      }
      if (where.empty()) return std::nullopt;
      const auto found = ports_.log.read_at(where);
      if (!found.value) return found.detail;
      for (std::size_t i = 0; i < asked.size(); ++i) {
        const auto& record = (*found.value)[i];
        if (record && record->at < from_ - log_disorder_max)
          asked[i]->low = where[i].offset + 1;
        else
          asked[i]->high = where[i].offset;
      }
      if (auto stop = ports_.progress(records_)) return stop;
    }
  }

  std::optional<std::string> read(const shard_walk& walk) {
    // Before its first record stands the end of the shard before it.
    auto after = walk.low > 0 ? std::optional{log_position{walk.shard, walk.low - 1}} : before(walk.shard);
    while (true) {
      const auto page = ports_.scan.log(after);
      if (!page.value) return page.detail;
      for (const auto& record : *page.value) {
        if (record.shard != walk.shard || record.at >= to_ + log_disorder_max) return ports_.progress(records_);
        ++records_;
        if (record.type != record_type::event || record.at < from_ || record.at >= to_) continue;
        if (auto stop = ports_.found(record.entity)) return stop;
      }
      if (auto stop = ports_.progress(records_)) return stop;
      if (page.value->empty()) return std::nullopt;
      after = log_position{walk.shard, page.value->back().offset};
    }
  }

  static std::optional<log_position> before(shard_id shard) {
    const auto number = static_cast<std::uint16_t>(shard);
    if (number == 0) return std::nullopt;
    return log_position{shard_id(number - 1), offset_last};
  }

  const period_ports& ports_;
  const timestamp from_;
  const timestamp to_;
  std::vector<shard_walk> shards_;
  std::uint64_t records_ = 0;
};

}  // namespace

std::optional<std::string> walk_period(const period_ports& ports, timestamp from, timestamp to) {
  return walker(ports, from, to).run();
}

}  // namespace novapay::runtime
