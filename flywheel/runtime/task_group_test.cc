#include "flywheel/runtime/task_group.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "flywheel/runtime/event.h"
#include "flywheel/runtime/internal/system_allocations.h"
#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;
using namespace std::chrono_literals;

Task<Status> EndAfter(Duration length, Status status, int& ended) {
  const Status slept = co_await Sleep(length);
  ++ended;
  co_return slept.ok() ? status : slept;
}

TEST(TaskGroupTest, JoinWaitsForEveryChild) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    int ended = 0;
    TaskGroup group;
    EXPECT_EQ(co_await group.Join(), Status::Ok());  // nobody to wait for
    for (int i = 1; i <= 10; ++i) group.Spawn(EndAfter(i * 1ms, Status::Ok(), ended));
    EXPECT_EQ(group.size(), 10u);
    EXPECT_EQ(ended, 0);
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(ended, 10);
    EXPECT_EQ(group.size(), 0u);
  };
  sim.Run(test());
}

TEST(TaskGroupTest, ChildrenStartInOrderAndNotInsideSpawn) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    std::vector<int> order;
    const auto child = [](std::vector<int>& list, int number) -> Task<void> {
      list.push_back(number);
      co_return;
    };
    TaskGroup group;
    for (int i = 0; i < 5; ++i) group.Spawn(child(order, i));
    EXPECT_TRUE(order.empty());
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
  };
  sim.Run(test());
}

TEST(TaskGroupTest, FirstFailureCancelsSiblingsAndIsTheResult) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    int ended = 0;
    TaskGroup group;
    group.Spawn(EndAfter(1h, Status::Ok(), ended));
    group.Spawn(EndAfter(2ms, NotFound("first"), ended));
    group.Spawn(EndAfter(3ms, Aborted("second"), ended));
    EXPECT_EQ(co_await group.Join(), NotFound("first"));
    EXPECT_EQ(ended, 3);
    EXPECT_EQ(group.context().status(), Cancelled("a sibling failed: NOT_FOUND: first"));
    EXPECT_FALSE(Context::current().cancelled());
  };
  const Instant before = sim.world.now();
  sim.Run(test());
  EXPECT_LT(sim.world.now() - before, 3ms);
}

TEST(TaskGroupTest, ExceptionBecomesInternalWithItsSpawnSite) {
  OneHost sim;
  const auto test = [](unsigned& line) -> Task<void> {
    const auto throws = [](bool standard) -> Task<void> {
      (co_await Yield()).IgnoreError();
      if (standard) throw std::runtime_error("broken");
      throw 5;
    };
    {
      TaskGroup group;
      group.Spawn(throws(true));
      line = std::source_location::current().line() - 1;
      const Status status = co_await group.Join();
      EXPECT_EQ(status.code(), StatusCode::kInternal);
      EXPECT_TRUE(status.message().contains("task_group_test.cc:" + std::to_string(line))) << status.ToString();
      EXPECT_TRUE(status.message().ends_with("threw: broken")) << status.ToString();
    }
    TaskGroup group;
    group.Spawn(throws(false));
    EXPECT_TRUE((co_await group.Join()).message().ends_with("threw something that is no std::exception"));
  };
  unsigned line = 0;
  sim.Run(test(line));
  ASSERT_EQ(sim.host.reports().size(), 2u);
  EXPECT_EQ(sim.host.reports()[0].kind, ReportKind::kException);
  EXPECT_TRUE(sim.host.reports()[0].text.contains("task_group_test.cc:" + std::to_string(line)));
}

TEST(TaskGroupTest, JoinIsNotCutByCancellation) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    const ContextScope scope(Context::current().Child({.deadline = Loop::current()->now() + 1ms}));
    bool ended = false;
    const auto stubborn = [](bool& flag) -> Task<void> {
      EXPECT_EQ((co_await Sleep(1h)).code(), StatusCode::kDeadlineExceeded);
      const auto clean_up = []() -> Task<void> { EXPECT_EQ(co_await Sleep(10ms), Status::Ok()); };
      co_await Shielded(1s, clean_up());
      flag = true;
    };
    TaskGroup group;
    group.Spawn(stubborn(ended));
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_TRUE(ended);
    EXPECT_TRUE(Context::current().cancelled());
  };
  const Instant before = sim.world.now();
  sim.Run(test());
  EXPECT_GE(sim.world.now() - before, 11ms);
}

TEST(TaskGroupTest, CancelReachesChildrenThatHaveNotStarted) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    int ended = 0;
    TaskGroup group;
    group.Spawn(EndAfter(1h, Status::Ok(), ended));
    group.Cancel(Aborted("never mind"));
    group.Spawn(EndAfter(1h, Status::Ok(), ended));
    EXPECT_EQ(co_await group.Join(), Aborted("never mind"));
    EXPECT_EQ(ended, 2);
  };
  sim.Run(test());
}

TEST(TaskGroupTest, ChildMaySpawnIntoItsOwnGroup) {
  OneHost sim;
  const auto test = []() -> Task<int> {
    struct Grow {
      static Task<void> Child(TaskGroup& group, int& count, int depth) {
        ++count;
        if (depth == 0) co_return;
        (co_await Yield()).IgnoreError();
        group.Spawn(Child(group, count, depth - 1));
        group.Spawn(Child(group, count, depth - 1));
      }
    };
    int count = 0;
    TaskGroup group;
    group.Spawn(Grow::Child(group, count, 6));
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    co_return count;
  };
  EXPECT_EQ(sim.Run(test()), 127);
}

TEST(TaskGroupTest, LocalsOfAChildAreGoneWhenItHasEnded) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    const auto alive = std::make_shared<int>(1);
    const auto hold = [](std::shared_ptr<int> argument) -> Task<void> {
      const std::shared_ptr<int> local = std::move(argument);
      (co_await Yield()).IgnoreError();
      EXPECT_EQ(*local, 1);
    };
    TaskGroup group;
    group.Spawn(hold(alive));
    EXPECT_EQ(alive.use_count(), 2);
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(alive.use_count(), 1);
  };
  sim.Run(test());
}

TEST(TaskGroupTest, SeveralMayJoin) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    int ended = 0;
    int joined = 0;
    TaskGroup children;
    children.Spawn(EndAfter(1ms, DataLoss("gone"), ended));
    const auto join = [](TaskGroup& group, int& count) -> Task<void> {
      EXPECT_EQ(co_await group.Join(), DataLoss("gone"));
      ++count;
    };
    TaskGroup joiners;
    for (int i = 0; i < 3; ++i) joiners.Spawn(join(children, joined));
    EXPECT_EQ(co_await joiners.Join(), Status::Ok());
    EXPECT_EQ(joined, 3);
  };
  sim.Run(test());
}

TEST(TaskGroupTest, DrainCancelsOnlyAfterTheGrace) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    int ended = 0;
    {
      TaskGroup quick;
      quick.Spawn(EndAfter(5ms, Status::Ok(), ended));
      EXPECT_EQ(co_await quick.Drain(10ms), Status::Ok());
    }
    TaskGroup slow;
    slow.Spawn(EndAfter(1h, Status::Ok(), ended));
    const Instant before = Loop::current()->now();
    EXPECT_EQ((co_await slow.Drain(10ms)).code(), StatusCode::kDeadlineExceeded);
    EXPECT_GE(Loop::current()->now() - before, 10ms);
    EXPECT_LT(Loop::current()->now() - before, 11ms);
    EXPECT_EQ(ended, 2);
    // The timer of the first drain must not hit anything later.
    EXPECT_EQ(co_await Sleep(1s), Status::Ok());
  };
  sim.Run(test());
}

TEST(TaskGroupTest, WithTaskGroupJoinsOnEveryWayOut) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    int ended = 0;
    EXPECT_EQ(co_await WithTaskGroup([&ended](TaskGroup& group) {
                return [](TaskGroup& mine, int& count) -> Task<Status> {
                  mine.Spawn(EndAfter(1ms, Status::Ok(), count));
                  co_return Status::Ok();
                }(group, ended);
              }),
              Status::Ok());
    EXPECT_EQ(ended, 1);
    EXPECT_EQ(co_await WithTaskGroup([&ended](TaskGroup& group) {
                return [](TaskGroup& mine, int& count) -> Task<Status> {
                  mine.Spawn(EndAfter(1h, Status::Ok(), count));
                  co_return OutOfRange("body");
                }(group, ended);
              }),
              OutOfRange("body"));
    EXPECT_EQ(ended, 2);
    bool caught = false;
    try {
      (co_await WithTaskGroup([&ended](TaskGroup& group) {
        return [](TaskGroup& mine, int& count) -> Task<Status> {
          mine.Spawn(EndAfter(1h, Status::Ok(), count));
          throw std::runtime_error("body");
          co_return Status::Ok();
        }(group, ended);
      })).IgnoreError();
    } catch (const std::runtime_error&) {
      caught = true;
    }
    EXPECT_TRUE(caught);
    EXPECT_EQ(ended, 3);
  };
  sim.Run(test());
}

TEST(TaskGroupTest, SteadySpawnsNeverReachTheSystemAllocator) {
  if (!internal::kFramesAreRecycled) GTEST_SKIP() << "frames are not recycled under AddressSanitizer";
  OneHost sim;
  const auto test = []() -> Task<std::uint64_t> {
    const auto child = []() -> Task<void> { co_return; };
    std::uint64_t before = 0;
    TaskGroup group;
    for (int round = 0; round < 20; ++round) {
      if (round == 10) before = internal::SystemAllocations();
      for (int i = 0; i < 100; ++i) group.Spawn(child());
      EXPECT_EQ(co_await group.Join(), Status::Ok());
    }
    co_return internal::SystemAllocations() - before;
  };
  EXPECT_EQ(sim.Run(test()), 0u);
}

Task<void> Forever() { (co_await Sleep(1h)).IgnoreError(); }

TEST(TaskGroupDeathTest, DestroyedWithLiveChildrenNamesWhereTheyWereSpawned) {
  const auto forgets = []() -> Task<void> {
    TaskGroup group;
    group.Spawn(Forever());
    group.Spawn(Forever());
    co_return;
  };
  const unsigned line = std::source_location::current().line() - 4;
  EXPECT_DEATH(OneHost().Run(forgets()),
               "task group destroyed while 2 children live; co_await Join\\(\\) on every path or use WithTaskGroup:"
               "\n  spawned at .*task_group_test.cc:" +
                   std::to_string(line) + " .*\n  spawned at .*task_group_test.cc:" + std::to_string(line + 1));
}

TEST(TaskGroupDeathTest, SpawningOffTheLoopIsNamed) {
  EXPECT_DEATH(const TaskGroup group, "TaskGroup made outside a loop");
  const auto elsewhere = []() -> Task<void> {
    TaskGroup group;
    std::thread([&group] { group.Spawn(Forever()); }).join();
    co_return;
  };
  EXPECT_DEATH(OneHost().Run(elsewhere()), "TaskGroup::Spawn off the group's loop host-0/loop-0; use Runtime::Spawn");
}

}  // namespace
}  // namespace flywheel::inline v0
