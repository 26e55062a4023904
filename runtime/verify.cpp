#include "runtime/verify.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "runtime/claim_record.hpp"

namespace novapay::runtime {
namespace {

// A read failed. Thrown and caught in this file only.
struct unreadable {
  std::string why;
};

template <class T>
T value_of(read_outcome<T> read) {
  if (!read.value) throw unreadable{std::move(read.detail)};
  return *std::move(read.value);
}

// One ordered stream of rows, of which a page is in memory.
template <class Row>
class stream {
 public:
  using fetch = std::function<std::vector<Row>(const Row* last)>;
  explicit stream(fetch next_page) : next_page_(std::move(next_page)) {}

  // The next row, or nullptr at the end. Stays until `take` or the next call after it.
  const Row* peek() {
    if (at_ < page_.size()) return &page_[at_];
    if (ended_) return nullptr;
    auto page = next_page_(page_.empty() ? nullptr : &page_.back());
    ended_ = page.empty();
    if (ended_) return nullptr;
    page_ = std::move(page);
    at_ = 0;
    return &page_.front();
  }
  void skip() { ++at_; }

 private:
  fetch next_page_;
  std::vector<Row> page_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

std::string text(std::uint64_t number) { return std::to_string(number); }

// "gap" or "fork": what it means that `found` stands where `expected` was next.
std::string gap_or_fork(const char* what, std::uint64_t expected, std::uint64_t found) {
  return std::string(found > expected ? "a gap: " : "a fork: ") + what + " " + text(found) + " where " +
         text(expected) + " was next";
}

// Everything in one shard's log that its predecessor does not foretell.
class log_check {
 public:
  std::optional<std::string> next(const log_record& record) {
    const auto expected = next_;
    const bool first = record.offset == 0;
    next_ = record.offset + 1;
    if (record.offset != expected) return gap_or_fork("offset", expected, record.offset);
    if (record.type == record_type::claim) return claimed(record);
    if (first) return "the log does not begin with a claim";
    if (record.epoch == epoch_) return std::nullopt;
    return "written under epoch " + text(record.epoch) + ", but the latest claim is " + text(epoch_);
  }

 private:
  std::optional<std::string> claimed(const log_record& record) {
    epoch_ = record.offset;
    if (record.epoch != record.offset) return "a claim whose epoch is " + text(record.epoch) + ", not its offset";
    if (record.sequence != 0 || record.entity != entity_id{}) return "a claim that names an entity";
    if (!decode_claim(record.payload)) return "a claim that cannot be read";
    return std::nullopt;
  }

  std::uint64_t next_ = 0;
  std::uint64_t epoch_ = 0;
};

void compare(std::vector<std::string>& into, const char* column, const std::string& replayed,
             const std::string& stored) {
  if (replayed != stored)
    into.push_back(std::string(column) + " is \"" + stored + "\", by its history \"" + replayed + "\"");
}

std::string shown(const std::optional<timestamp>& at) {
  return at ? std::to_string(at->time_since_epoch().count()) : "none";
}

std::string shown(const std::vector<std::pair<std::string, std::string>>& labels) {
  std::string all;
  for (const auto& [key, value] : labels) all += key + "=" + value + ";";
  return all;
}

std::string first_difference(const std::string& replayed, const std::string& stored) {
  const auto at =
      std::mismatch(replayed.begin(), replayed.end(), stored.begin(), stored.end()).first - replayed.begin();
  return "state differs from its history at byte " + std::to_string(at) + " (stored " + text(stored.size()) +
         " bytes, replayed " + text(replayed.size()) + ")";
}

class verifier {
 public:
  explicit verifier(const verify_ports& ports) : ports_(ports) {}

  verify_outcome run() {
    verify_outcome done;
    try {
      logs();
      entities();
    } catch (const unreadable& broken) { done.broken_off = broken.why; }
    done.counts = counts_;
    return done;
  }

 private:
  void report(finding what) {
    ++counts_.findings;
    ports_.found(what);
  }

  void logs() {
    stream<log_record> all([this](const log_record* last) {
      ports_.progress(counts_);
      return value_of(ports_.scan.log(last ? std::optional{log_position{last->shard, last->offset}} : std::nullopt));
    });
    std::optional<shard_id> shard;
    log_check check;
    for (const auto* record = all.peek(); record != nullptr; all.skip(), record = all.peek()) {
      if (shard != record->shard) {
        shard = record->shard;
        check = {};
        ++counts_.shards;
      }
      ++counts_.records;
      if (auto wrong = check.next(*record))
        report({std::nullopt, log_position{record->shard, record->offset}, *std::move(wrong)});
    }
  }

  // Rows and histories, both in the order of their ids, side by side.
  void entities() {
    stream<entity_row> rows([this](const entity_row* last) {
      return value_of(ports_.scan.rows(last ? std::optional{last->id} : std::nullopt));
    });
    stream<log_record> events([this](const log_record* last) {
      ports_.progress(counts_);
      return value_of(
          ports_.scan.events(last ? std::optional{event_position{last->entity, last->sequence}} : std::nullopt));
    });
    while (true) {
      const auto* row = rows.peek();
      const auto* event = events.peek();
      if (row == nullptr && event == nullptr) return;
      const bool has_row = row != nullptr && (event == nullptr || row->id <= event->entity);
      const auto id = has_row ? row->id : event->entity;
      std::vector<log_record> history;
      for (; event != nullptr && event->entity == id; events.skip(), event = events.peek()) history.push_back(*event);
      ++counts_.entities;
      counts_.events += history.size();
      const bool sound = has_row && row->version == history.size() && differences(*row, history).empty();
      if (!sound) look_again(id);
      if (has_row) rows.skip();
    }
  }

  // The streams are not one snapshot: what was written between their pages is no finding. A row read before its history has
  // all of its events there; a row read after it is not older.
  void look_again(const entity_id& id) {
    const auto before = fresh_row(id);
    auto history = fresh_history(id);
    const auto after = fresh_row(id);
    if (!after) return report({id, {}, "a history of " + text(history.size()) + " events and no row"});
    if (history.empty()) return report({id, {}, "a row and no history"});
    if (history.back().sequence > after->version)
      report(
          {id,
           {},
           "its row is version " + text(after->version) + ", its history ends with " + text(history.back().sequence)});
    if (!before) return;  // born while we looked
    std::erase_if(history, [&before](const log_record& one) { return one.sequence > before->version; });
    for (auto& wrong : differences(*before, history)) report({id, {}, std::move(wrong)});
  }

  std::optional<entity_row> fresh_row(const entity_id& id) { return value_of(ports_.fresh.load({&id, 1})).front(); }

  std::vector<log_record> fresh_history(const entity_id& id) {
    std::vector<log_record> all;
    while (true) {
      auto page = value_of(ports_.fresh.history(id, all.empty() ? 0 : all.back().sequence, scan_page_max));
      all.insert(all.end(), page.begin(), page.end());
      if (page.size() < scan_page_max) return all;
    }
  }

  // Between a row and the history up to its version.
  std::vector<std::string> differences(const entity_row& row, const std::vector<log_record>& history) const {
    if (auto wrong = broken_history(row, history)) return {*std::move(wrong)};
    const auto kind = std::find_if(ports_.kinds.begin(), ports_.kinds.end(),
                                   [&row](const auto& one) { return one->name() == row.kind; });
    if (kind == ports_.kinds.end()) return {"is of kind \"" + row.kind + "\", which this version does not host"};
    try {
      auto replayed = row;
      replayed.state = (*kind)->replay(row.id, history);
      return compare_rows((*kind)->load(replayed)->row(), row, (*kind)->load(row)->encoded_state());
    } catch (const std::exception& thrown) { return {std::string("cannot be replayed: ") + thrown.what()}; }
  }

  static std::optional<std::string> broken_history(const entity_row& row, const std::vector<log_record>& history) {
    std::uint64_t expected = 1;
    for (const auto& one : history) {
      if (one.sequence != expected) return gap_or_fork("event", expected, one.sequence);
      if (one.shard != row.shard)
        return "event " + text(one.sequence) + " is in shard " + text(static_cast<std::uint64_t>(one.shard)) +
               ", its row in " + text(static_cast<std::uint64_t>(row.shard));
      ++expected;
    }
    if (row.version == history.size()) return std::nullopt;
    return "its row is version " + text(row.version) + ", its history has " + text(history.size()) + " events";
  }

  // `state`: the stored one, written anew by this version, so that two encodings of one state are equal.
  static std::vector<std::string> compare_rows(const entity_row& replayed, const entity_row& stored,
                                               const std::string& state) {
    std::vector<std::string> different;
    if (replayed.state != state) different.push_back(first_difference(replayed.state, state));
    compare(different, "wake_at", shown(replayed.wake_at), shown(stored.wake_at));
    compare(different, "scope", replayed.listed.scope, stored.listed.scope);
    compare(different, "status", replayed.listed.status, stored.listed.status);
    compare(different, "reference", replayed.listed.reference, stored.listed.reference);
    compare(different, "unit", replayed.listed.unit, stored.listed.unit);
    compare(different, "amount", std::to_string(replayed.listed.amount), std::to_string(stored.listed.amount));
    compare(different, "labels", shown(replayed.listed.labels), shown(stored.listed.labels));
    return different;
  }

  const verify_ports& ports_;
  verify_counts counts_;
};

}  // namespace

verify_outcome verify(const verify_ports& ports) { return verifier(ports).run(); }

}  // namespace novapay::runtime
