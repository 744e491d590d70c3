#include "flywheel/base/histogram.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

namespace flywheel::inline v0 {
namespace {

using internal::LogLinear;

// Values of all magnitudes, with many near the borders of buckets and of the range.
rc::Gen<std::uint64_t> AnyValue() {
  const auto magnitude = rc::gen::apply(
      [](int bits, std::uint64_t noise, int offset) {
        const std::uint64_t power = std::uint64_t{1} << bits;
        const std::uint64_t value = power + noise % power;
        return offset == 0 ? value : power + static_cast<std::uint64_t>(offset);
      },
      rc::gen::inRange(0, 45), rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange(-1, 2));
  return rc::gen::oneOf(magnitude, rc::gen::inRange<std::uint64_t>(0, 1000));
}

HistogramData DataOf(const std::vector<std::uint64_t>& values) {
  Histogram histogram;
  for (const std::uint64_t value : values) histogram.Record(value);
  return histogram.Read();
}

// The smallest value that at least the fraction rank / size does not exceed.
std::uint64_t Exact(const std::vector<std::uint64_t>& sorted, std::uint64_t rank) {
  return std::min(sorted[static_cast<std::size_t>(rank) - 1], Histogram::kMax);
}

TEST(LogLinear, BucketsTileTheRangeAndAreNarrow) {
  constexpr std::size_t kLast = LogLinear::IndexOf(Histogram::kMax);
  EXPECT_EQ(LogLinear::Lowest(0), 0u);
  EXPECT_EQ(LogLinear::Highest(kLast), Histogram::kMax);
  for (std::size_t i = 0; i <= kLast; ++i) {
    const std::uint64_t lowest = LogLinear::Lowest(i);
    const std::uint64_t highest = LogLinear::Highest(i);
    ASSERT_EQ(LogLinear::IndexOf(lowest), i);
    ASSERT_EQ(LogLinear::IndexOf(highest), i);
    ASSERT_EQ(LogLinear::Lowest(i + 1), highest + 1);
    ASSERT_LE((highest - lowest + 1) * 128, std::max<std::uint64_t>(lowest, 128)) << "bucket " << i;
  }
  EXPECT_LE(sizeof(Histogram), 37'000u);
}

TEST(QuantileRank, CountsAsPeopleDo) {
  EXPECT_EQ(internal::QuantileRank(0.5, 10), 5u);
  EXPECT_EQ(internal::QuantileRank(0.5, 11), 6u);
  EXPECT_EQ(internal::QuantileRank(0.0, 10), 1u);
  EXPECT_EQ(internal::QuantileRank(1.0, 10), 10u);
  for (std::uint64_t percent = 1; percent <= 100; ++percent) {
    EXPECT_EQ(internal::QuantileRank(static_cast<double>(percent) / 100, 100), percent);
    EXPECT_EQ(internal::QuantileRank(static_cast<double>(percent) / 100, 100'000), percent * 1000);
  }
  EXPECT_EQ(internal::QuantileRank(1.0, std::numeric_limits<std::uint64_t>::max()),
            std::numeric_limits<std::uint64_t>::max());
}

TEST(QuantileRankDeathTest, RefusesWhatIsNoFraction) {
  EXPECT_DEATH((void)internal::QuantileRank(1.5, 10), "between 0 and 1, not 1.5");
  EXPECT_DEATH((void)internal::QuantileRank(std::nan(""), 10), "between 0 and 1");
}

TEST(Histogram, EmptyAnswersZero) {
  const HistogramData data = Histogram().Read();
  EXPECT_EQ(data, HistogramData());
  EXPECT_EQ(data.count(), 0u);
  EXPECT_EQ(data.min(), 0u);
  EXPECT_EQ(data.max(), 0u);
  EXPECT_EQ(data.mean(), 0);
  EXPECT_EQ(data.Quantile(0.5), 0u);
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram histogram;
  for (std::uint64_t value = 0; value < 256; ++value) histogram.Record(value, value + 1);
  const HistogramData data = histogram.Read();
  std::uint64_t rank = 0;
  data.ForEach([&](const HistogramData::Bucket& bucket) {
    EXPECT_EQ(bucket.lowest, bucket.highest);
    EXPECT_EQ(bucket.count, bucket.lowest + 1);
    rank += bucket.count;
  });
  EXPECT_EQ(rank, 256u * 257 / 2);
  EXPECT_EQ(data.count(), rank);
  EXPECT_EQ(data.Quantile(0.5), 180u);  // 1 + 2 + ... + 181 is the first such sum of at least half of 32896
}

TEST(Histogram, WhatIsAboveTheRangeCountsAsItsEndAndIsReported) {
  Histogram histogram;
  histogram.Record(Histogram::kMax);
  histogram.Record(Histogram::kMax + 1);
  histogram.Record(std::numeric_limits<std::uint64_t>::max(), 3);
  const HistogramData data = histogram.Read();
  EXPECT_EQ(data.clamped(), 4u);
  EXPECT_EQ(data.count(), 5u);
  EXPECT_EQ(data.max(), Histogram::kMax);
  EXPECT_EQ(data.sum(), 5 * Histogram::kMax);
  EXPECT_EQ(data.Quantile(0.5), Histogram::kMax);
}

TEST(Histogram, ResetForgets) {
  Histogram histogram;
  histogram.Record(5);
  histogram.Record(Histogram::kMax + 1);
  histogram.Reset();
  EXPECT_EQ(histogram.Read(), HistogramData());
  histogram.Record(7, 0);
  EXPECT_EQ(histogram.Read(), HistogramData());
  histogram.Record(1'000'001);
  EXPECT_EQ(histogram.Read(), DataOf({1'000'001}));
}

TEST(Histogram, SinceAResetIsAllSinceThen) {
  Histogram histogram;
  histogram.Record(10, 5);
  const HistogramData before = histogram.Read();
  histogram.Reset();
  histogram.Record(10, 2);
  histogram.Record(11, 2);
  EXPECT_EQ(histogram.Read().Since(before), histogram.Read());
  // Even if there is more of everything but in one bucket.
  histogram.Record(1'000'000, 100);
  EXPECT_EQ(histogram.Read().Since(before), histogram.Read());
}

TEST(Histogram, ReadTakesMemoryOnlyForTheRangeInUse) {
  EXPECT_LE(DataOf({1'000'000, 1'010'000}).MemoryBytes(), sizeof(HistogramData) + 32);
}

RC_GTEST_PROP(HistogramProperty, QuantilesAreWithinHalfAPercent, ()) {
  std::vector<std::uint64_t> values = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint64_t>>(AnyValue()));
  const HistogramData data = DataOf(values);
  std::ranges::sort(values);
  for (std::uint64_t rank = 1; rank <= values.size(); ++rank) {
    const double q = static_cast<double>(rank) / static_cast<double>(values.size());
    RC_ASSERT(internal::QuantileRank(q, values.size()) == rank);
    const std::uint64_t exact = Exact(values, rank);
    const std::uint64_t estimate = data.Quantile(q);
    const std::uint64_t error = estimate > exact ? estimate - exact : exact - estimate;
    RC_ASSERT(error * 256 <= exact);
  }
  RC_ASSERT(data.Quantile(0) == Exact(values, 1));
  RC_ASSERT(data.Quantile(1) == Exact(values, values.size()));
}

RC_GTEST_PROP(HistogramProperty, CountsSumsAndEndsAreExact, ()) {
  const auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint64_t>>(AnyValue()));
  const HistogramData data = DataOf(values);
  std::uint64_t sum = 0;
  std::uint64_t clamped = 0;
  for (const std::uint64_t value : values) {
    sum += std::min(value, Histogram::kMax);
    clamped += value > Histogram::kMax ? 1 : 0;
  }
  const auto [low, high] = std::ranges::minmax(values);
  RC_ASSERT(data.count() == values.size());
  RC_ASSERT(data.sum() == sum);
  RC_ASSERT(data.clamped() == clamped);
  RC_ASSERT(data.min() == std::min(low, Histogram::kMax));
  RC_ASSERT(data.max() == std::min(high, Histogram::kMax));
  RC_ASSERT(data.mean() == static_cast<double>(sum) / static_cast<double>(values.size()));
  std::uint64_t counted = 0;
  data.ForEach([&](const HistogramData::Bucket& bucket) {
    RC_ASSERT(bucket.count == static_cast<std::uint64_t>(std::ranges::count_if(values, [&](std::uint64_t value) {
                value = std::min(value, Histogram::kMax);
                return bucket.lowest <= value && value <= bucket.highest;
              })));
    counted += bucket.count;
  });
  RC_ASSERT(counted == values.size());
}

RC_GTEST_PROP(HistogramProperty, MergingIsRecordingTogether, ()) {
  const auto parts = *rc::gen::container<std::vector<std::vector<std::uint64_t>>>(
      *rc::gen::inRange<std::size_t>(0, 6), rc::gen::container<std::vector<std::uint64_t>>(AnyValue()));
  HistogramData merged;
  HistogramData backwards;
  std::vector<std::uint64_t> all;
  for (const auto& part : parts) {
    merged.Merge(DataOf(part));
    all.insert(all.end(), part.begin(), part.end());
  }
  std::for_each(parts.rbegin(), parts.rend(), [&](const auto& part) { backwards.Merge(DataOf(part)); });
  RC_ASSERT(merged == DataOf(all));
  RC_ASSERT(backwards == merged);
}

RC_GTEST_PROP(HistogramProperty, SinceIsWhatCameAfter, ()) {
  const auto before = *rc::gen::container<std::vector<std::uint64_t>>(AnyValue());
  const auto after = *rc::gen::container<std::vector<std::uint64_t>>(AnyValue());
  Histogram histogram;
  for (const std::uint64_t value : before) histogram.Record(value);
  const HistogramData earlier = histogram.Read();
  for (const std::uint64_t value : after) histogram.Record(value);
  const HistogramData delta = histogram.Read().Since(earlier);
  const HistogramData expected = DataOf(after);
  RC_ASSERT(delta.count() == expected.count());
  RC_ASSERT(delta.sum() == expected.sum());
  RC_ASSERT(delta.clamped() == expected.clamped());
  // The same buckets; the ends only as exactly as those.
  RC_ASSERT(LogLinear::IndexOf(delta.min()) == LogLinear::IndexOf(expected.min()));
  RC_ASSERT(LogLinear::IndexOf(delta.max()) == LogLinear::IndexOf(expected.max()));
  HistogramData together = earlier;
  together.Merge(delta);
  RC_ASSERT(together == histogram.Read());
}

// For the thread sanitizer, and for what a read in the middle of writing promises.
TEST(Histogram, IsReadWhileItIsWritten) {
  constexpr std::uint64_t kRecords = 200'000;
  Histogram histogram;
  std::atomic<bool> started{false};
  std::thread writer([&] {
    while (!started.load()) std::this_thread::yield();
    for (std::uint64_t i = 0; i < kRecords; ++i) histogram.Record(1000 + i);
  });
  HistogramData total;
  HistogramData earlier;
  std::uint64_t reads = 0;
  started.store(true);
  while (total.count() < kRecords) {
    const HistogramData data = histogram.Read();
    ASSERT_GE(data.count(), earlier.count());
    const HistogramData delta = data.Since(earlier);
    total.Merge(delta);
    if (delta.count() != 0) {
      ASSERT_LE(delta.min(), delta.max());
      ASSERT_LE(delta.min(), delta.Quantile(0.5));
      ASSERT_LE(delta.Quantile(0.5), delta.max());
    }
    earlier = data;
    ++reads;
  }
  writer.join();
  EXPECT_EQ(total.count(), kRecords);
  EXPECT_GT(reads, 1u);
  EXPECT_EQ(histogram.Read().sum(), kRecords * 1000 + kRecords * (kRecords - 1) / 2);
}

}  // namespace
}  // namespace flywheel::inline v0
