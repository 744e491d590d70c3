// The child tasks of the runtime's benchmarks.
//
// In a translation unit of their own, so that no compiler elides their frames or inlines them into the measuring loop:
// a call of a service's code is not elided either.
#pragma once

#include <cstdint>

#include "flywheel/runtime/task.h"

namespace flywheel::bench {

Task<std::uint64_t> Child(std::uint64_t value);
Task<void> AddTo(std::uint64_t& sum, std::uint64_t value);

}  // namespace flywheel::bench
