// The small parts of a Host: clock, reports, signals.
#include "flywheel/runtime/host.h"

#include <gtest/gtest.h>
#include <time.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "flywheel/runtime/epoll_reactor.h"
#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;
using namespace std::chrono_literals;

TEST(ClockTest, MonotonicNeverGoesBackAndWallIsTheCalendar) {
  const auto clock = MakeSystemClock();
  Instant last = clock->Now();
  EXPECT_GT(last, Instant());
  for (int i = 0; i < 1000; ++i) {
    const Instant now = clock->Now();
    EXPECT_GE(now, last);
    last = now;
  }
  // A container's clock is off by seconds, not by years.
  const auto year = std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(clock->Wall())).year();
  EXPECT_GE(year, std::chrono::year(2024));
  EXPECT_LT(year, std::chrono::year(2100));
}

TEST(ReportTest, TextsAreMadeForPeople) {
  EXPECT_EQ(MillisecondsText(123456us), "123.5 ms");
  EXPECT_EQ(MillisecondsText(0s), "0.0 ms");
  EXPECT_EQ(MillisecondsText(Duration::max()), "9223372036854.8 ms");
  EXPECT_EQ(LocationText(std::source_location()), "(no task)");
  const std::string here = LocationText(std::source_location::current());
  EXPECT_TRUE(here.starts_with("flywheel/runtime/host_test.cc:")) << here;
  EXPECT_TRUE(here.contains("(virtual void ")) << here;
}

TEST(ReportTest, DefaultSinkWritesOneLineToStderr) {
  const auto sink = MakeStderrReportSink();
  testing::internal::CaptureStderr();
  sink->Report(ReportKind::kLongTurn, "one");
  sink->Report(ReportKind::kStalledReader, "two");
  sink->Report(ReportKind::kException, "three");
  sink->Report(ReportKind::kSignal, "four");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "flywheel: long turn: one\nflywheel: stalled reader: two\n"
            "flywheel: exception: three\nflywheel: signal: four\n");
}

TEST(SignalsTest, FirstTerminateDrainsSecondCrashesASimulatedHost) {
  OneHost sim(1, 2);
  sim.host.Signal(HostSignal::kTerminate);
  sim.world.RunFor(1ms);
  EXPECT_TRUE(sim.host.running());
  EXPECT_TRUE(sim.host.loop(0).draining().is_set());
  EXPECT_TRUE(sim.host.loop(1).draining().is_set());
  ASSERT_EQ(sim.host.reports().size(), 1u);
  EXPECT_EQ(sim.host.reports()[0].text, "terminate: draining; a second one ends the process at once");
  sim.host.Signal(HostSignal::kTerminate);
  EXPECT_FALSE(sim.host.running());
}

TEST(SignalsTest, ReloadCallsEachOnItsLoopUntilThatEnds) {
  Host host(Host::SystemParts("test"));
  int first = 0;
  int second = 0;
  Loop stays(host, *MakeEpollReactor(), "stays");
  testing::internal::CaptureStderr();
  {
    Loop goes(host, *MakeEpollReactor(), "goes");
    host.signals().OnReload(stays, [&] {
      EXPECT_EQ(Loop::current(), &stays);
      ++first;
    });
    host.signals().OnReload(goes, [&] { ++second; });
    host.signals().Deliver(HostSignal::kReload, "SIGHUP");
    stays.Turn(0s);
    goes.Turn(0s);
  }
  host.signals().Deliver(HostSignal::kReload, "SIGHUP");
  stays.Turn(0s);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "flywheel: signal: SIGHUP: reloading\nflywheel: signal: SIGHUP: reloading\n");
  EXPECT_EQ(first, 2);
  EXPECT_EQ(second, 1);
  EXPECT_FALSE(stays.draining().is_set());
}

TEST(SignalsTest, LoopMadeDuringTheDrainDrainsToo) {
  Host::Parts parts = Host::SystemParts("test");
  int exit_code = 0;
  parts.exit = [&exit_code](int code) { exit_code = code; };
  Host host(std::move(parts));
  testing::internal::CaptureStderr();
  host.signals().Deliver(HostSignal::kTerminate, "SIGINT");
  Loop late(host, *MakeEpollReactor(), "late");
  late.Turn(0s);
  EXPECT_TRUE(late.draining().is_set());
  EXPECT_EQ(exit_code, 0);
  host.signals().Deliver(HostSignal::kTerminate, "SIGTERM");
  EXPECT_EQ(exit_code, 143);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "flywheel: signal: SIGINT: draining; a second one ends the process at once\n"
            "flywheel: signal: SIGTERM again: ending at once; work in flight is lost\n");
}

}  // namespace
}  // namespace flywheel::inline v0
