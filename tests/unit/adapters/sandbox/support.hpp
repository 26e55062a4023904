// What the sandbox's tests share: calls, a clock that is set by hand, a folder that goes away, a mailbox for answers.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <initializer_list>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "actors/processor.hpp"
#include "runtime/clock.hpp"
#include "runtime/log.hpp"

namespace novapay::sandbox::test {

using namespace std::chrono_literals;
using domain::operation_kind;

inline constexpr domain::timestamp first_day{std::chrono::milliseconds{1'700'000'000'000}};

class hand_clock final : public runtime::clock {
 public:
  runtime::timestamp now() const override { return runtime::timestamp{std::chrono::milliseconds{ms_.load()}}; }
  void advance(std::chrono::milliseconds by) { ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> ms_{first_day.time_since_epoch().count()};
};

class counting_log final : public runtime::log {
 public:
  void write(runtime::log_level, std::string_view, std::initializer_list<runtime::log_field>) override { ++lines; }
  std::atomic<int> lines{0};
};

class temporary_folder {
 public:
  temporary_folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "novapay-sandbox-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = pattern;
  }
  ~temporary_folder() { std::filesystem::remove_all(path_); }
  temporary_folder(const temporary_folder&) = delete;
  std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline processor_call call_of(operation_kind kind, const std::string& payment, std::int64_t minor, unsigned number = 1,
                              const std::string& token = "tok_visa") {
  static constexpr const char* names[] = {"authorize", "confirm", "capture", "refund", "cancel"};
  processor_call call;
  call.operation = kind;
  call.payment = payment;
  call.idempotency_key = payment + ":" + names[static_cast<unsigned>(kind) - 1];
  if (kind != operation_kind::authorize) call.idempotency_key += ":" + std::to_string(number);
  call.amount = {minor, *domain::parse_currency("eur")};
  if (kind == operation_kind::authorize) call.token = token;
  return call;
}

// A, D, N, U, X: approved, declined, needs action, unknown, not executed.
inline char letter(const domain::outcome& outcome) { return "ADNUX"[outcome.index()]; }

// Answers, in the order they came. Bounded waits: a test that hangs says so.
class mailbox {
 public:
  processor_done taker() {
    return [this](domain::outcome got) {
      const std::lock_guard held(lock_);
      got_.push_back(std::move(got));
      changed_.notify_all();
    };
  }
  std::vector<domain::outcome> wait_for(std::size_t count) {
    std::unique_lock held(lock_);
    changed_.wait_for(held, 20s, [&] { return got_.size() >= count; });
    return got_;
  }
  std::size_t count() {
    const std::lock_guard held(lock_);
    return got_.size();
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  std::vector<domain::outcome> got_;
};

inline domain::outcome ask(processor& at, processor_call call) {
  mailbox box;
  at.send(std::move(call), box.taker());
  const auto got = box.wait_for(1);
  return got.empty() ? domain::reported::unknown{"the test got no answer"} : got.front();
}

// Notices, acknowledged or not as the test wants.
class notice_box {
 public:
  notice_sink taker(bool acknowledge) {
    return [this, acknowledge](processor_notice got) {
      if (acknowledge) got.acknowledge();
      const std::lock_guard held(lock_);
      got_.push_back(std::move(got));
      changed_.notify_all();
    };
  }
  std::vector<processor_notice> wait_for(std::size_t count) {
    std::unique_lock held(lock_);
    changed_.wait_for(held, 20s, [&] { return got_.size() >= count; });
    return got_;
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  std::vector<processor_notice> got_;
};

}  // namespace novapay::sandbox::test
