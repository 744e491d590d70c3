// SimClock: a host's view of the world's time.
//
// `ahead` is how far the host has got within its present turn, beyond the time of the world; after the turn the host
// rests until the world has caught up. So a long turn is seen by the loop that makes it, as on a real machine.
#pragma once

#include "flywheel/runtime/clock.h"
#include "flywheel/runtime/sim/world.h"

namespace flywheel::inline v0::sim {

class SimClock final : public Clock {
 public:
  SimClock(const SimWorld& world, Duration offset) noexcept : wall_offset(offset), world_(world) {}

  [[nodiscard]] Instant Now() const noexcept override { return world_.now() + ahead; }
  // The calendar of every world begins on 2024-01-01.
  [[nodiscard]] WallTime Wall() const noexcept override {
    return WallTime(std::chrono::sys_days(std::chrono::January / 1 / 2024)) + Now().time_since_epoch() + wall_offset;
  }

  [[nodiscard]] Duration ThreadCpu() const noexcept override { return Now().time_since_epoch(); }
  [[nodiscard]] bool real() const noexcept override { return false; }

  Duration ahead{};
  Duration wall_offset;

 private:
  const SimWorld& world_;
};

}  // namespace flywheel::inline v0::sim
