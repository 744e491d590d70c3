// SystemAllocations: how often the program asked the system allocator for memory, for tests that promise not to.
//
// Only the test program has it: system_allocations_test.cc puts a counting malloc in front of glibc's, because frames
// come from malloc and not from operator new. Under AddressSanitizer frames are never recycled, so a test that counts
// asks kFramesAreRecycled first.
#pragma once

#include <cstdint>

namespace flywheel::inline v0::internal {

// Since the program started, on all threads.
std::uint64_t SystemAllocations() noexcept;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FW_FRAMES_ARE_NOT_RECYCLED
#endif
#endif
#ifdef FW_FRAMES_ARE_NOT_RECYCLED
inline constexpr bool kFramesAreRecycled = false;
#else
inline constexpr bool kFramesAreRecycled = true;
#endif

}  // namespace flywheel::inline v0::internal
