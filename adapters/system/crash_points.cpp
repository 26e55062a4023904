#include "adapters/system/crash_points.hpp"

#ifdef NOVAPAY_CRASH_POINTS

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <thread>

namespace novapay::adapters {
namespace {

using runtime::crash_point;

std::string_view name_of(crash_point where) noexcept {
  switch (where) {  // no default: -Wswitch guards it
    case crash_point::claim_before: return "claim.before";
    case crash_point::claim_after: return "claim.after";
    case crash_point::maintenance_before: return "maintenance.before";
    case crash_point::maintenance_after: return "maintenance.after";
    case crash_point::key_before: return "key.before";
    case crash_point::key_after: return "key.after";
    case crash_point::activation_before: return "activation.before";
    case crash_point::activation_after: return "activation.after";
    case crash_point::resume_before: return "resume.before";
    case crash_point::append_before: return "append.before";
    case crash_point::append_after: return "append.after";
    case crash_point::commit_before: return "commit.before";
    case crash_point::commit_sent: return "commit.sent";
    case crash_point::doubt_before: return "doubt.before";
    case crash_point::doubt_after: return "doubt.after";
    case crash_point::evolve_before: return "evolve.before";
    case crash_point::evolve_after: return "evolve.after";
    case crash_point::processor_before: return "processor.before";
    case crash_point::processor_sent: return "processor.sent";
    case crash_point::processor_executed: return "processor.executed";
    case crash_point::processor_after: return "processor.after";
    case crash_point::outcome_after: return "outcome.after";
    case crash_point::notice_before: return "notice.before";
    case crash_point::notice_after: return "notice.after";
    case crash_point::wake_before: return "wake.before";
    case crash_point::wake_after: return "wake.after";
    case crash_point::reply_before: return "reply.before";
    case crash_point::reply_after: return "reply.after";
  }
  return {};
}

std::optional<crash_point> point_named(std::string_view name) noexcept {
  for (int i = 0; i <= static_cast<int>(runtime::crash_point_last); ++i)
    if (const auto where = static_cast<crash_point>(i); name_of(where) == name) return where;
  return std::nullopt;
}

// Of the process, since its death is. Set before the threads that read it begin.
std::optional<crash_point> armed;
std::atomic<std::int64_t> passings_left{0};
std::chrono::milliseconds linger{0};

// The text up to the next colon, which is taken off with it.
std::string_view next_part(std::string_view& text) {
  const auto part = text.substr(0, text.find(':'));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

std::optional<std::int64_t> number_of(std::string_view digits) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size() || value < 1) return std::nullopt;
  return value;
}

}  // namespace

std::string crash_point_names() {
  std::string names;
  for (int i = 0; i <= static_cast<int>(runtime::crash_point_last); ++i)
    names.append(name_of(static_cast<crash_point>(i))).append("\n");
  return names;
}

std::optional<std::string> arm_crash_point() {
  const char* asked = std::getenv("NOVAPAY_CRASH_AT");
  if (asked == nullptr) return std::nullopt;
  std::string_view text{asked};
  const auto name = next_part(text);
  const auto passings = text.empty() ? std::optional<std::int64_t>{1} : number_of(next_part(text));
  const auto pause = text.empty() ? std::optional<std::int64_t>{0} : number_of(text);
  if (!passings || !pause)
    return "NOVAPAY_CRASH_AT: \"" + std::string{asked} + "\" is not name[:passing[:milliseconds]]";
  armed = point_named(name);
  if (!armed) return "NOVAPAY_CRASH_AT: there is no \"" + std::string{name} + "\"; there are\n" + crash_point_names();
  passings_left = *passings;
  linger = std::chrono::milliseconds{*pause};
  return std::nullopt;
}

}  // namespace novapay::adapters

void novapay::runtime::passing(crash_point where) noexcept {
  if (adapters::armed != where || adapters::passings_left.fetch_sub(1) != 1) return;
  std::this_thread::sleep_for(adapters::linger);
  ::_exit(adapters::crash_exit);
}

#endif
