// Cost: what a unit of work has used so far; CostMeter: what a loop charges it with.
//
// A Context may carry a Cost; while a loop runs work under such a context, the time goes there. Work without one costs
// the loop a branch. Time is read from the CPU's time-stamp counter, two reads per switch, because asking the kernel's
// clock would cost more than many a unit of work (in a simulation, and where the counter does not run evenly, the
// Host's clock is asked). A loop that the kernel preempts goes on charging: on a machine that is not overcommitted the
// difference to CPU time is small, and what blocks belongs into Offload, whose threads are charged by the CPU clock.
// Home thread of the loop.
#pragma once

#include <cstdint>
#include <utility>

#include "flywheel/base/time.h"
#include "flywheel/runtime/clock.h"

namespace flywheel::inline v0 {

// Written on the home loop of the context only; contexts of other loops do not inherit it.
struct Cost {
  Duration cpu{};         // running, on the loop and in Offload
  Duration queue_wait{};  // ready to run, and waiting for the loop to get to it
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

class CostMeter {
 public:
  // Takes some 20 µs with the kernel's clock, to learn how fast the counter runs.
  explicit CostMeter(const Clock& clock) noexcept;

  // From now on time goes to `cost`; null: to nobody.
  void Switch(Cost* cost) noexcept {
    if (cost == charged_) [[likely]]
      return;
    SwitchSlow(cost);
  }
  [[nodiscard]] Cost* charged() const noexcept { return charged_; }

  // For intervals; means something on this meter only.
  [[nodiscard]] std::uint64_t Ticks() const noexcept;
  [[nodiscard]] Duration Since(std::uint64_t ticks) const noexcept { return ToDuration(Ticks() - ticks); }

  // From time to time, with the present time: the longer the interval, the better the counter's speed is known.
  void Calibrate(Instant now) noexcept {
    if (now >= calibrate_at_) [[unlikely]]
      Recalibrate(now);
  }

 private:
  void SwitchSlow(Cost* cost) noexcept;
  void Recalibrate(Instant now) noexcept;
  [[nodiscard]] Duration ToDuration(std::uint64_t ticks) const noexcept {
    return Duration(static_cast<Duration::rep>(static_cast<double>(ticks) * nanoseconds_per_tick_));
  }

  const Clock& clock_;
  const bool counter_;  // the time-stamp counter is used
  Cost* charged_ = nullptr;
  std::uint64_t since_ = 0;  // when charged_ began to be charged
  double nanoseconds_per_tick_ = 1;
  Instant base_time_;
  std::uint64_t base_ticks_ = 0;
  Instant calibrate_at_ = kNever;
};

}  // namespace flywheel::inline v0
