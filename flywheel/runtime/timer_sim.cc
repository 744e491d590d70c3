// Timers under calendars that jump, turns that take long, and processes that are paused.
#include <algorithm>
#include <string>
#include <utility>

#include "flywheel/runtime/sim/scenario.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/task_group.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0::sim {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// Turns of a host that is neither stalled nor burning; what a timer may be late for lack of a turn.
constexpr Duration kSlack = milliseconds(2);

struct Watchers {
  SimWorld& world;
  SimHost& host;
  Random random;
  Duration busy{};  // all stalls and burns so far
  Status broken;

  void Fail(std::string text) {
    if (broken.ok()) broken = Internal(std::move(text));
  }
  [[nodiscard]] Duration Stalled() const { return Loop::current()->stats().stalled; }
};

// From a microsecond to a day, each order of magnitude as likely as the others: all levels of the wheel.
Duration RandomLength(Random& random) {
  Duration length = microseconds(1 + random.Below(9));
  for (std::uint64_t tens = random.Below(9); tens > 0; --tens) length *= 10;
  return length + Duration(static_cast<Duration::rep>(random.Below(1000)));
}

Task<void> SleepAndCheck(Watchers& watchers, Duration length) {
  const Instant start = Loop::current()->now();
  const Duration stalled_before = watchers.Stalled();
  const Duration busy_before = watchers.busy;
  if (!(co_await Sleep(length)).ok()) co_return;
  const Duration took = Loop::current()->now() - start;
  const Duration stalled = watchers.Stalled() - stalled_before;
  if (took < length) watchers.Fail("a sleep of " + MillisecondsText(length) + " ended after " + MillisecondsText(took));
  // A long turn that began before the sleep counts only in part, so this side of the bound has one turn of slack.
  const Duration busy = watchers.busy - busy_before;
  if (took > length + stalled + busy + kSlack) {
    watchers.Fail("a sleep of " + MillisecondsText(length) + " took " + MillisecondsText(took) + " although only " +
                  MillisecondsText(busy) + " were lost");
  }
}

// Sleeps that are armed in one turn end in the order of their deadlines.
Task<void> CheckOrder(Watchers& watchers) {
  struct Sleeper {
    static Task<void> Run(Watchers& watchers, Duration length, Duration& longest) {
      if (!(co_await Sleep(length)).ok()) co_return;
      if (length < longest) watchers.Fail("sleeps of one turn ended out of order");
      longest = std::max(longest, length);
    }
  };
  for (int round = 0; round < 10; ++round) {
    Duration longest{};
    TaskGroup group;
    for (int i = 0; i < 8; ++i) {
      group.Spawn(Sleeper::Run(watchers, microseconds(watchers.random.Below(400)), longest));
    }
    // A turn long enough for all to be due at once, too short to extend them.
    if (!(co_await Yield()).ok()) co_return;
    watchers.host.Burn(milliseconds(1));
    watchers.busy += milliseconds(1);
    (co_await group.Join()).IgnoreError();
  }
}

// A deadline that is due while the loop does not turn is extended by that.
Task<void> CheckExtension(Watchers& watchers) {
  const Duration deadline = milliseconds(100);
  const Duration burn = milliseconds(300);
  TaskGroup group;
  const Instant start = Loop::current()->now();
  Instant fired;
  auto sleeper = [](Duration length, Instant& at) -> Task<void> {
    (co_await Sleep(length)).IgnoreError();
    at = Loop::current()->now();
  };
  group.Spawn(sleeper(deadline, fired));
  if (!(co_await Yield()).ok()) co_return;
  watchers.host.Burn(burn);
  watchers.busy += burn;
  (co_await group.Join()).IgnoreError();
  if (fired - start < burn + deadline) {
    watchers.Fail("a deadline passed " + MillisecondsText(fired - start) + " after it was set, during a turn of " +
                  MillisecondsText(burn));
  }
}

Task<void> Disturb(Watchers& watchers) {
  for (;;) {
    if (!(co_await Sleep(RandomLength(watchers.random))).ok()) co_return;
    switch (watchers.random.Below(3)) {
      case 0:
        watchers.host.JumpWall(hours(watchers.random.Below(48)) - hours(24));
        break;
      case 1: {
        const Duration burn = milliseconds(watchers.random.Below(200));
        watchers.busy += burn;
        watchers.host.Burn(burn);
        break;
      }
      default: {
        const Duration stall = milliseconds(watchers.random.Below(2000));
        watchers.busy += stall;
        watchers.host.Stall(stall);
        break;
      }
    }
  }
}

Task<Status> Watch(Watchers& watchers) {
  TaskGroup disturbance;
  co_await CheckExtension(watchers);
  co_await CheckOrder(watchers);
  disturbance.Spawn(Disturb(watchers));
  TaskGroup sleepers;
  for (int i = 0; i < 60; ++i) sleepers.Spawn(SleepAndCheck(watchers, RandomLength(watchers.random)));
  (co_await sleepers.Join()).IgnoreError();
  disturbance.Cancel(Cancelled("all sleeps have ended"));
  (co_await disturbance.Join()).IgnoreError();
  co_return watchers.broken;
}

FW_SCENARIO(Timers, "runtime.timers", "no timer fires early, late, out of order, or because the loop was not listening",
            "timer_wheel.loses_descending", "timer_wheel.fires_early", "timer_wheel.fires_latest_first",
            "loop.timers_ignore_stall", "loop.follows_calendar") {
  SimHost& host = world.AddHost();
  Watchers watchers{.world = world, .host = host, .random = world.random().Fork()};
  return world.Run(host, Watch(watchers));
}

}  // namespace
}  // namespace flywheel::inline v0::sim
