#include "flywheel/runtime/drain.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;
using namespace std::chrono_literals;

Task<Status> Nap(Duration length) { co_return co_await Sleep(length); }

TEST(DrainTest, TaskThatEndsFirstIsTheResult) {
  OneHost sim;
  EXPECT_EQ(sim.Run(UntilDraining(Nap(5ms))), Status::Ok());
  const auto text = []() -> Task<std::string> { co_return "text"; };
  EXPECT_EQ(sim.Run(UntilDraining(text())), "text");
  const auto nothing = []() -> Task<void> { co_return; };
  sim.Run(UntilDraining(nothing()));
  const auto throws = []() -> Task<void> {
    throw std::runtime_error("broken");
    co_return;
  };
  EXPECT_THROW(sim.Run(UntilDraining(throws())), std::runtime_error);
  while (sim.world.Step()) continue;
}

TEST(DrainTest, BeginOfTheDrainCancelsIt) {
  OneHost sim;
  sim.world.After(5ms, [&] { sim.host.Signal(HostSignal::kTerminate); });
  const Instant before = sim.world.now();
  EXPECT_EQ(sim.Run(UntilDraining(Nap(1h))), Unavailable("draining"));
  EXPECT_GE(sim.world.now() - before, 5ms);
  EXPECT_LT(sim.world.now() - before, 6ms);
  // Whoever comes later is told at once.
  EXPECT_EQ(sim.Run(UntilDraining(Nap(1h))), Unavailable("draining"));
  EXPECT_LT(sim.world.now() - before, 7ms);
}

TEST(DrainTest, WorkInFlightGoesOn) {
  OneHost sim;
  sim.world.After(5ms, [&] { sim.host.Signal(HostSignal::kTerminate); });
  const auto test = []() -> Task<void> {
    EXPECT_FALSE(Context::current().draining()->is_set());
    EXPECT_EQ(co_await Sleep(10ms), Status::Ok());
    EXPECT_TRUE(Context::current().draining()->is_set());
    EXPECT_FALSE(Context::current().cancelled());
  };
  sim.Run(test());
}

TEST(DrainTest, EventOfTheContextIsWhatCounts) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Event server;
    {
      const ContextScope scope(Context::current().Child({.draining = &server}));
      TaskGroup group;
      const auto stop = [](Event& event) -> Task<void> {
        EXPECT_EQ(co_await Sleep(3ms), Status::Ok());
        event.Set();
      };
      group.Spawn(stop(server));
      EXPECT_EQ(co_await UntilDraining(Nap(1h)), Unavailable("draining"));
      EXPECT_EQ(co_await group.Join(), Status::Ok());
    }
    EXPECT_FALSE(Context::current().draining()->is_set());
  };
  sim.Run(test());
}

TEST(DrainTest, CancellationIsNoDrain) {
  OneHost sim;
  EXPECT_EQ(sim.Run(Timeout(1ms, UntilDraining(Nap(1h)))), DeadlineExceeded("deadline of 1.0 ms exceeded"));
}

TEST(DrainTest, EveryLoopOfTheHostTakesPart) {
  OneHost sim(1, 3);
  sim.host.Signal(HostSignal::kTerminate);
  sim.world.RunFor(1ms);
  for (std::size_t index = 0; index < 3; ++index) EXPECT_TRUE(sim.host.loop(index).draining().is_set());
}

}  // namespace
}  // namespace flywheel::inline v0
