#include "flywheel/runtime/event.h"

#include <gtest/gtest.h>

#include <vector>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;
using namespace std::chrono_literals;

Task<void> WaitAndNote(Event& event, std::vector<int>& order, int number) {
  EXPECT_EQ(co_await event.Wait(), Status::Ok());
  order.push_back(number);
}

TEST(EventTest, WakesAllInOrderAndStaysSet) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Event event;
    std::vector<int> order;
    TaskGroup group;
    for (int i = 0; i < 4; ++i) group.Spawn(WaitAndNote(event, order, i));
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    EXPECT_TRUE(order.empty());
    EXPECT_FALSE(event.is_set());
    event.Set();
    EXPECT_TRUE(order.empty());  // waiters go on in their own turn
    event.Set();
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
    EXPECT_EQ(co_await event.Wait(), Status::Ok());
    EXPECT_TRUE(event.is_set());
  };
  sim.Run(test());
}

TEST(EventTest, ResetConcernsOnlyWhoComesLater) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Event event;
    std::vector<int> order;
    TaskGroup group;
    group.Spawn(WaitAndNote(event, order, 1));
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    event.Set();
    event.Reset();
    group.Spawn(WaitAndNote(event, order, 2));
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    EXPECT_EQ(order, (std::vector<int>{1}));
    event.Set();
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(order, (std::vector<int>{1, 2}));
  };
  sim.Run(test());
}

TEST(EventTest, CancelledWaiterLeavesAndTheOthersStay) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Event event;
    std::vector<int> order;
    TaskGroup group;
    const auto impatient = [](Event& waited) -> Task<Status> { co_return co_await waited.Wait(); };
    group.Spawn(WaitAndNote(event, order, 1));
    EXPECT_EQ((co_await Timeout(1ms, impatient(event))).code(), StatusCode::kDeadlineExceeded);
    group.Spawn(WaitAndNote(event, order, 2));
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    event.Set();
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(order, (std::vector<int>{1, 2}));
    // A cancelled context ends the wait even where the event is set.
    const ContextRef mine = Context::current().Child();
    const ContextScope scope(mine);
    mine->Cancel(Aborted("over"));
    EXPECT_EQ(co_await event.Wait(), Aborted("over"));
  };
  sim.Run(test());
}

// Set and cancel in one turn: whichever came first is what the waiter sees.
TEST(EventTest, FirstOfSetAndCancelCounts) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    for (const bool set_first : {true, false}) {
      Event event;
      Status seen = Internal("never ended");
      TaskGroup group;
      const auto wait = [](Event& waited, Status& out) -> Task<void> { out = co_await waited.Wait(); };
      group.Spawn(wait(event, seen));
      EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
      if (set_first) event.Set();
      group.Cancel(Aborted("over"));
      event.Set();
      EXPECT_EQ(co_await group.Join(), Status::Ok());
      EXPECT_EQ(seen, set_first ? Status::Ok() : Aborted("over"));
    }
  };
  sim.Run(test());
}

TEST(EventDeathTest, DestroyedWithWaitersWouldLeaveThemForEver) {
  const auto test = []() -> Task<void> {
    TaskGroup group;
    {
      Event event;
      const auto wait = [](Event& waited) -> Task<void> { (co_await waited.Wait()).IgnoreError(); };
      group.Spawn(wait(event));
      (co_await Sleep(1ms)).IgnoreError();
    }
    (co_await group.Join()).IgnoreError();
  };
  EXPECT_DEATH(OneHost().Run(test()), "event destroyed while tasks wait for it");
}

}  // namespace
}  // namespace flywheel::inline v0
