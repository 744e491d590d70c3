// Makes allocations.cc a library for LD_PRELOAD: it counts in a program that knows nothing of it, and whoever started
// the program watches the counts in a shared file (AllocationMeter).
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "bench/harness.h"
#include "bench/internal/allocation_table.h"

namespace {

// A program with a malloc of its own goes before a preloaded one.
bool IsUsed() {
  const std::uint64_t before = flywheel::bench::ThreadAllocations().calls;
  void* block = std::malloc(1);
  flywheel::bench::DoNotOptimize(block);
  std::free(block);
  return flywheel::bench::ThreadAllocations().calls == before + 1;
}

[[gnu::constructor]] void Attach() {
  const char* const path = std::getenv("FLYWHEEL_BENCH_ALLOCATIONS");  // tidy: a preloaded library has no Host to ask
  if (path != nullptr && IsUsed() && flywheel::bench::internal::ShareAllocations(path)) return;
  constexpr char kMessage[] =
      "flywheel_bench_allocations: counting nothing; either the program has its own malloc, or "
      "FLYWHEEL_BENCH_ALLOCATIONS names no file\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kMessage, std::strlen(kMessage));
}

}  // namespace
