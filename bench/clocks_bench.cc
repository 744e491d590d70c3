// What one reading of each clock costs: the floor under a slice, and the reason that slices are 60 ms and not 60 us.
#include "bench/clocks.h"
#include "bench/harness.h"

namespace flywheel::bench {
namespace {

// Counts the readings that did not go backwards.
template <typename Read>
std::uint64_t ReadOften(Read read, std::uint64_t operations) {
  std::uint64_t in_order = 0;
  auto last = read();
  for (std::uint64_t i = 0; i < operations; ++i) {
    const auto next = read();
    in_order += next >= last ? 1 : 0;
    last = next;
  }
  return in_order;
}

FW_BENCHMARK(ReadClocks, "bench.clock") {
  bench.Compare({.scenario = "read",
                 .ours = {.name = "monotonic", .run = [](std::uint64_t n) { return ReadOften(MonotonicTime, n); }},
                 .peers = {{.name = "thread_cpu", .run = [](std::uint64_t n) { return ReadOften(ThreadCpu, n); }},
                           {.name = "process_cpu", .run = [](std::uint64_t n) { return ReadOften(ProcessCpu, n); }}},
                 .check = [](std::uint64_t n, std::uint64_t in_order) { return in_order == n; }});
}

}  // namespace
}  // namespace flywheel::bench
