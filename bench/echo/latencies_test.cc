#include "bench/echo/latencies.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <vector>

namespace flywheel::bench::echo {
namespace {

TEST(LatenciesTest, NothingRecordedIsZero) {
  const Latencies empty;
  EXPECT_EQ(empty.PercentileUs(0.99), 0);
  EXPECT_EQ(empty.max_us(), 0);
}

RC_GTEST_PROP(LatenciesProperty, PercentilesAreAtMostAStepAboveTheExactOnes, ()) {
  // Values of all magnitudes: a uniform choice would test the last octaves only.
  auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::int64_t>>(rc::gen::mapcat(
      rc::gen::inRange(0, 39), [](int bits) { return rc::gen::inRange(std::int64_t{0}, std::int64_t{2} << bits); })));
  Latencies latencies;
  for (const std::int64_t value : values) latencies.Record(Duration(value));
  std::ranges::sort(values);
  RC_ASSERT(latencies.count() == values.size());
  RC_ASSERT(latencies.max_us() == static_cast<double>(values.back()) / 1000);
  for (const double share : {0.01, 0.5, 0.9, 0.99, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size()) - 1e-6));
    const double exact = static_cast<double>(values[std::max<std::size_t>(rank, 1) - 1]) / 1000;
    RC_ASSERT(latencies.PercentileUs(share) >= exact);
    RC_ASSERT(latencies.PercentileUs(share) <= exact * (1 + 1.0 / 64));
  }
}

TEST(LatenciesTest, ATimeBeyondTheTableCountsAsTheLongest) {
  Latencies latencies;
  latencies.Record(std::chrono::hours(10));
  latencies.Record(Duration(-5));
  EXPECT_EQ(latencies.count(), 2U);
  EXPECT_NEAR(latencies.PercentileUs(1), (1LL << 40) / 1000.0, 1);
  EXPECT_EQ(latencies.PercentileUs(0.5), 0) << "a clock that stepped back is no time at all";
}

}  // namespace
}  // namespace flywheel::bench::echo
