// Arming and cancelling a timer among a million armed ones, as a server does for each call's deadline.
#include <cstdint>
#include <memory>
#include <vector>

#include "bench/harness.h"
#include "flywheel/runtime/random.h"
#include "flywheel/runtime/timer_wheel.h"

namespace flywheel::bench {
namespace {

constexpr std::size_t kArmed = 1'000'000;
constexpr std::uint64_t kSpreadNanoseconds = 60'000'000'000;  // deadlines within a minute

FW_BENCHMARK(ArmAndCancel, "runtime.timer") {
  Random random(1);
  TimerWheel wheel{Instant(std::chrono::hours(1))};
  const auto deadline = [&] {
    return Instant(std::chrono::hours(1)) + Duration(static_cast<Duration::rep>(random.Below(kSpreadNanoseconds)));
  };
  std::vector<std::unique_ptr<Timer>> armed;
  for (std::size_t i = 0; i < kArmed; ++i) {
    armed.push_back(std::make_unique<Timer>([](Timer&) {}));
    wheel.Arm(*armed.back(), deadline());
  }
  Timer timer([](Timer&) {});
  const auto run = [&](std::uint64_t n) {
    std::uint64_t cancelled = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      wheel.Arm(timer, deadline());
      ClobberMemory();
      cancelled += timer.Disarm() ? 1 : 0;
    }
    return wheel.armed() == kArmed ? cancelled : 0;
  };
  bench.Compare({.scenario = "1M_armed", .ours = {.run = run}, .check = [](std::uint64_t n, std::uint64_t cancelled) {
                   return cancelled == n;
                 }});
}

}  // namespace
}  // namespace flywheel::bench
