// What a *_bench.cc file needs: FW_BENCHMARK, Bench::Compare and the two optimizer fences.
//
// A benchmark is a function: its fixtures are local variables, and each Compare measures at once. Sides take turns as
// goals.md asks (ours peer, peer ours, ours peer ...), each with its own calibrated number of operations, at least
// kMinRounds times; a row holds medians over rounds, never a best. Every Comparison says how to check that the work was
// done, for both sides and after every slice: a side that skips the work gives an error instead of a row.
// Registrations are constants in a linker section, so that a file is added by being linked and no list, constructor
// order or mutable global exists. main() comes with the library; `--help` lists its options.
//
//   FW_BENCHMARK(HistogramRecord, "base.histogram") {
//     Histogram histogram;
//     bench.Compare({.scenario = "uniform",
//                    .ours = {.run = [&](std::uint64_t n) { ...; return histogram.count(); }},
//                    .check = [&](std::uint64_t n, std::uint64_t count) { return count == n; }});
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bench/clocks.h"
#include "bench/report.h"
#include "flywheel/base/status.h"
#include "flywheel/base/time.h"

namespace flywheel::bench {

// Does `operations` operations and returns a checksum over their results which Comparison::check can predict.
using Work = std::function<std::uint64_t(std::uint64_t operations)>;

// Whose CPU time and allocations a slice is billed: those of the calling thread, or of all threads of the process.
enum class Billing : std::uint8_t { kThread, kProcess };

// Something that goes on in another thread while a slice runs, for example a writer at 1 kHz. Under Billing::kThread it
// is not billed. A writer that got less than a quarter of its turns is an error: the row would flatter.
struct Background {
  Duration period{};
  std::function<void()> step{};
};

struct Side {
  std::string name = "flywheel";  // no blanks: goals.txt refers to peers by it
  std::string version{};          // a peer's, as its package says; "written here" where we wrote it
  Work run{};
  Background background{};
};

struct Comparison {
  std::string scenario{};  // the row's "case", no blanks
  Side ours{};
  std::vector<Side> peers{};  // a row for each, all measured in the same rounds
  // True if `checksum` is what doing `operations` operations gives. Asked after every slice of every side.
  std::function<bool(std::uint64_t operations, std::uint64_t checksum)> check{};
  Billing billing = Billing::kThread;
  std::uint64_t batch = 1;  // operations of a slice are a multiple of it, for work that comes in bursts
};

inline constexpr int kMinRounds = 7;  // goals.md, "How to measure"

// What a slice is timed with; tests of the harness bring their own time.
struct SliceClocks {
  std::function<Instant()> wall = MonotonicTime;
  std::function<Duration()> thread_cpu = ThreadCpu;
  std::function<Duration()> process_cpu = ProcessCpu;
};

struct MeasureOptions {
  int rounds = 9;
  Duration slice = std::chrono::milliseconds(60);  // a thousand times what a timer interrupt steals from it
  bool only_check = false;                         // run each side once, check its work, measure nothing
  SliceClocks clocks{};
};

// One benchmark's view of the run.
class Bench {
 public:
  Bench(std::string_view id, const MeasureOptions& options, std::vector<Row>& rows, std::vector<Status>& failures)
      : id_(id), options_(options), rows_(rows), failures_(failures) {}

  // Measures and records: per peer (once if there is none) the rows cpu, wall, allocs and alloc_bytes, all per
  // operation. A failed check or an unusable Comparison records a failure and no row.
  void Compare(const Comparison& comparison);
  // How many Compare calls there were, failed ones included.
  [[nodiscard]] int comparisons() const { return comparisons_; }

 private:
  std::string_view id_;
  MeasureOptions options_;
  std::vector<Row>& rows_;
  std::vector<Status>& failures_;
  int comparisons_ = 0;
};

// The body of FW_BENCHMARK(Name, "row.id"). The alignment equals the size, so that the linker's concatenation of
// these is an array whatever padding it inserts.
struct alignas(32) Registration {
  const char* name;
  const char* id;
  void (*run)(Bench& bench);
};
static_assert(sizeof(Registration) == 32);

// Makes the compiler believe that `value` is read and may be changed here.
template <typename T>
[[gnu::always_inline]] inline void DoNotOptimize(T& value) {
  if constexpr (sizeof(T) <= sizeof(void*) && std::is_trivially_copyable_v<T>) {
    asm volatile("" : "+r,m"(value) : : "memory");
  } else {
    asm volatile("" : "+m"(value) : : "memory");
  }
}
template <typename T>
[[gnu::always_inline]] inline void DoNotOptimize(const T& value) {
  asm volatile("" : : "m"(value) : "memory");
}

// Makes the compiler believe that all memory is read and written here.
[[gnu::always_inline]] inline void ClobberMemory() { asm volatile("" : : : "memory"); }

}  // namespace flywheel::bench

#define FW_BENCHMARK(benchmark, row_id)                                                                        \
  static void benchmark(::flywheel::bench::Bench& bench);                                                      \
  [[gnu::section("flywheel_bench"), gnu::used,                                                                 \
    gnu::retain]] static constexpr ::flywheel::bench::Registration benchmark##Registration{#benchmark, row_id, \
                                                                                           &benchmark};        \
  static void benchmark([[maybe_unused]] ::flywheel::bench::Bench& bench)
