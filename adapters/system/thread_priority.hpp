// thread_priority: who runs first when there are more threads than cores.
#pragma once

namespace novapay::adapters {

// The calling thread runs after those that have not called this. For threads that work off what others let in: a listener that has to
// wait for them to pause cannot refuse in time what they will never get to. It lowers the share of a busy core, not only the turn: of
// threads at this and at the usual priority, each of the latter gets about nine times as much.
void run_after_the_others() noexcept;

}  // namespace novapay::adapters
