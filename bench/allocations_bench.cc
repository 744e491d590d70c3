// What counting adds to an allocation: the counted malloc against glibc's own, which does not pass through the counter.
#include <cstdlib>
#include <vector>

#include "bench/allocations.h"
#include "bench/harness.h"

extern "C" void* __libc_malloc(std::size_t size);

namespace flywheel::bench {
namespace {

std::uint64_t AllocateAndFree(void* (*allocate)(std::size_t), std::uint64_t operations) {
  std::uint64_t made = 0;
  for (std::uint64_t i = 0; i < operations; ++i) {
    void* block = allocate(48);
    DoNotOptimize(block);
    made += block != nullptr ? 1 : 0;
    std::free(block);
  }
  return made;
}

std::vector<Side> Uncounted() {
#ifdef FW_BENCH_SANITIZED
  return {};  // the sanitizer's free() knows nothing of glibc's blocks
#else
  return {{.name = "glibc", .version = "uncounted", .run = [](std::uint64_t n) {
             return AllocateAndFree(__libc_malloc, n);
           }}};
#endif
}

FW_BENCHMARK(CountedMalloc, "bench.malloc") {
  bench.Compare({.scenario = "48B",
                 .ours = {.name = "counted", .run = [](std::uint64_t n) { return AllocateAndFree(std::malloc, n); }},
                 .peers = Uncounted(),
                 .check = [](std::uint64_t n, std::uint64_t made) { return made == n; }});
}

}  // namespace
}  // namespace flywheel::bench
