// Where allocations are counted: a cache line per thread, in whole pages that another process can map.
//
// A line has one writer, its thread, so counting needs no atomic read-modify-write; only the threads beyond the last
// line share one, which needs it. A line outlives its thread, and so a sum over the table never goes back.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "bench/allocations.h"

namespace flywheel::bench::internal {

struct alignas(64) AllocationLine {
  std::atomic<std::uint64_t> calls{0};
  std::atomic<std::uint64_t> bytes{0};

  [[nodiscard]] Allocations Read() const {
    return {calls.load(std::memory_order_relaxed), bytes.load(std::memory_order_relaxed)};
  }
};

inline constexpr std::size_t kPageBytes = 4096;

// Whole pages, so that they can be replaced by pages of a shared file.
struct alignas(kPageBytes) AllocationTable {
  std::atomic<std::size_t> claimed{0};     // lines given out
  std::atomic<std::uint32_t> attached{0};  // 1 once the pages are those of the shared file
  std::array<AllocationLine, kCountedThreads> lines;
  AllocationLine shared;  // of the threads beyond kCountedThreads

  [[nodiscard]] Allocations Sum() const {
    Allocations sum = shared.Read();
    for (const AllocationLine& line : lines) {
      const Allocations one = line.Read();
      sum.calls += one.calls;
      sum.bytes += one.bytes;
    }
    return sum;
  }
};

// Moves the counts of this process into the file at `path`, where another process can watch them. For use before there
// is a second thread: what is counted meanwhile may be lost. False if the file cannot be opened or mapped.
bool ShareAllocations(const char* path);

}  // namespace flywheel::bench::internal
