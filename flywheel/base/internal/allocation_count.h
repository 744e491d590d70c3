// AllocationCount: how often the program asked operator new for memory, for tests that promise not to.
//
// Only test programs have it: allocation_count_test.cc replaces operator new with one that counts, for the whole
// program that it is linked into.
#pragma once

#include <cstdint>

namespace flywheel::inline v0::internal {

// Since the program started, on all threads.
std::uint64_t AllocationCount() noexcept;

}  // namespace flywheel::inline v0::internal
