// Recording latencies. The values are spread as those of a service are: most around a millisecond, a tail to seconds.
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "bench/harness.h"
#include "flywheel/base/exponential_histogram.h"
#include "flywheel/base/histogram.h"

namespace flywheel::inline v0 {
namespace {

constexpr std::size_t kValues = 4096;  // a power of two; 32 KB, which competes for the cache as a service would

std::vector<std::uint64_t> Latencies() {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> nanoseconds(std::log(1e6), 1.0);
  std::vector<std::uint64_t> values(kValues);
  for (std::uint64_t& value : values) value = static_cast<std::uint64_t>(nanoseconds(random));
  return values;
}

FW_BENCHMARK(HistogramRecord, "base.histogram") {
  const std::vector<std::uint64_t> values = Latencies();
  Histogram histogram;
  const auto record = [&](std::uint64_t n) {
    const std::uint64_t before = histogram.Read().count();
    for (std::uint64_t i = 0; i < n; ++i) {
      histogram.Record(values[i % kValues]);
      bench::ClobberMemory();
    }
    return histogram.Read().count() - before;
  };
  bench.Compare({.scenario = "record_lognormal",
                 .ours = {.run = record},
                 .check = [](std::uint64_t n, std::uint64_t count) { return count == n; }});
}

FW_BENCHMARK(ExponentialHistogramRecord, "base.exponential_histogram") {
  std::vector<double> values;
  for (const std::uint64_t value : Latencies()) values.push_back(static_cast<double>(value) * 1e-9);
  ExponentialHistogram histogram;
  const auto record = [&](std::uint64_t n) {
    const std::uint64_t before = histogram.count();
    for (std::uint64_t i = 0; i < n; ++i) {
      histogram.Record(values[i % kValues]);
      bench::ClobberMemory();
    }
    return histogram.count() - before;
  };
  bench.Compare({.scenario = "record_lognormal",
                 .ours = {.run = record},
                 .check = [](std::uint64_t n, std::uint64_t count) { return count == n; }});
}

}  // namespace
}  // namespace flywheel::inline v0
