// core_files: keeps this process's memory out of files and other processes' sight.
#pragma once

namespace novapay::adapters {

// From here on the process leaves no core file, also where core_pattern is a program, and no process of the same user may
// attach to it or read its memory (root still may). Throws std::runtime_error if the kernel refuses.
void forbid_core_files();

}  // namespace novapay::adapters
