// Counts the calls that reach the system allocator.
//
// Linking this file replaces malloc and its kin in the whole program, so that calls from every library are seen
// (operator new, strdup, OpenSSL, a peer's library), each of which goes on to glibc. Calls that glibc makes to itself
// (a growing arena) are not calls of anyone. Counting costs a load and two stores: each thread writes its own cache
// line; only threads beyond kCountedThreads share one, with atomic additions.
// Sanitizers bring their own allocator; in such builds counting is off and the counts stay zero.
#pragma once

#include <cstddef>
#include <cstdint>

namespace flywheel::bench {

struct Allocations {
  std::uint64_t calls = 0;  // malloc, calloc, realloc, aligned_alloc, posix_memalign, memalign, valloc, pvalloc
  std::uint64_t bytes = 0;  // as asked for

  Allocations operator-(const Allocations& earlier) const { return {calls - earlier.calls, bytes - earlier.bytes}; }
  bool operator==(const Allocations&) const = default;
};

// Threads with a line of their own, counted over the life of the process; 64 KiB of zero pages until touched.
inline constexpr std::size_t kCountedThreads = 1024;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define FW_BENCH_SANITIZED 1
#endif
#endif
#ifdef FW_BENCH_SANITIZED
inline constexpr bool kCountsAllocations = false;
#else
inline constexpr bool kCountsAllocations = true;
#endif

Allocations ThreadAllocations();
// All threads, those that have ended included. Exact while the other threads do not allocate.
Allocations ProcessAllocations();

}  // namespace flywheel::bench
