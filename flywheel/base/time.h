// Time as every room writes it.
//
// Instant is a point on the monotonic clock of a Host, WallTime one on its calendar clock. Neither type can tell the
// time: there is no now() here, because time comes from the Clock of the Host, which in a simulation is virtual.
#pragma once

#include <chrono>

namespace flywheel::inline v0 {

using Duration = std::chrono::nanoseconds;

// Tag of the monotonic time line; meets what std::chrono::time_point asks of a clock, except now().
struct MonotonicLine {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonotonicLine, Duration>;
  static constexpr bool is_steady = true;
};

using Instant = MonotonicLine::time_point;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

// "No deadline": later than every instant that can be reached.
inline constexpr Instant kNever = Instant::max();

// `start + length` without overflow: kNever where the sum cannot be represented.
constexpr Instant SaturatingAdd(Instant start, Duration length) noexcept {
  if (length >= Duration::zero() && start > kNever - length) return kNever;
  return start + length;
}

}  // namespace flywheel::inline v0
