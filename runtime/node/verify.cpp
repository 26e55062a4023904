#include "runtime/node/verify.hpp"

#include <chrono>
#include <iostream>

#include "actors/payment_kind.hpp"
#include "actors/payments.hpp"
#include "runtime/node/stores.hpp"
#include "runtime/verify.hpp"

namespace novapay::node {
namespace {

constexpr int exit_data = 65;
constexpr int exit_unavailable = 69;

// A damaged store may differ in every payment: past this, findings are only counted.
constexpr std::uint64_t findings_shown_max = 1000;

constexpr std::chrono::seconds progress_every{5};

// Replaying sends nothing.
class no_processor final : public processor {
 public:
  void send(processor_call, processor_done) override {}
  void listen(notice_sink) override {}
};

std::string subject(const runtime::finding& what) {
  if (what.entity) return payment_id_text(*what.entity);
  return "shard " + std::to_string(static_cast<unsigned>(what.at->shard)) + " offset " +
         std::to_string(what.at->offset);
}

std::string text(const runtime::verify_counts& counts) {
  return std::to_string(counts.records) + " records of " + std::to_string(counts.shards) + " shards, " +
         std::to_string(counts.entities) + " payments replayed from " + std::to_string(counts.events) + " events";
}

}  // namespace

int verify_store(const config& settings) {
  if (const auto problem = check_store(settings)) {
    std::cerr << "novapay: " << *problem << "\n";
    return exit_unavailable;
  }
  no_processor nobody;
  const auto scan = open_scan(settings);
  const auto fresh = open_store(settings)->open();
  std::uint64_t shown = 0;
  auto told_at = std::chrono::steady_clock::now();
  const auto found = [&shown](const runtime::finding& what) {
    if (++shown <= findings_shown_max) std::cout << subject(what) << ": " << what.what << "\n";
  };
  const auto progress = [&told_at](const runtime::verify_counts& counts) {
    const auto now = std::chrono::steady_clock::now();
    if (now - told_at < progress_every) return;
    told_at = now;
    std::cerr << "so far: " << text(counts) << std::endl;
  };
  const auto done = runtime::verify({*scan, *fresh, {make_payment_kind(nobody)}, found, progress});
  if (done.broken_off) {
    std::cout << std::flush;
    std::cerr << "novapay: broken off after " << text(done.counts) << ": " << *done.broken_off << "\n";
    return exit_unavailable;
  }
  if (shown > findings_shown_max) std::cout << "and " << shown - findings_shown_max << " more like these\n";
  std::cout << "verified " << describe_store(settings) << ": " << text(done.counts) << "; "
            << (done.counts.findings == 0 ? "no difference" : std::to_string(done.counts.findings) + " differences")
            << "\n";
  return done.counts.findings == 0 ? 0 : exit_data;
}

}  // namespace novapay::node
