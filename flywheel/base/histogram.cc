#include "flywheel/base/histogram.h"

#include <algorithm>
#include <cmath>

#include "flywheel/base/check.h"

namespace flywheel::inline v0 {

using internal::LogLinear;

std::uint64_t internal::QuantileRank(double q, std::uint64_t count) {
  FW_CHECK(q >= 0 && q <= 1) << "a quantile is between 0 and 1, not " << q;
  if (q == 1) return count;
  // A decimal q is stored a little too high or too low. Too high would ask for one rank more where q * count is whole:
  // 0.07 * 100 is 7.000000000000001.
  const double rank = std::ceil(std::nextafter(q, 0.0) * static_cast<double>(count));
  return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(rank), 1, std::max<std::uint64_t>(count, 1));
}

double HistogramData::mean() const noexcept {
  return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

std::uint64_t HistogramData::Quantile(double q) const {
  const std::uint64_t rank = internal::QuantileRank(q, count_);
  if (count_ == 0) return 0;
  if (rank == 1) return min_;
  if (rank == count_) return max_;
  std::uint64_t passed = 0;
  std::size_t i = 0;
  while ((passed += counts_[i]) < rank) ++i;
  return std::clamp(BucketAt(i).Middle(), min_, max_);
}

void HistogramData::Merge(const HistogramData& other) {
  if (other.count_ == 0) return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  const std::size_t first = std::min(first_, other.first_);
  const std::size_t end = std::max(first_ + counts_.size(), other.first_ + other.counts_.size());
  counts_.insert(counts_.begin(), first_ - first, 0);
  counts_.resize(end - first);
  first_ = first;
  for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[other.first_ - first + i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  clamped_ += other.clamped_;
}

HistogramData HistogramData::Since(const HistogramData& earlier) const {
  HistogramData delta = *this;
  for (std::size_t i = 0; i < earlier.counts_.size(); ++i) {
    const std::uint64_t before = earlier.counts_[i];
    if (before == 0) continue;
    const std::size_t bucket = earlier.first_ + i;
    // Counts do not fall unless the histogram was reset.
    if (bucket < first_ || bucket - first_ >= counts_.size() || counts_[bucket - first_] < before) return *this;
    delta.counts_[bucket - first_] -= before;
  }
  if (clamped_ < earlier.clamped_ || sum_ < earlier.sum_) return *this;
  delta.count_ -= earlier.count_;
  delta.sum_ -= earlier.sum_;
  delta.clamped_ -= earlier.clamped_;
  delta.FitToBuckets();
  return delta;
}

void HistogramData::FitToBuckets() {
  const auto used = [](std::uint64_t count) { return count != 0; };
  const auto begin = std::find_if(counts_.begin(), counts_.end(), used);
  if (begin == counts_.end()) {
    // sum_ and clamped_ stay: they may belong to a value whose count was read earlier or will be later.
    first_ = 0;
    counts_ = {};
    min_ = UINT64_MAX;
    max_ = 0;
    return;
  }
  const auto end = std::find_if(counts_.rbegin(), counts_.rend(), used).base();
  first_ += static_cast<std::size_t>(begin - counts_.begin());
  counts_ = std::vector<std::uint64_t>(begin, end);
  const Bucket low = BucketAt(0);
  const Bucket high = BucketAt(counts_.size() - 1);
  if (min_ < low.lowest || min_ > low.highest) min_ = low.lowest;
  if (max_ < high.lowest || max_ > high.highest) max_ = high.highest;
}

void Histogram::Reset() noexcept {
  for (Cell& cell : counts_) cell.store(0, std::memory_order_relaxed);
  sum_.store(0, std::memory_order_relaxed);
  min_.store(UINT64_MAX, std::memory_order_relaxed);
  max_.store(0, std::memory_order_relaxed);
  clamped_.store(0, std::memory_order_relaxed);
}

HistogramData Histogram::Read() const {
  HistogramData data;
  data.min_ = min_.load(std::memory_order_relaxed);
  data.max_ = max_.load(std::memory_order_relaxed);
  data.sum_ = sum_.load(std::memory_order_relaxed);
  data.clamped_ = clamped_.load(std::memory_order_relaxed);
  data.counts_.resize(counts_.size());
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    data.counts_[i] = counts_[i].load(std::memory_order_relaxed);
    data.count_ += data.counts_[i];
  }
  data.FitToBuckets();
  return data;
}

}  // namespace flywheel::inline v0
