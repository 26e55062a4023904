#include "runtime/log_writer.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <unordered_set>
#include <utility>

#include "runtime/claim_record.hpp"
#include "runtime/crash_point.hpp"
#include "runtime/limits.hpp"

namespace novapay::runtime {

namespace {

// Attempts of one batch within one call. Each collision fences a shard or refuses an entity, so few are ever needed; a
// log that keeps moving is answered `unavailable`, which the caller may retry.
constexpr int commit_rounds_max = 8;

// Commits of unknown outcome within one call: each may have cost a whole call timeout. The rest waits for `resolve`.
constexpr int unknown_rounds_max = 2;

// A claim that collides is tried again in pieces of an eighth, so that a few busy logs don't hold back the others.
constexpr unsigned claim_split_bits = 3;

const log_record& first_of(const append_entry& entry) { return entry.records.front(); }

log_position position_of(const append_entry& entry) { return {first_of(entry).shard, first_of(entry).offset}; }

// Anyone may write under another epoch; under ours only we do, and we try nothing else at an offset in doubt.
bool is_ours(const log_record& found, const log_record& tried) {
  return found.epoch == tried.epoch && found.type == tried.type && found.entity == tried.entity &&
         found.sequence == tried.sequence && found.payload == tried.payload;
}

append_entry to_entry(pending_append&& asked) {
  append_entry entry;
  entry.records.reserve(asked.events.size());
  for (std::size_t i = 0; i < asked.events.size(); ++i)
    entry.records.push_back({asked.shard, 0, asked.epoch, record_type::event, asked.entity, asked.first_sequence + i,
                             asked.at, std::move(asked.events[i])});
  entry.row = std::move(asked.row);
  entry.key = std::move(asked.key);
  return entry;
}

// The row is the one after these events.
bool is_sound(const pending_append& asked) {
  return !asked.events.empty() && asked.first_sequence > 0 && asked.row.id == asked.entity &&
         asked.row.shard == asked.shard && asked.row.version == asked.first_sequence + asked.events.size() - 1;
}

const write_result in_doubt{write_status::unknown, "in doubt"};

// A batch on its way. `entries[i]` answers to `results[index[i]]`; what is decided leaves `entries`.
struct work {
  std::vector<append_entry> entries;
  std::vector<std::size_t> index;
  std::vector<write_result> results;
  std::unordered_set<entity_id> refused;  // their later appends of this batch would leave a gap in their sequence
  bool alone = false;                     // one entry at a time: the store rejected something among several
  bool doubtful = false;                  // the group, at the offsets it carries, may have been committed
  std::string doubt_detail;               // why

  // The entries the next attempt is made of.
  std::size_t group() const { return alone ? std::min<std::size_t>(1, entries.size()) : entries.size(); }
  std::span<const append_entry> attempt() const { return {entries.data(), group()}; }

  void decide(std::size_t i, write_status status, const std::string& detail) {
    results[index[i]] = {status, detail};
    if (status != write_status::committed) refused.insert(first_of(entries[i]).entity);
  }

  // Decides and takes out every entry `judge` has a verdict for.
  template <class Judge>
  std::size_t settle(Judge judge) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (const std::optional<write_result> verdict = judge(i)) {
        decide(i, verdict->status, verdict->detail);
        continue;
      }
      if (kept != i) {
        entries[kept] = std::move(entries[i]);
        index[kept] = index[i];
      }
      ++kept;
    }
    const auto settled = entries.size() - kept;
    entries.resize(kept);
    index.resize(kept);
    return settled;
  }

  // Answers what is decided, and `unknown` for the rest: only the rest is this work's business from here on.
  std::vector<write_result> forget_decided() {
    for (const auto i : index) results[i].detail = doubt_detail;
    auto answered = std::exchange(results, std::vector<write_result>(entries.size(), in_doubt));
    std::iota(index.begin(), index.end(), std::size_t{0});
    return answered;
  }

  void settle_all(write_status status, const std::string& detail) {
    settle([&](std::size_t) { return write_result{status, detail}; });
  }
};

// Takes in what can be tried; what only a bug in the caller can cause is refused here, before it hurts the others.
work to_work(std::vector<pending_append> batch) {
  work w;
  w.results.resize(batch.size(), in_doubt);
  std::unordered_map<entity_id, std::uint64_t> versions;  // of entities with an earlier append in this batch
  std::unordered_set<entity_id> broken;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    auto& asked = batch[i];
    const auto earlier = versions.find(asked.entity);
    const bool follows = earlier == versions.end() || asked.first_sequence == earlier->second + 1;
    if (!is_sound(asked)) {
      w.results[i] = {write_status::rejected, "the row does not follow from these events"};
      broken.insert(asked.entity);
    } else if (!follows || broken.contains(asked.entity)) {
      w.results[i] = {write_status::conflict, "it does not follow the entity's earlier append"};
      broken.insert(asked.entity);
    } else {
      versions[asked.entity] = asked.row.version;
      w.entries.push_back(to_entry(std::move(asked)));
      w.index.push_back(i);
    }
  }
  return w;
}

// What the log says about an attempt.
enum class finding {
  ours,        // it was committed
  theirs,      // it was not and never will be: another owner's record stands at one of its offsets
  nothing,     // its offsets are free
  unreadable,  // the store didn't answer
};

}  // namespace

struct log_writer::impl {
  struct owned {
    std::uint64_t next_offset;
    std::uint64_t epoch;
  };

  std::unique_ptr<journal> log;
  claim_record claimant;                          // its number counts our claims
  std::unordered_map<shard_id, owned> shards;     // claimed, and not known to be lost
  std::optional<work> doubt;                      // a batch whose fate is open
  std::optional<std::vector<write_result>> late;  // of a batch in doubt that another call resolved

  // ---- committing

  bool is_held(const log_record& record) const {
    const auto at = shards.find(record.shard);
    return at != shards.end() && at->second.epoch == record.epoch;
  }

  // Refuses what is not ours (any more), then gives the next attempt its offsets.
  void place(work& w) {
    w.settle([&](std::size_t i) -> std::optional<write_result> {
      const auto& record = first_of(w.entries[i]);
      if (!is_held(record)) return write_result{write_status::fenced, "the shard is not held under this epoch"};
      if (w.refused.contains(record.entity))
        return write_result{write_status::conflict, "an earlier append of this entity was refused"};
      return std::nullopt;
    });

    std::unordered_map<shard_id, std::uint64_t> next;
    for (auto& entry : std::span{w.entries.data(), w.group()}) {
      const auto shard = first_of(entry).shard;
      auto& offset = next.try_emplace(shard, shards.at(shard).next_offset).first->second;
      for (auto& record : entry.records) record.offset = offset++;
    }
  }

  void note_committed(work& w) {
    for (const auto& entry : w.attempt()) {
      const auto at = shards.find(first_of(entry).shard);
      if (at == shards.end() || at->second.epoch != first_of(entry).epoch) continue;  // released meanwhile
      at->second.next_offset = std::max(at->second.next_offset, entry.records.back().offset + 1);
    }
    const auto group = w.group();
    w.settle([&](std::size_t i) -> std::optional<write_result> {
      if (i >= group) return std::nullopt;
      return write_result{write_status::committed, {}};
    });
    w.doubtful = false;
  }

  // Reads the log where each shard's share of the attempt begins. Shards that moved are forgotten.
  finding look(const work& w) {
    std::vector<log_position> where;
    std::vector<const log_record*> tried;
    std::unordered_set<shard_id> seen;
    for (const auto& entry : w.attempt()) {
      if (!seen.insert(first_of(entry).shard).second) continue;
      where.push_back(position_of(entry));
      tried.push_back(&first_of(entry));
    }
    const auto read = log->read_at(where);
    if (!read.value || read.value->size() != where.size()) return finding::unreadable;

    std::size_t ours = 0;
    std::size_t theirs = 0;
    for (std::size_t i = 0; i < where.size(); ++i) {
      const auto& found = (*read.value)[i];
      if (!found) continue;
      if (is_ours(*found, *tried[i])) {
        ++ours;
        continue;
      }
      ++theirs;
      shards.erase(where[i].shard);
    }
    if (theirs > 0 && ours == 0) return finding::theirs;
    if (ours == where.size()) return finding::ours;
    // Some of an attempt that is all or nothing: no store of ours does that, so say nothing about it.
    return ours == 0 ? finding::nothing : finding::unreadable;
  }

  // The offsets were free, yet the batch collided: an entity's sequence is taken. False: the store didn't answer.
  bool refuse_taken_sequences(work& w) {
    std::vector<entity_id> ids;
    for (const auto& entry : w.attempt()) ids.push_back(first_of(entry).entity);
    const auto rows = log->load(ids);
    if (!rows.value || rows.value->size() != ids.size()) return false;

    const auto settled = w.settle([&](std::size_t i) -> std::optional<write_result> {
      if (i >= ids.size() || !(*rows.value)[i]) return std::nullopt;
      if ((*rows.value)[i]->version < first_of(w.entries[i]).sequence) return std::nullopt;
      return write_result{write_status::conflict, "the entity's sequence is taken"};
    });
    if (settled > 0) w.doubtful = false;  // an attempt with a taken sequence never arrives
    return true;
  }

  // After a collision. False: nothing more can be learned now.
  bool sort_out(work& w) {
    switch (look(w)) {
      case finding::ours: note_committed(w); return true;
      case finding::theirs: w.doubtful = false; return true;
      case finding::nothing: return refuse_taken_sequences(w);
      case finding::unreadable: return false;
    }
    return false;
  }

  // Runs until every append is decided, or `w.doubtful` says that the rest must wait.
  void drive(work& w) {
    int unknowns = w.doubtful ? 1 : 0;
    std::string detail = "the log kept moving";
    for (int round = 0; round < commit_rounds_max; ++round) {
      if (w.doubtful) {
        passing(crash_point::doubt_before);
        const auto found = look(w);
        passing(crash_point::doubt_after);
        if (found == finding::unreadable) return;
        if (found == finding::ours) note_committed(w);
        if (found == finding::theirs) w.doubtful = false;
        if (found == finding::nothing && unknowns >= unknown_rounds_max) return;
      }
      if (!w.doubtful) place(w);
      if (w.entries.empty()) return;

      passing(crash_point::append_before);
      const auto outcome = log->append(w.attempt());
      passing(crash_point::append_after);
      detail = outcome.detail;
      switch (outcome.status) {
        case append_status::committed:
          note_committed(w);
          round = -1;  // one by one, each has its own rounds; there is one entry less
          break;
        case append_status::collided:
          if (sort_out(w)) break;
          if (!w.doubtful) w.settle_all(write_status::unavailable, "collided, and the log can't be read: " + detail);
          return;
        case append_status::unavailable:
          if (!w.doubtful) w.settle_all(write_status::unavailable, detail);
          return;
        case append_status::unknown:
          w.doubtful = true;
          w.doubt_detail = detail;
          ++unknowns;
          break;
        case append_status::rejected:  // a verdict on the data itself, so an earlier try met it too
          w.doubtful = false;
          if (w.group() == 1)
            w.settle([&, first = true](std::size_t) mutable -> std::optional<write_result> {
              if (!std::exchange(first, false)) return std::nullopt;
              return write_result{write_status::rejected, detail};
            });
          w.alone = true;
          round = -1;
          break;
      }
      if (w.entries.empty()) return;
    }
    if (!w.doubtful) w.settle_all(write_status::unavailable, detail);
  }

  // False while an earlier batch stays in doubt.
  bool clear_doubt() {
    if (!doubt) return true;
    if (late) return false;  // its results wait to be fetched, and there is room for one
    drive(*doubt);
    if (doubt->doubtful) return false;
    late = std::move(doubt->results);
    doubt.reset();
    return true;
  }

  // ---- probing

  write_result probe(timestamp at) {
    if (!clear_doubt()) return {write_status::unavailable, "an earlier batch is unresolved"};
    if (shards.empty()) {  // nowhere to write: that it answers must do
      const shard_id any{0};
      auto heads = log->heads({&any, 1});
      return {heads.value ? write_status::committed : write_status::unavailable, std::move(heads.detail)};
    }
    const auto& [shard, held] = *shards.begin();
    append_entry entry;
    for (std::size_t i = 0; i < probe_records; ++i)
      entry.records.push_back(
          {shard, 0, held.epoch, record_type::probe, {}, 0, at, std::string(probe_record_bytes, 'p')});
    work w;
    w.entries.push_back(std::move(entry));
    w.index = {0};
    w.results = {in_doubt};
    drive(w);
    if (!w.doubtful) return std::move(w.results.front());
    w.forget_decided();
    doubt = std::move(w);
    return in_doubt;
  }

  // ---- claiming

  struct claim_attempt {
    std::vector<append_entry> entries;
    std::vector<shard_id> waiting;  // not claimed yet
    write_status status = write_status::committed;
    std::string detail;
    int unknowns = 0;
  };

  void note_claimed(std::span<const append_entry> entries) {
    for (const auto& entry : entries) {
      const auto offset = first_of(entry).offset;
      shards.insert_or_assign(first_of(entry).shard, owned{offset + 1, offset});
    }
  }

  // One try for some shards: one `heads`, one `append`. True: they are ours, or they may be tried again.
  bool claim_some(std::span<const shard_id> some, timestamp at, claim_attempt& state) {
    const auto heads = log->heads(some);
    if (!heads.value || heads.value->size() != some.size()) {
      state.status = write_status::unavailable;
      state.detail = heads.detail;
      return false;
    }
    state.entries.clear();
    const auto payload = encode(claimant);
    for (const auto& head : *heads.value) {
      append_entry entry;
      entry.records.push_back({head.shard, head.next_offset, head.next_offset, record_type::claim, {}, 0, at, payload});
      state.entries.push_back(std::move(entry));
    }

    passing(crash_point::claim_before);
    const auto outcome = log->append(state.entries);
    passing(crash_point::claim_after);
    state.detail = outcome.detail;
    if (outcome.status == append_status::committed) {
      note_claimed(state.entries);
      return true;
    }
    if (outcome.status == append_status::unknown) return settle_claim(state);
    state.waiting.insert(state.waiting.end(), some.begin(), some.end());
    if (outcome.status == append_status::collided) return true;
    state.status = write_status::unavailable;
    return false;
  }

  // The claims in doubt carry our name and a number of their own: whether they stand in the log says it all. If they
  // don't, claiming again is harmless: whichever arrives first makes the other collide.
  bool settle_claim(claim_attempt& state) {
    std::vector<log_position> where;
    for (const auto& entry : state.entries) where.push_back(position_of(entry));
    const auto read = log->read_at(where);
    if (!read.value || read.value->size() != where.size()) {
      state.status = write_status::unknown;
      return false;
    }
    for (std::size_t i = 0; i < where.size(); ++i) {
      const auto& found = (*read.value)[i];
      if (found && is_ours(*found, first_of(state.entries[i])))
        note_claimed(std::span{&state.entries[i], 1});
      else
        state.waiting.push_back(where[i].shard);
    }
    if (state.waiting.empty() || ++state.unknowns < unknown_rounds_max) return true;
    state.status = write_status::unknown;
    return false;
  }

  claim_result claim(std::vector<shard_id> wanted, timestamp at) {
    if (!clear_doubt()) return {write_status::unavailable, "an earlier batch is unresolved", {}};
    for (const auto shard : wanted) shards.erase(shard);  // whatever we held there ends with the new claim

    claim_attempt state;
    auto todo = wanted;
    for (int round = 0; round < claim_attempts_max && !todo.empty(); ++round) {
      ++claimant.number;
      const auto piece = std::max<std::size_t>(1, wanted.size() >> (claim_split_bits * static_cast<unsigned>(round)));
      state.waiting.clear();
      for (std::size_t from = 0; from < todo.size(); from += piece) {
        const auto some = std::span{todo}.subspan(from, std::min(piece, todo.size() - from));
        if (!claim_some(some, at, state)) return {state.status, state.detail, {}};
      }
      todo = state.waiting;
    }
    if (!todo.empty()) return {write_status::unavailable, "the log kept moving: " + state.detail, {}};

    claim_result result;
    for (const auto shard : wanted) {
      const auto& mine = shards.at(shard);
      result.claimed.push_back({shard, mine.next_offset, mine.epoch});
    }
    return result;
  }
};

log_writer::log_writer(std::unique_ptr<journal> log, std::string node, std::uint64_t incarnation)
    : impl_{std::make_unique<impl>()} {
  assert(node.find('\n') == std::string::npos);
  impl_->log = std::move(log);
  impl_->claimant = {std::move(node), incarnation, 0};
}

log_writer::~log_writer() = default;

claim_result log_writer::claim(std::span<const shard_id> shards, timestamp at) {
  std::vector<shard_id> wanted;
  std::unordered_set<shard_id> seen;
  for (const auto shard : shards)
    if (seen.insert(shard).second) wanted.push_back(shard);
  return impl_->claim(std::move(wanted), at);
}

std::vector<write_result> log_writer::commit(std::vector<pending_append> batch) {
  if (!impl_->clear_doubt())
    return std::vector<write_result>(batch.size(), {write_status::unavailable, "an earlier batch is unresolved"});

  auto w = to_work(std::move(batch));
  impl_->drive(w);
  if (!w.doubtful) return std::move(w.results);

  auto results = w.forget_decided();
  impl_->doubt = std::move(w);
  return results;
}

bool log_writer::unresolved() const noexcept { return impl_->doubt || impl_->late; }

std::optional<std::vector<write_result>> log_writer::resolve() {
  if (!impl_->late && !impl_->clear_doubt()) return std::nullopt;
  return std::exchange(impl_->late, std::nullopt);
}

write_result log_writer::probe(timestamp at) { return impl_->probe(at); }

void log_writer::release(shard_id shard) { impl_->shards.erase(shard); }

}  // namespace novapay::runtime
