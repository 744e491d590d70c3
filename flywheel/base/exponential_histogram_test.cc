#include "flywheel/base/exponential_histogram.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "flywheel/base/histogram.h"
#include "flywheel/base/internal/exponential_index.h"

namespace flywheel::inline v0 {
namespace {

constexpr double kSmallest = std::numeric_limits<double>::denorm_min();
constexpr double kLargest = std::numeric_limits<double>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Positive values over `octaves` powers of two around 1; some are powers of two, where buckets begin.
rc::Gen<double> Positive(int octaves) {
  return rc::gen::apply(
      [](int exponent, std::uint32_t noise, bool exact) {
        return std::ldexp(exact ? 1.0 : 1.0 + std::ldexp(static_cast<double>(noise), -32), exponent);
      },
      rc::gen::inRange(-octaves / 2, octaves - octaves / 2), rc::gen::arbitrary<std::uint32_t>(),
      rc::gen::map(rc::gen::inRange(0, 5), [](int one_in_five) { return one_in_five == 0; }));
}

// Narrow, wide and very wide ranges, with zeros. With `exact_sums` they are multiples of 2^-20 below 2^20, whose sums
// do not depend on the order.
rc::Gen<std::vector<double>> Values(bool exact_sums = false) {
  return rc::gen::mapcat(rc::gen::element(1, 3, 12, 40, 2000), [exact_sums](int octaves) {
    const int most = exact_sums ? std::min(octaves, 40) : octaves;
    const auto positive = rc::gen::map(Positive(most), [exact_sums](double value) {
      return exact_sums ? std::max(std::round(std::ldexp(value, 20)), 1.0) / (1 << 20) : value;
    });
    return rc::gen::container<std::vector<double>>(
        rc::gen::weightedOneOf<double>({{20, positive}, {1, rc::gen::just(0.0)}}));
  });
}

ExponentialHistogram Of(const std::vector<double>& values,
                        std::size_t max_buckets = ExponentialHistogram::kMaxBuckets) {
  ExponentialHistogram histogram(max_buckets);
  for (const double value : values) histogram.Record(value);
  return histogram;
}

std::uint64_t BucketSum(const ExponentialHistogram& histogram) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < histogram.bucket_count(); ++i) sum += histogram.bucket(i);
  return sum;
}

TEST(ExponentialHistogram, StartsTinyAndGrowsWithWhatItSees) {
  ExponentialHistogram histogram;
  EXPECT_LE(histogram.MemoryBytes(), 128u);
  histogram.Record(0.25);
  EXPECT_LE(histogram.MemoryBytes(), 136u);
  EXPECT_EQ(histogram.scale(), 20);
  EXPECT_EQ(histogram.bucket_count(), 1u);
  for (int i = 1; i <= 200; ++i) histogram.Record(0.001 * i);
  EXPECT_LE(histogram.bucket_count(), 160u);
  EXPECT_GT(histogram.bucket_count(), 80u) << "a finer scale would have fitted";
  EXPECT_LE(histogram.MemoryBytes(), 128u + 2 * 160) << "counts below 256 take a byte";
  histogram.Record(0.1, 1'000'000);
  EXPECT_LE(histogram.MemoryBytes(), 128u + 2 * 160 * 4);
}

TEST(ExponentialHistogram, HoldsAllOfDouble) {
  ExponentialHistogram histogram(ExponentialHistogram::kMinBuckets);
  for (const double value : {kSmallest, 1e-300, 1.0, 1e300, kLargest}) histogram.Record(value);
  EXPECT_EQ(histogram.count(), 5u);
  EXPECT_EQ(BucketSum(histogram), 5u);
  EXPECT_GE(histogram.scale(), ExponentialHistogram::kMinScale);
  EXPECT_EQ(histogram.Quantile(0), kSmallest);
  EXPECT_EQ(histogram.Quantile(1), kLargest);
  histogram.Downscale(ExponentialHistogram::kMinScale);
  EXPECT_EQ(BucketSum(histogram), 5u);
  EXPECT_TRUE(std::isfinite(histogram.Quantile(0.5)));
}

TEST(ExponentialHistogram, RefusesAndCountsWhatHasNoPlace) {
  ExponentialHistogram histogram;
  histogram.Record(-1);
  histogram.Record(std::nan(""));
  histogram.Record(kInfinity, 3);
  histogram.Record(5, 0);
  EXPECT_EQ(histogram.refused(), 5u);
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.sum(), 0);
  EXPECT_EQ(histogram.Quantile(0.5), 0);
  histogram.Record(-0.0);
  histogram.Record(0, 2);
  EXPECT_EQ(histogram.zero_count(), 3u);
  EXPECT_EQ(histogram.bucket_count(), 0u);
  EXPECT_EQ(histogram.Quantile(1), 0);
  histogram.Reset();
  EXPECT_EQ(histogram, ExponentialHistogram());
}

TEST(ExponentialHistogramDeathTest, RefusesImpossibleSizes) {
  EXPECT_DEATH(ExponentialHistogram(3), "4..160 buckets, not 3");
  EXPECT_DEATH(ExponentialHistogram(161), "4..160 buckets, not 161");
  EXPECT_DEATH(ExponentialHistogram().Downscale(-11), "down to -10, not -11");
}

TEST(ExponentialHistogram, MergingAnEmptyOneChangesNothingButRefusals) {
  ExponentialHistogram histogram = Of({1, 2, 3});
  ExponentialHistogram refusals;
  refusals.Record(-1);
  histogram.Merge(refusals);
  EXPECT_EQ(histogram.refused(), 1u);
  EXPECT_EQ(histogram.min(), 1);
  EXPECT_EQ(histogram.scale(), Of({1, 2, 3}).scale());
}

RC_GTEST_PROP(ExponentialHistogramProperty, KeepsTheFinestScaleThatFits, ()) {
  const auto values = *Values();
  const auto max_buckets = *rc::gen::inRange<std::size_t>(4, 161);
  const ExponentialHistogram histogram = Of(values, max_buckets);
  std::vector<double> positive;
  std::ranges::copy_if(values, std::back_inserter(positive), [](double value) { return value > 0; });
  RC_ASSERT(histogram.count() == values.size());
  RC_ASSERT(histogram.zero_count() == values.size() - positive.size());
  RC_ASSERT(BucketSum(histogram) == positive.size());
  if (positive.empty()) return;
  const auto [low, high] = std::ranges::minmax(positive);
  const auto span = [&](int scale) {
    return static_cast<std::size_t>(internal::ExponentialIndex::Of(high, scale) -
                                    internal::ExponentialIndex::Of(low, scale)) +
           1;
  };
  RC_ASSERT(histogram.bucket_count() == span(histogram.scale()));
  RC_ASSERT(histogram.bucket_count() <= max_buckets);
  RC_ASSERT((histogram.scale() == 20 || span(histogram.scale() + 1) > max_buckets));
  for (std::size_t i = 0; i < histogram.bucket_count(); ++i) {
    const auto index = histogram.offset() + static_cast<std::int64_t>(i);
    const auto expected = std::ranges::count_if(
        positive, [&](double value) { return internal::ExponentialIndex::Of(value, histogram.scale()) == index; });
    RC_ASSERT(histogram.bucket(i) == static_cast<std::uint64_t>(expected));
  }
}

RC_GTEST_PROP(ExponentialHistogramProperty, OrderDoesNotMatter, ()) {
  auto values = *Values(/*exact_sums=*/true);
  const ExponentialHistogram histogram = Of(values);
  std::minstd_rand random(*rc::gen::arbitrary<unsigned>());
  std::ranges::shuffle(values, random);
  RC_ASSERT(Of(values) == histogram);
}

// Any division into parts, merged in any order and grouping, is recording everything at one place.
RC_GTEST_PROP(ExponentialHistogramProperty, MergingIsRecordingTogether, ()) {
  const auto values = *Values(/*exact_sums=*/true);
  const auto max_buckets = *rc::gen::inRange<std::size_t>(4, 161);
  std::vector<ExponentialHistogram> parts(*rc::gen::inRange<std::size_t>(1, 6), ExponentialHistogram(max_buckets));
  for (const double value : values) parts[*rc::gen::inRange<std::size_t>(0, parts.size())].Record(value);
  while (parts.size() > 1) {
    const auto from = *rc::gen::inRange<std::size_t>(0, parts.size());
    const ExponentialHistogram part = parts[from];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(from));
    parts[*rc::gen::inRange<std::size_t>(0, parts.size())].Merge(part);
  }
  RC_ASSERT(parts[0] == Of(values, max_buckets));
}

RC_GTEST_PROP(ExponentialHistogramProperty, MergesOfDifferentScalesAgreeAtTheCoarser, ()) {
  const auto a = *Values(/*exact_sums=*/true);
  const auto b = *Values(/*exact_sums=*/true);
  const auto scale = *rc::gen::inRange(ExponentialHistogram::kMinScale, 8);
  ExponentialHistogram coarse = Of(a);
  coarse.Downscale(scale);
  ExponentialHistogram one = coarse;
  one.Merge(Of(b));
  ExponentialHistogram other = Of(b);
  other.Merge(coarse);
  std::vector<double> all = a;
  all.insert(all.end(), b.begin(), b.end());
  ExponentialHistogram expected = Of(all);
  expected.Downscale(scale);
  RC_ASSERT(one == expected);
  // One without anything in its buckets does not make others coarser.
  if (coarse.bucket_count() != 0) RC_ASSERT(other == expected);
}

RC_GTEST_PROP(ExponentialHistogramProperty, DownscalingKeepsCountsAndIsRecordingCoarsely, ()) {
  const auto values = *Values();
  ExponentialHistogram histogram = Of(values);
  const auto steps = *rc::gen::inRange(0, histogram.scale() - ExponentialHistogram::kMinScale + 1);
  const int scale = histogram.scale() - steps;
  const std::uint64_t in_buckets = BucketSum(histogram);
  for (int at = histogram.scale(); at > scale;) histogram.Downscale(at -= *rc::gen::inRange(1, at - scale + 1));
  ExponentialHistogram directly;
  directly.Downscale(scale);
  for (const double value : values) directly.Record(value);
  RC_ASSERT(BucketSum(histogram) == in_buckets);
  RC_ASSERT(histogram == directly);
}

RC_GTEST_PROP(ExponentialHistogramProperty, QuantilesAreWithinTheSquareRootOfTheBase, ()) {
  auto values = *rc::gen::suchThat(Values(), [](const auto& v) { return !v.empty(); });
  const ExponentialHistogram histogram = Of(values);
  std::ranges::sort(values);
  const double factor = std::exp2(std::exp2(-histogram.scale()) / 2) * (1 + 1e-12);
  for (std::uint64_t rank = 1; rank <= values.size(); ++rank) {
    const double q = static_cast<double>(rank) / static_cast<double>(values.size());
    const double exact = values[static_cast<std::size_t>(rank) - 1];
    const double estimate = histogram.Quantile(q);
    if (exact == 0) {
      RC_ASSERT(estimate == 0);
    } else {
      RC_ASSERT(estimate / exact <= factor);
      RC_ASSERT(exact / estimate <= factor);
    }
  }
}

RC_GTEST_PROP(ExponentialHistogramProperty, ComesFromAHistogramWithBothErrorsAtMost, ()) {
  const auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint64_t>>(
      rc::gen::map(Positive(40), [](double value) { return static_cast<std::uint64_t>(std::ldexp(value, 20)); })));
  Histogram linear;
  std::vector<double> seconds;
  for (const std::uint64_t value : values) {
    linear.Record(value);
    seconds.push_back(static_cast<double>(value) * 1e-9);
  }
  std::ranges::sort(seconds);
  const HistogramData data = linear.Read();
  const ExponentialHistogram histogram = ExponentialHistogram::From(data, 1e-9);
  RC_ASSERT(histogram.count() == values.size());
  RC_ASSERT(histogram.min() == seconds.front());
  RC_ASSERT(histogram.max() == seconds.back());
  RC_ASSERT(histogram.sum() == static_cast<double>(data.sum()) * 1e-9);
  RC_ASSERT(histogram.zero_count() == static_cast<std::uint64_t>(std::ranges::count(values, 0u)));
  const double factor = std::exp2(std::exp2(-histogram.scale()) / 2) * (1 + 1.0 / 250);
  for (const double q : {0.1, 0.5, 0.9, 0.99}) {
    const double exact = seconds[static_cast<std::size_t>(internal::QuantileRank(q, seconds.size())) - 1];
    const double estimate = histogram.Quantile(q);
    if (exact == 0) {
      RC_ASSERT(estimate == 0);
    } else {
      RC_ASSERT(std::max(estimate / exact, exact / estimate) <= factor);
    }
  }
}

}  // namespace
}  // namespace flywheel::inline v0
