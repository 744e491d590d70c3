// Clock: the only source of time.
//
// A Host has one, which in a simulation is virtual; whatever asks the kernel by itself cannot be simulated, and the
// tidy test refuses it. Loops read it once a turn (Loop::now()), which is exact enough for most.
#pragma once

#include <memory>

#include "flywheel/base/time.h"

namespace flywheel::inline v0 {

class Clock {
 public:
  virtual ~Clock() = default;
  // Never goes back; stops while the machine is suspended (CLOCK_MONOTONIC). Any thread.
  [[nodiscard]] virtual Instant Now() const noexcept = 0;
  // The calendar; may jump. Any thread.
  [[nodiscard]] virtual WallTime Wall() const noexcept = 0;
  // What the calling thread has used of the CPU. In a simulation, where code takes no time, as Now().
  [[nodiscard]] virtual Duration ThreadCpu() const noexcept = 0;
  // Whether time passes by itself, as the CPU's counters do.
  [[nodiscard]] virtual bool real() const noexcept = 0;
};

// The clocks of the kernel.
std::unique_ptr<Clock> MakeSystemClock();

}  // namespace flywheel::inline v0
