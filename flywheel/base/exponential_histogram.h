// ExponentialHistogram: a distribution that starts at a few bytes and adapts to what it is shown.
//
// The base-2 exponential histogram of OpenTelemetry's metrics data model: at scale s, bucket i counts the values in
// (base^i, base^(i+1)] with base = 2^(2^-s). It begins at the finest scale, and whenever its values span more than
// max_buckets it halves its resolution until they fit: 160 buckets hold a thousandfold range at scale 4 (within 2.2 %).
// A bucket of one scale is a run of buckets of each finer one, so a histogram depends only on the values it holds:
// neither the order of recording nor that of merging shows, and a merge is recording together, bit for bit (but for the
// rounding of sum()). Zero has a count of its own; negative values, NaN and infinity are refused and counted. For one
// thread at a time; per label set, where a Histogram's 36 KB would be too much.
#pragma once

#include <cstddef>
#include <cstdint>

#include "flywheel/base/internal/count_array.h"
#include "flywheel/base/internal/exponential_index.h"

namespace flywheel::inline v0 {

class HistogramData;

class ExponentialHistogram {
 public:
  // The range of scales and the usual number of buckets come from the OpenTelemetry SDK specification.
  static constexpr int kMaxScale = internal::ExponentialIndex::kFinestScale;
  static constexpr int kMinScale = -10;
  static constexpr std::size_t kMaxBuckets = 160;
  // All of double's range is three buckets at kMinScale.
  static constexpr std::size_t kMinBuckets = 4;

  explicit ExponentialHistogram(std::size_t max_buckets = kMaxBuckets);

  // Each value of `data` times `unit` (1e-9 makes seconds of nanoseconds). The error of both kinds of bucket adds up;
  // count, sum, min and max are kept.
  static ExponentialHistogram From(const HistogramData& data, double unit, std::size_t max_buckets = kMaxBuckets);

  void Record(double value, std::uint64_t times = 1);
  // As if everything had been recorded here, at the coarser of both scales or a coarser one still.
  void Merge(const ExponentialHistogram& other);
  // Goes down to `scale` if that is coarser.
  void Downscale(int scale);
  void Reset() noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }  // with zeros
  [[nodiscard]] std::uint64_t zero_count() const noexcept { return zero_count_; }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
  [[nodiscard]] double sum() const noexcept { return sum_; }
  // 0 if count() is 0, like all quantiles.
  [[nodiscard]] double min() const noexcept { return min_; }
  [[nodiscard]] double max() const noexcept { return max_; }

  [[nodiscard]] int scale() const noexcept { return scale_; }
  // Bucket i of bucket_count() has index offset() + i: the form that OTLP carries.
  [[nodiscard]] std::int32_t offset() const noexcept { return offset_; }
  [[nodiscard]] std::size_t bucket_count() const noexcept { return counts_.size(); }
  [[nodiscard]] std::uint64_t bucket(std::size_t i) const noexcept { return counts_[i]; }

  // The value that at least the fraction q (0..1) of all does not exceed, within a factor of sqrt(base); 0 gives min,
  // 1 max.
  [[nodiscard]] double Quantile(double q) const;

  // All that it takes, sizeof included.
  [[nodiscard]] std::size_t MemoryBytes() const noexcept { return sizeof(*this) + counts_.HeapBytes(); }

  // The same counts at the same scale; sum() is compared exactly.
  bool operator==(const ExponentialHistogram&) const = default;

 private:
  // Makes the buckets first..last exist, at a coarser scale if need be; they are indices at the present one. Returns by
  // how many steps the scale went down.
  int Cover(std::int64_t first, std::int64_t last);
  void DownscaleBy(int steps);
  void NoteRange(double low, double high) noexcept;

  std::uint64_t count_ = 0;
  std::uint64_t zero_count_ = 0;
  std::uint64_t refused_ = 0;
  double sum_ = 0;
  double min_ = 0;
  double max_ = 0;
  std::int32_t offset_ = 0;
  std::int16_t scale_ = kMaxScale;
  std::uint16_t max_buckets_;
  internal::CountArray counts_;
};

}  // namespace flywheel::inline v0
