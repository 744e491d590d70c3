#include "flywheel/runtime/cost.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "flywheel/runtime/event.h"
#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/internal/test_sockets.h"
#include "flywheel/runtime/internal/thread_loop.h"
#include "flywheel/runtime/offload.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/task_group.h"
#include "flywheel/runtime/timeout.h"

// Each closure is a local of the test that runs its task to the end.
// NOLINTBEGIN(cppcoreguidelines-avoid-capturing-lambda-coroutines)

namespace flywheel::inline v0 {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// In a simulation code takes no time by itself, so what is charged is exactly what is burnt.
class CostTest : public testing::Test {
 protected:
  void Burn(Duration length) { one_.host.Burn(length); }
  static Task<Status> Nap() { co_return co_await Sleep(milliseconds(1)); }

  Task<void> Work(Cost& cost, int parts, Duration part) {
    const ContextScope scope(Context::current().Child({.cost = &cost}), ContextScope::EndsWork{});
    for (int i = 0; i < parts; ++i) {
      Burn(part);
      (co_await Sleep(milliseconds(10))).IgnoreError();
    }
    Burn(part);
  }

  internal::OneHost one_;
};

TEST_F(CostTest, TimeOnTheLoopGoesToTheWorkThatUsesIt) {
  Cost first;
  Cost second;
  const auto both = [&]() -> Task<void> {
    TaskGroup group;
    group.Spawn(Work(first, 3, microseconds(100)));
    group.Spawn(Work(second, 5, microseconds(7)));
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    Burn(milliseconds(1));  // nobody's
  };
  one_.Run(both());
  EXPECT_EQ(first.cpu, 4 * microseconds(100));
  EXPECT_EQ(second.cpu, 6 * microseconds(7));
}

TEST_F(CostTest, AnInnerUnitOfWorkTakesOverAndGivesBack) {
  Cost outer;
  Cost inner;
  const auto test = [&]() -> Task<void> {
    const ContextScope scope(Context::current().Child({.cost = &outer}), ContextScope::EndsWork{});
    Burn(microseconds(1));
    co_await Work(inner, 1, microseconds(50));
    Burn(microseconds(2));
    (co_await Timeout(milliseconds(5), Nap())).IgnoreError();  // an inherited cost
    Burn(microseconds(4));
  };
  one_.Run(test());
  EXPECT_EQ(inner.cpu, 2 * microseconds(50));
  EXPECT_EQ(outer.cpu, microseconds(7));
}

TEST_F(CostTest, WaitingForTheLoopIsQueueWaitAndSleepingIsNot) {
  Cost cost;
  const auto test = [&]() -> Task<void> {
    TaskGroup group;
    Event event;
    const auto wait = [](Event& waited, Cost& charged) -> Task<void> {
      const ContextScope scope(Context::current().Child({.cost = &charged}), ContextScope::EndsWork{});
      (co_await waited.Wait()).IgnoreError();
    };
    group.Spawn(wait(event, cost));
    (co_await Sleep(milliseconds(30))).IgnoreError();
    EXPECT_EQ(cost.queue_wait, Duration::zero());
    event.Set();
    Burn(microseconds(300));  // it is ready and waits for us
    EXPECT_EQ(co_await group.Join(), Status::Ok());
  };
  one_.Run(test());
  EXPECT_EQ(cost.queue_wait, microseconds(300));
  EXPECT_EQ(cost.cpu, Duration::zero());
}

TEST_F(CostTest, ASpawnedChildWaitsInTheQueueToo) {
  Cost cost;
  const auto test = [&]() -> Task<void> {
    const ContextScope scope(Context::current().Child({.cost = &cost}), ContextScope::EndsWork{});
    TaskGroup group;
    const auto nothing = []() -> Task<void> { co_return; };
    group.Spawn(nothing());
    Burn(microseconds(40));
    EXPECT_EQ(co_await group.Join(), Status::Ok());
  };
  one_.Run(test());
  EXPECT_EQ(cost.queue_wait, microseconds(40));
  EXPECT_EQ(cost.cpu, microseconds(40));
}

TEST_F(CostTest, BytesOfSocketsAreCounted) {
  Cost cost;
  const auto test = [&]() -> Task<void> {
    auto pair = co_await internal::ConnectPair(Context::current().host()->network());
    const ContextScope scope(Context::current().Child({.cost = &cost}), ContextScope::EndsWork{});
    (co_await pair.client->WriteAll(internal::AsBytes("0123456789"))).IgnoreError();
    std::array<std::byte, 4> buffer;
    EXPECT_EQ((co_await pair.server->Read(buffer)).value(), 4u);
  };
  one_.Run(test());
  EXPECT_EQ(cost.bytes_out, 10u);
  EXPECT_EQ(cost.bytes_in, 4u);
}

TEST_F(CostTest, AContextOfAnotherLoopDoesNotInheritIt) {
  Cost cost;
  internal::OneHost two(1, 2);
  const auto test = [&]() -> Task<void> {
    const ContextScope scope(Context::current().Child({.cost = &cost}), ContextScope::EndsWork{});
    EXPECT_EQ(Context::current().Child()->cost(), &cost);
    Event done;
    Loop& home = *Loop::current();
    two.host.loop(1).Post([&, parent = ContextRef(Context::current())] {
      EXPECT_EQ(parent->Child()->cost(), nullptr);
      home.Post([&] { done.Set(); });
    });
    (co_await done.Wait()).IgnoreError();
  };
  two.Run(test());
}

// On the real clock: what is charged is what passed, to a few percent, whatever the counter's speed.
TEST(CostMeterTest, ChargesWhatTheKernelsClockShows) {
  internal::ThreadLoop thread;
  const Clock& clock = thread.host().clock();
  const auto test = [&]() -> Task<void> {
    Cost cost;
    Duration burnt{};
    {
      const ContextScope scope(Context::current().Child({.cost = &cost}), ContextScope::EndsWork{});
      for (int part = 0; part < 4; ++part) {
        const Instant began = clock.Now();
        while (clock.Now() - began < milliseconds(5)) {
        }
        burnt += clock.Now() - began;
        (co_await Yield()).IgnoreError();
      }
    }
    EXPECT_GE(cost.cpu, burnt - burnt / 20);
    EXPECT_LE(cost.cpu, burnt + burnt / 20 + milliseconds(1));
  };
  thread.Run(test());
}

TEST(CostMeterTest, OffloadedWorkIsChargedByItsThreadsCpu) {
  internal::ThreadLoop thread;
  const Clock& clock = thread.host().clock();
  const auto test = [&]() -> Task<void> {
    Cost cost;
    const ContextScope scope(Context::current().Child({.cost = &cost}), ContextScope::EndsWork{});
    const auto burn = [&] {
      const Duration began = clock.ThreadCpu();
      while (clock.ThreadCpu() - began < milliseconds(5)) {
      }
    };
    EXPECT_EQ(co_await Offload(burn), Status::Ok());
    EXPECT_GE(cost.cpu, milliseconds(5));
  };
  thread.Run(test());
}

}  // namespace
}  // namespace flywheel::inline v0

// NOLINTEND(cppcoreguidelines-avoid-capturing-lambda-coroutines)
