#include "runtime/node/reconcile.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <tuple>

#include "actors/reconcile.hpp"
#include "adapters/prometheus/metrics.hpp"
#include "adapters/system/core_files.hpp"
#include "adapters/system/spill_files.hpp"
#include "adapters/system/system_clock.hpp"
#include "gateway/time_text.hpp"
#include "runtime/node/interrupt.hpp"
#include "runtime/node/processors.hpp"
#include "runtime/node/reconcile_report.hpp"
#include "runtime/node/stores.hpp"

namespace novapay::node {
namespace {

constexpr int exit_usage = 64;
constexpr int exit_data = 65;
constexpr int exit_no_input = 66;
constexpr int exit_unavailable = 69;
constexpr int exit_interrupted = 130;

constexpr std::chrono::seconds progress_every{5};
// A page that cannot be had is asked for again after 0.5 s, 1 s, 2 s, 4 s.
constexpr int page_attempts_max = 5;
constexpr std::chrono::milliseconds page_retry_first{500};

// What is wrong with the command line. Thrown and caught in this file only.
struct usage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

domain::timestamp time_in(const char* option, const std::string& text) {
  const bool day = text.size() == 10 && std::count(text.begin(), text.end(), '-') == 2;
  const auto read = gateway::parse_time(day ? text + "T00:00:00Z" : text);
  if (!read)
    throw usage(std::string(option) + " must be a day or a time, such as 2026-11-21 or 2026-11-21T09:30:00Z, not \"" +
                text + "\"");
  return *read;
}

std::chrono::milliseconds lag_in(const std::string& text) {
  std::int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  const std::string_view unit(at, static_cast<std::size_t>(end - at));
  const std::int64_t seconds = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : unit == "d" ? 86'400 : 0;
  constexpr std::int64_t days_max = 366;
  if (error != std::errc{} || seconds == 0 || number < 0 || number > days_max * 86'400 / seconds)
    throw usage("--lag must be a number of s, m, h or d, such as 90s or 7d, at most 366d, not \"" + text + "\"");
  return std::chrono::seconds{number * seconds};
}

const processor_config& processor_in(const config& settings, const std::string& name) {
  std::string known;
  for (const auto& each : settings.processing.processors) {
    if (each.name == name) return each;
    known += (known.empty() ? "" : ", ") + each.name;
  }
  throw usage("--processor: there is no \"" + name + "\"; configured: " + known);
}

// Only what can be seen before anything is asked of anybody.
reconcile_request request_in(const config& settings, const reconcile_options& given, domain::timestamp now) {
  reconcile_request asked;
  const auto& which = processor_in(settings, given.processor);
  if (which.kind == processor_kind::sandbox)
    throw usage("--processor: \"" + which.name +
                "\" is a sandbox, which has no statement; novapay sandbox ledger prints its books");
  if (which.kind == processor_kind::adyen && given.reports.empty())
    throw usage(
        "--report is missing: Adyen lists nothing on request; name its settlement detail reports that follow the "
        "period");
  if (which.kind != processor_kind::adyen && !given.reports.empty())
    throw usage("--report is for Adyen only; \"" + which.name + "\" is asked for its lists");
  for (const auto& path : given.reports)
    if (!std::ifstream(path)) throw usage("--report: " + path + " cannot be read");
  asked.processor = which.name;
  asked.nameless = which.name == settings.processing.processors.front().name;
  asked.from = time_in("--from", given.from);
  asked.to = time_in("--to", given.to);
  asked.now = now;
  if (asked.to <= asked.from) throw usage("--to must be later than --from (" + given.from + "), not " + given.to);
  if (asked.from > now) throw usage("--from must not lie in the future: " + given.from);
  return asked;
}

// ---- progress, on standard error ----------------------------------------------------------------------------------

std::string text(const reconcile_progress& now) {
  std::string out = std::to_string(now.lines) + " lines of " + std::to_string(now.pages) + " pages";
  if (!now.statement_read && now.latest_read && *now.latest_read != domain::timestamp{})
    out += ", at " + gateway::to_rfc3339(*now.latest_read);
  if (now.statement_read) out += "; " + std::to_string(now.records) + " records of the journal";
  if (now.journal_read)
    out += "; " + std::to_string(now.report.payments) + " payments compared, " + std::to_string(now.parts) + " of " +
           std::to_string(now.parts_all) + " parts, " + std::to_string(now.report.differing()) + " differences";
  return out;
}

class teller {
 public:
  void operator()(const reconcile_progress& now) {
    const auto time = std::chrono::steady_clock::now();
    const bool next_step = now.statement_read != last_.first || now.journal_read != last_.second;
    if (!next_step && time - told_at_ < progress_every) return;
    told_at_ = time;
    last_ = {now.statement_read, now.journal_read};
    std::cerr << "so far: " << text(now) << std::endl;
  }

 private:
  std::chrono::steady_clock::time_point told_at_ = std::chrono::steady_clock::now();
  std::pair<bool, bool> last_{false, false};
};

// ---- pages --------------------------------------------------------------------------------------------------------

// One page, or why not after page_attempts_max; at once if interrupted.
statement_result page_of(processor_statement& from_whom, interrupt& stop, domain::timestamp from, domain::timestamp to,
                         const std::string& at) {
  auto wait = page_retry_first;
  for (int attempt = 1;; ++attempt, wait *= 2) {
    // Not on the stack: an answer may come after this has been left.
    const auto got = std::make_shared<std::optional<statement_result>>();
    from_whom.fetch(from, to, at,
                    [got, &stop](statement_result result) { stop.change([&] { *got = std::move(result); }); });
    if (!stop.wait([&got] { return got->has_value(); })) return statement_failure{true, "interrupted"};
    auto result = **got;
    const auto* failed = std::get_if<statement_failure>(&result);
    if (failed == nullptr || !failed->retryable || attempt == page_attempts_max) return result;
    std::cerr << "no page: " << failed->reason << "; again in " << wait.count() << " ms" << std::endl;
    if (!stop.pause(wait)) return result;
  }
}

int tell_broken(const std::string& processor, const reconcile_outcome& done) {
  const auto after = " after " + text(done.reached);
  switch (*done.broken) {
    case broken_by::stop: std::cerr << "novapay: interrupted" << after << "\n"; return exit_interrupted;
    case broken_by::statement:
      std::cerr << "novapay: the statement of " << processor << " cannot be used: " << done.why << "," << after << "\n";
      return exit_no_input;
    case broken_by::processor:
      std::cerr << "novapay: " << processor << " cannot be read: " << done.why << "," << after << "\n";
      break;
    case broken_by::store:
      std::cerr << "novapay: the store cannot be read: " << done.why << "," << after << "\n";
      break;
    case broken_by::temporary_files: std::cerr << "novapay: " << done.why << "," << after << "\n"; break;
  }
  return exit_unavailable;
}

int run(const config& settings, const reconcile_options& given) {
  const adapters::system_clock clock;
  auto asked = request_in(settings, given, clock.now());
  if (!settings.core_files) adapters::forbid_core_files();
  interrupt stop;  // before there are other threads
  adapters::prometheus_metrics metrics;
  const auto source = open_statement(settings, asked.processor, given.reports, metrics);
  asked.traits = source.traits;
  if (!given.lag.empty()) asked.traits.lag = lag_in(given.lag);
  if (const auto problem = check_store(settings)) {
    std::cerr << "novapay: " << *problem << "\n";
    return exit_unavailable;
  }

  const auto scan = open_scan(settings);
  const auto read = open_store(settings)->open();
  adapters::spill_files aside;
  reconcile_result result{asked.processor, asked.from, asked.to, 0, {}, {}};
  teller tell;
  const auto done = reconcile(asked, {[&](domain::timestamp from, domain::timestamp to, const std::string& at) {
                                        return page_of(*source.statement, stop, from, to, at);
                                      },
                                      *scan, *read, aside,
                                      [&result](domain::difference found) {
                                        if (result.differences.size() < differences_kept_max)
                                          result.differences.push_back(std::move(found));
                                      },
                                      std::ref(tell), [&stop] { return stop.happened(); }});
  if (done.broken) return tell_broken(asked.processor, done);

  result.lines = done.reached.lines;
  result.report = done.reached.report;
  std::sort(result.differences.begin(), result.differences.end(), [](const auto& a, const auto& b) {
    return std::tie(a.payment, a.about, a.their_reference) < std::tie(b.payment, b.about, b.their_reference);
  });
  given.output == "json" ? print_json(std::cout, result) : print_table(std::cout, result);
  return result.report.clean() ? 0 : exit_data;
}

}  // namespace

int reconcile_period(const config& settings, const reconcile_options& options) {
  try {
    return run(settings, options);
  } catch (const usage& wrong) {
    std::cerr << "novapay: " << wrong.what() << "\n";
    return exit_usage;
  } catch (const processors_failure& failed) {
    std::cerr << "novapay: " << failed.what() << "\n";
    return exit_unavailable;
  }
}

}  // namespace novapay::node
