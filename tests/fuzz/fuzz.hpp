// fuzz: what a fuzz target is. Each fuzz_NAME.cpp holds one: a function over any bytes, and what must hold for them all.
//
// Two programs run them. `./dev fuzz` links each target with libFuzzer, which makes up inputs and is led by the code they
// reach. `test_fuzz` (replay.cpp, built as everything else is) runs all of them over the corpora of this folder.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace novapay::fuzz {

struct target {
  std::string_view name;
  void (*run)(std::string_view input);
};

// Those linked into this program.
inline std::vector<target>& targets() {
  static std::vector<target> all;
  return all;
}

struct enlisted {
  enlisted(std::string_view name, void (*run)(std::string_view)) { targets().push_back({name, run}); }
};

// What a target promises did not hold.
struct broken_promise : std::logic_error {
  using std::logic_error::logic_error;
};
inline void must(bool holds, const char* promise) {
  if (!holds) throw broken_promise{promise};
}

// Takes what a target has to choose from the front of its input: zeroes once that is used up.
class choices {
 public:
  explicit choices(std::string_view input) : left_{input} {}

  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return value;
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | byte();
    return value;
  }
  std::string_view line() {  // up to a '\n', which is taken off
    const auto end = left_.find('\n');
    const auto taken = left_.substr(0, end);
    left_.remove_prefix(end == std::string_view::npos ? left_.size() : end + 1);
    return taken;
  }
  std::string_view rest() const { return left_; }

 private:
  std::string_view left_;
};

}  // namespace novapay::fuzz

// FUZZ_TARGET(name) { …uses `input`… }
#define FUZZ_TARGET(name)                                                 \
  static void run_##name(std::string_view input);                         \
  static const novapay::fuzz::enlisted enlist_##name{#name, &run_##name}; \
  static void run_##name([[maybe_unused]] std::string_view input)
