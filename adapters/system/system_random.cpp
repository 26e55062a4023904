#include "adapters/system/system_random.hpp"

#include <pthread.h>
#include <sys/random.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace novapay::adapters {
namespace {

// A process-wide number that differs in a forked child: what was drawn under another one is thrown away.
std::atomic<std::uint64_t> fork_generation{0};
const int registered = ::pthread_atfork(nullptr, nullptr, [] { fork_generation.fetch_add(1); });

struct drawn {
  std::array<std::uint64_t, 256> numbers{};
  std::size_t left = 0;
  std::uint64_t generation = 0;
};

void fill(drawn& pool) noexcept {
  auto* at = reinterpret_cast<unsigned char*>(pool.numbers.data());
  for (std::size_t missing = sizeof pool.numbers; missing > 0;) {
    const auto got = ::getrandom(at, missing, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || registered != 0) {
      std::fputs("novapay: the kernel gives no random numbers\n", stderr);
      std::abort();
    }
    at += got;
    missing -= static_cast<std::size_t>(got);
  }
  pool.left = pool.numbers.size();
}

}  // namespace

std::uint64_t system_random::next() {
  thread_local drawn pool;
  const auto generation = fork_generation.load(std::memory_order_relaxed);
  if (pool.left == 0 || pool.generation != generation) {
    fill(pool);
    pool.generation = generation;
  }
  return std::exchange(pool.numbers[--pool.left], 0);
}

}  // namespace novapay::adapters
