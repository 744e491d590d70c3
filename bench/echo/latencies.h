// Round-trip times in a log-linear table: 64 steps per octave, so a percentile is at most 1.6 % too high.
//
// The load has its own, and not the histogram of the base room, because the tool that measures shares no code with what
// it measures. Times from 1 ns to 2^40 ns (18 minutes); longer ones count as the longest.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "flywheel/base/time.h"

namespace flywheel::bench::echo {

class Latencies {
 public:
  void Record(Duration round_trip) {
    const auto ns = static_cast<std::uint64_t>(std::clamp<Duration::rep>(round_trip.count(), 0, kMaxNs));
    ++counts_[Index(ns)];
    ++total_;
    max_ns_ = std::max(max_ns_, ns);
  }

  [[nodiscard]] std::uint64_t count() const { return total_; }
  [[nodiscard]] double max_us() const { return static_cast<double>(max_ns_) / 1000; }

  // The smallest step that `share` (0..1) of the round trips do not exceed; 0 if there are none.
  [[nodiscard]] double PercentileUs(double share) const {
    if (total_ == 0) return 0;
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_) + 0.999999);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted && seen > 0) return static_cast<double>(std::min(UpperEndNs(i), max_ns_)) / 1000;
    }
    return max_us();
  }

 private:
  static constexpr int kSubBits = 6;
  static constexpr std::uint64_t kSubSteps = 1U << kSubBits;
  static constexpr int kMaxBits = 40;
  static constexpr Duration::rep kMaxNs = (Duration::rep{1} << kMaxBits) - 1;

  // Below kSubSteps a step is one nanosecond; above, the top kSubBits + 1 bits of the value choose it.
  static std::size_t Index(std::uint64_t ns) {
    if (ns < kSubSteps) return ns;
    const int shift = static_cast<int>(std::bit_width(ns)) - kSubBits - 1;
    return (static_cast<std::size_t>(shift) << kSubBits) + (ns >> shift);
  }
  static std::uint64_t UpperEndNs(std::size_t index) {
    if (index < 2 * kSubSteps) return index;
    const std::size_t shift = (index >> kSubBits) - 1;
    return (((index & (kSubSteps - 1)) + kSubSteps + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (kMaxBits - kSubBits + 1) * kSubSteps> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ns_ = 0;
};

}  // namespace flywheel::bench::echo
