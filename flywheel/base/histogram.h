// Histogram: how the values of one thing are distributed, within 1 %, in fixed memory.
//
// Log-linear as in HdrHistogram: the values 0..255 are exact, and above each power of two is split into 128 buckets, so
// that a bucket is at most 1/128 as wide as its smallest value and its middle at most 1/256 away from any. Values are
// unsigned, usually nanoseconds; those above kMax (2^42-1, 73 minutes) count as kMax and are reported by clamped().
// A histogram has one writer. Record() is plain loads and stores on relaxed atomics, the machine code of non-atomic
// ones, so any thread may take Read() meanwhile; several writers have a histogram each, and Merge what they read.
// It takes 36 KB whatever is recorded: one per loop and method, not one per label set (see ExponentialHistogram).
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace flywheel::inline v0 {

namespace internal {

// The smallest rank in 1..count whose value is the q-quantile: at least the fraction q of all values is not above it.
std::uint64_t QuantileRank(double q, std::uint64_t count);

struct LogLinear {
  static constexpr int kSubBits = 7;
  static constexpr int kValueBits = 42;
  static constexpr std::uint64_t kMax = (std::uint64_t{1} << kValueBits) - 1;

  static constexpr std::size_t IndexOf(std::uint64_t value) noexcept {
    // Every value is taken for at least 2^kSubBits, which makes the exact range the first two half-octaves.
    const int shift = 63 - std::countl_zero(value | (std::uint64_t{1} << kSubBits)) - kSubBits;
    return (static_cast<std::size_t>(shift) << kSubBits) + static_cast<std::size_t>(value >> shift);
  }
  // The bucket's smallest and largest value.
  static constexpr std::uint64_t Lowest(std::size_t index) noexcept {
    const std::size_t octave = index >> kSubBits;
    if (octave == 0) return index;
    const std::size_t shift = octave - 1;
    return static_cast<std::uint64_t>(index - (shift << kSubBits)) << shift;
  }
  static constexpr std::uint64_t Highest(std::size_t index) noexcept { return Lowest(index + 1) - 1; }
};

}  // namespace internal

// What a Histogram has recorded at some time: a value to keep, merge, subtract and ask.
class HistogramData {
 public:
  // Values lowest..highest were recorded count times.
  struct Bucket {
    std::uint64_t lowest = 0;
    std::uint64_t highest = 0;
    std::uint64_t count = 0;
    [[nodiscard]] std::uint64_t Middle() const noexcept { return lowest + (highest - lowest) / 2; }
  };

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }
  // 0 if count() is 0, like mean and all quantiles.
  [[nodiscard]] std::uint64_t min() const noexcept { return count_ == 0 ? 0 : min_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
  [[nodiscard]] double mean() const noexcept;
  // How many values were above Histogram::kMax.
  [[nodiscard]] std::uint64_t clamped() const noexcept { return clamped_; }

  // The value that at least the fraction q (0..1) of all does not exceed, within 1/256 of it; 0 gives min, 1 max.
  [[nodiscard]] std::uint64_t Quantile(double q) const;

  // As if everything had been recorded here.
  void Merge(const HistogramData& other);

  // What was recorded between two reads of one histogram. Its min and max are those of its buckets, within 1/128. If
  // the histogram was reset in between, everything since the reset.
  [[nodiscard]] HistogramData Since(const HistogramData& earlier) const;

  // Calls visit(Bucket) for each that is not empty, in ascending order.
  template <typename F>
  void ForEach(F&& visit) const {
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] != 0) visit(BucketAt(i));
    }
  }

  [[nodiscard]] std::size_t MemoryBytes() const noexcept {
    return sizeof(*this) + counts_.capacity() * sizeof(std::uint64_t);
  }
  bool operator==(const HistogramData&) const = default;

 private:
  friend class Histogram;

  [[nodiscard]] Bucket BucketAt(std::size_t i) const noexcept {
    return {internal::LogLinear::Lowest(first_ + i), internal::LogLinear::Highest(first_ + i), counts_[i]};
  }
  // Makes min and max agree with the buckets, if a read met the writer between the two.
  void FitToBuckets();

  std::size_t first_ = 0;  // the bucket that counts_[0] is; neither end of counts_ is zero
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;  // of counts_
  std::uint64_t sum_ = 0;
  std::uint64_t min_ = UINT64_MAX;
  std::uint64_t max_ = 0;
  std::uint64_t clamped_ = 0;
};

class Histogram {
 public:
  static constexpr std::uint64_t kMax = internal::LogLinear::kMax;

  Histogram() = default;
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;

  // Writer only.
  void Record(std::uint64_t value) noexcept { Record(value, 1); }
  void Record(std::uint64_t value, std::uint64_t times) noexcept {
    if (times == 0) return;
    if (value > kMax) [[unlikely]] {
      value = kMax;
      Add(clamped_, times);
    }
    Add(counts_[internal::LogLinear::IndexOf(value)], times);
    Add(sum_, value * times);
    if (value < min_.load(std::memory_order_relaxed)) min_.store(value, std::memory_order_relaxed);
    if (value > max_.load(std::memory_order_relaxed)) max_.store(value, std::memory_order_relaxed);
  }
  // Writer only. Prefer Read().Since(earlier) where there is a reader: a Read() meanwhile may see half of it.
  void Reset() noexcept;

  // Any thread. What the writer records meanwhile may be in the result in part: in sum() and not in count(), or the
  // other way round.
  [[nodiscard]] HistogramData Read() const;

 private:
  using Cell = std::atomic<std::uint64_t>;

  static void Add(Cell& cell, std::uint64_t amount) noexcept {
    cell.store(cell.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }

  Cell sum_{0};
  Cell min_{UINT64_MAX};
  Cell max_{0};
  Cell clamped_{0};
  std::array<Cell, internal::LogLinear::IndexOf(kMax) + 1> counts_{};
};

}  // namespace flywheel::inline v0
