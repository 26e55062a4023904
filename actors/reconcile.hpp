// reconcile: a period of our journal against a processor's statement, however many payments that are. The comparison itself is pure, in
// domain/reconciliation.hpp; here both sides are read and brought together.
//
// In this order: the statement's pages, then which payments anything happened to in the period (by the logs), then the states of all
// payments that either side names. The journal is read last, so whatever was listed is known here by then. Lines wait in a spill, by
// payment, and are compared part by part.
//
// Reads only, one thread, beside nodes that go on writing. Memory: one part of the spill, and a page of each stream.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "actors/domain/reconciliation.hpp"
#include "actors/statement.hpp"
#include "runtime/journal.hpp"
#include "runtime/journal_scan.hpp"
#include "runtime/spill.hpp"

namespace novapay {

// How far our clocks and a processor's may disagree.
inline constexpr std::chrono::minutes statement_skew{10};
// A list is read for this long past the period: what was asked for before its end may have been done after it, by a repetition.
inline constexpr std::chrono::hours statement_reach{1};

struct reconcile_request {
  std::string processor;
  bool nameless = false;  // it has the operations that name no processor
  domain::timestamp from{};
  domain::timestamp to{};
  domain::timestamp now{};  // when the reading begins
  statement_traits traits;
};

struct reconcile_progress {
  std::uint64_t pages = 0;  // of the statement
  std::uint64_t lines = 0;
  domain::timestamp newest{};                    // of the lines
  std::optional<domain::timestamp> latest_read;  // date of the line read last
  bool statement_read = false;
  std::uint64_t records = 0;  // of the logs
  bool journal_read = false;
  std::size_t parts = 0;  // compared
  std::size_t parts_all = 0;
  domain::reconciliation_report report;
};

struct reconcile_ports {
  // One page, awaited and repeated as far as that makes sense.
  std::function<statement_result(domain::timestamp from, domain::timestamp to, const std::string& at)> page;
  runtime::journal_scan& scan;
  runtime::journal& read;
  runtime::spill& aside;
  std::function<void(domain::difference)> found;
  std::function<void(const reconcile_progress&)> progress;
  std::function<bool()> stopped;  // asked before every page
};

enum class broken_by : std::uint8_t { stop = 1, processor, store, temporary_files, statement };
struct reconcile_outcome {
  reconcile_progress reached;
  std::optional<broken_by> broken;  // nullopt: everything was compared
  std::string why;
};

reconcile_outcome reconcile(const reconcile_request& asked, const reconcile_ports& ports);

}  // namespace novapay
