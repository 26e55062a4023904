// crash_points: which place of runtime/crash_point.hpp ends this process, in test builds only.
//
// NOVAPAY_CRASH_AT="append.after:7" ends it the seventh time it passes there (":1" may be left out): at once, with no
// handler run and no buffer flushed, and with `crash_exit` as its code, by which a test knows that it was this and nothing else.
// "append.after:7:30" lets the thread that passes stand still for 30 ms before: what the others must not do yet, they then
// have the time to do, an answer that runs ahead of its commit above all.
#pragma once

#ifdef NOVAPAY_CRASH_POINTS

#include <optional>
#include <string>

#include "runtime/crash_point.hpp"

namespace novapay::adapters {

inline constexpr int crash_exit = 86;

// Call it once, before other threads begin. What is wrong with the variable, if anything is; it may be absent.
std::optional<std::string> arm_crash_point();

std::string crash_point_names();  // one a line

}  // namespace novapay::adapters

#endif
