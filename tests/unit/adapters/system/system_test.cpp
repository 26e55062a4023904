#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bitset>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "adapters/system/system_clock.hpp"
#include "adapters/system/system_random.hpp"
#include "adapters/system/thread_priority.hpp"

using namespace novapay::adapters;

TEST_CASE("system/clock: milliseconds of our age") {
  const auto now = system_clock{}.now();
  CHECK(now > novapay::runtime::timestamp{std::chrono::sys_days{std::chrono::year{2024} / 1 / 1}});
  CHECK(now < novapay::runtime::timestamp{std::chrono::sys_days{std::chrono::year{2200} / 1 / 1}});
}

TEST_CASE("system/random: numbers differ, within a thread and between threads") {
  system_random random;
  std::set<std::uint64_t> seen;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      std::vector<std::uint64_t> mine(2000);
      for (auto& number : mine) number = random.next();
      const std::lock_guard lock{mutex};
      seen.insert(mine.begin(), mine.end());
    });
  for (auto& thread : threads) thread.join();
  CHECK(seen.size() == 8000);

  std::size_t ones = 0;
  for (const auto number : seen) ones += std::bitset<64>{number}.count();
  CHECK(ones > 8000 * 32 - 5000);  // 256,000 on average, ± 358
  CHECK(ones < 8000 * 32 + 5000);
}

TEST_CASE("system/random: a forked child draws its own numbers") {
  system_random random;
  random.next();  // so that some are drawn already
  int channel[2];
  REQUIRE(::pipe(channel) == 0);
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto number = random.next();
    const auto written = ::write(channel[1], &number, sizeof number);
    ::_exit(written == sizeof number ? 0 : 1);
  }
  std::uint64_t of_child = 0;
  REQUIRE(::read(channel[0], &of_child, sizeof of_child) == sizeof of_child);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  ::close(channel[0]);
  ::close(channel[1]);
  CHECK(of_child != random.next());
}

TEST_CASE("system/priority: a thread that runs after the others is lower, and it alone") {
  const auto of = [](id_t thread) { return ::getpriority(PRIO_PROCESS, thread); };
  const int before = of(0);
  int lowered = 0;
  std::thread{[&] {
    run_after_the_others();
    lowered = of(static_cast<id_t>(::gettid()));
  }}.join();
  CHECK(lowered > before);
  CHECK(of(0) == before);
}
