#include "adapters/system/core_files.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace novapay::adapters {

void forbid_core_files() {
  // The limit alone would not do: the kernel ignores it when core_pattern is a pipe.
  const rlimit none{0, 0};
  if (::prctl(PR_SET_DUMPABLE, 0) != 0 || ::setrlimit(RLIMIT_CORE, &none) != 0)
    throw std::runtime_error("core files cannot be forbidden: " + std::generic_category().message(errno));
}

}  // namespace novapay::adapters
