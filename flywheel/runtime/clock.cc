#include "flywheel/runtime/clock.h"

#include <time.h>

namespace flywheel::inline v0 {
namespace {

Duration Read(clockid_t clock) noexcept {
  timespec time;
  ::clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant Now() const noexcept override { return Instant(Read(CLOCK_MONOTONIC)); }
  [[nodiscard]] WallTime Wall() const noexcept override { return WallTime(Read(CLOCK_REALTIME)); }
  [[nodiscard]] Duration ThreadCpu() const noexcept override { return Read(CLOCK_THREAD_CPUTIME_ID); }
  [[nodiscard]] bool real() const noexcept override { return true; }
};

}  // namespace

std::unique_ptr<Clock> MakeSystemClock() { return std::make_unique<SystemClock>(); }

}  // namespace flywheel::inline v0
