// libFuzzer's entry into the one target linked with it. A broken promise ends the program, which is how libFuzzer notices.
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    novapay::fuzz::targets().front().run({reinterpret_cast<const char*>(data), size});
  } catch (const std::exception& thrown) {
    std::fprintf(stderr, "fuzz: %s\n", thrown.what());
    std::abort();
  }
  return 0;
}
