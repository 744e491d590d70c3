#include "flywheel/base/exponential_histogram.h"

#include <algorithm>
#include <limits>

#include "flywheel/base/check.h"
#include "flywheel/base/histogram.h"
#include "flywheel/base/internal/exponential_index.h"

namespace flywheel::inline v0 {

using internal::ExponentialIndex;

ExponentialHistogram::ExponentialHistogram(std::size_t max_buckets)
    : max_buckets_(static_cast<std::uint16_t>(max_buckets)) {
  FW_CHECK(max_buckets >= kMinBuckets && max_buckets <= kMaxBuckets)
      << "an ExponentialHistogram has " << kMinBuckets << ".." << kMaxBuckets << " buckets, not " << max_buckets;
}

ExponentialHistogram ExponentialHistogram::From(const HistogramData& data, double unit, std::size_t max_buckets) {
  ExponentialHistogram histogram(max_buckets);
  data.ForEach([&](const HistogramData::Bucket& bucket) {
    const std::uint64_t value = std::clamp(bucket.Middle(), data.min(), data.max());
    histogram.Record(static_cast<double>(value) * unit, bucket.count);
  });
  if (data.count() == 0) return histogram;
  histogram.sum_ = static_cast<double>(data.sum()) * unit;
  histogram.min_ = static_cast<double>(data.min()) * unit;
  histogram.max_ = static_cast<double>(data.max()) * unit;
  return histogram;
}

void ExponentialHistogram::Record(double value, std::uint64_t times) {
  if (times == 0) return;
  if (!(value >= 0 && value <= std::numeric_limits<double>::max())) {
    refused_ += times;
    return;
  }
  NoteRange(value, value);
  count_ += times;
  sum_ += value * static_cast<double>(times);
  if (value == 0) {
    zero_count_ += times;
    return;
  }
  const std::int32_t index = ExponentialIndex::Of(value, scale_);
  const int steps = Cover(index, index);
  counts_.Add(static_cast<std::size_t>((index >> steps) - offset_), times);
}

void ExponentialHistogram::Merge(const ExponentialHistogram& other) {
  refused_ += other.refused_;
  if (other.count_ == 0) return;
  NoteRange(other.min_, other.max_);
  count_ += other.count_;
  zero_count_ += other.zero_count_;
  sum_ += other.sum_;
  const std::size_t buckets = other.counts_.size();
  if (buckets == 0) return;
  Downscale(other.scale_);
  const std::int64_t last = other.offset_ + static_cast<std::int64_t>(buckets) - 1;
  const int finer = other.scale_ - scale_;
  const int steps = finer + Cover(other.offset_ >> finer, last >> finer);
  for (std::size_t i = 0; i < buckets; ++i) {
    const std::int64_t index = (other.offset_ + static_cast<std::int64_t>(i)) >> steps;
    counts_.Add(static_cast<std::size_t>(index - offset_), other.counts_[i]);
  }
}

void ExponentialHistogram::Downscale(int scale) {
  FW_CHECK(scale >= kMinScale) << "scales go down to " << kMinScale << ", not " << scale;
  if (scale < scale_) DownscaleBy(scale_ - scale);
}

void ExponentialHistogram::Reset() noexcept { *this = ExponentialHistogram(max_buckets_); }

int ExponentialHistogram::Cover(std::int64_t first, std::int64_t last) {
  const auto size = static_cast<std::int64_t>(counts_.size());
  if (first >= offset_ && last < offset_ + size) [[likely]]
    return 0;
  if (size != 0) {
    first = std::min<std::int64_t>(first, offset_);
    last = std::max<std::int64_t>(last, offset_ + size - 1);
  }
  int steps = 0;
  while ((last >> steps) - (first >> steps) >= max_buckets_) ++steps;
  if (steps != 0) DownscaleBy(steps);
  first >>= steps;
  last >>= steps;
  if (size == 0) offset_ = static_cast<std::int32_t>(first);
  const std::int64_t end = offset_ + static_cast<std::int64_t>(counts_.size());
  counts_.Extend(static_cast<std::size_t>(offset_ - first), static_cast<std::size_t>(last + 1 - end));
  offset_ = static_cast<std::int32_t>(first);
  return steps;
}

void ExponentialHistogram::DownscaleBy(int steps) {
  const std::int32_t offset = offset_ >> steps;
  counts_.Fold(steps, static_cast<std::size_t>(offset_ - (std::int64_t{offset} << steps)));
  offset_ = offset;
  scale_ = static_cast<std::int16_t>(scale_ - steps);
}

void ExponentialHistogram::NoteRange(double low, double high) noexcept {
  min_ = count_ == 0 ? low : std::min(min_, low);
  max_ = count_ == 0 ? high : std::max(max_, high);
}

double ExponentialHistogram::Quantile(double q) const {
  const std::uint64_t rank = internal::QuantileRank(q, count_);
  if (count_ == 0) return 0;
  if (rank == 1) return min_;
  if (rank == count_) return max_;
  if (rank <= zero_count_) return 0;
  std::uint64_t passed = zero_count_;
  std::size_t i = 0;
  while ((passed += counts_[i]) < rank) ++i;
  // Half a bucket above its lower border, which is an even index at the next finer scale.
  const std::int64_t middle = 2 * (offset_ + static_cast<std::int64_t>(i)) + 1;
  return std::clamp(ExponentialIndex::LowerBound(middle, scale_ + 1), min_, max_);
}

}  // namespace flywheel::inline v0
