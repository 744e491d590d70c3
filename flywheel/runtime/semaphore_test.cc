#include "flywheel/runtime/semaphore.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;
using namespace std::chrono_literals;

Task<Status> Take(Semaphore& semaphore, std::uint64_t units, std::vector<int>& order, int number, Duration hold = 0ms) {
  const auto permit = co_await semaphore.Acquire(units);
  if (!permit.ok()) co_return permit.status();
  order.push_back(number);
  if (hold > 0ms) (co_await Sleep(hold)).IgnoreError();
  co_return Status::Ok();
}

TEST(SemaphoreTest, GivesPermitsBackWhenTheyGo) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Semaphore semaphore(3);
    {
      const auto two = co_await semaphore.Acquire(2);
      EXPECT_TRUE(two.ok());
      EXPECT_EQ(semaphore.available(), 1u);
      Semaphore::Permit permit;
      EXPECT_FALSE(semaphore.TryAcquire(2, permit));
      EXPECT_TRUE(semaphore.TryAcquire(1, permit));
      EXPECT_EQ(semaphore.available(), 0u);
      Semaphore::Permit moved = std::move(permit);
      EXPECT_EQ(semaphore.available(), 0u);
      moved = Semaphore::Permit();
      EXPECT_EQ(semaphore.available(), 1u);
      EXPECT_TRUE(semaphore.TryAcquire(1, moved));
      EXPECT_EQ(semaphore.available(), 0u);
    }
    EXPECT_EQ(semaphore.available(), 3u);
    EXPECT_TRUE((co_await semaphore.Acquire(0)).ok());
    EXPECT_EQ(semaphore.available(), 3u);
  };
  sim.Run(test());
}

TEST(SemaphoreTest, LargeRequestAtTheHeadHoldsBackSmallOnes) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Semaphore semaphore(3);
    std::vector<int> order;
    TaskGroup group;
    auto held = co_await semaphore.Acquire(2);
    group.Spawn(Take(semaphore, 3, order, 1, 1ms));
    group.Spawn(Take(semaphore, 1, order, 2));
    group.Spawn(Take(semaphore, 1, order, 3));
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    EXPECT_TRUE(order.empty());  // one unit is free, but it is kept for the first
    Semaphore::Permit permit;
    EXPECT_FALSE(semaphore.TryAcquire(1, permit));
    *held = Semaphore::Permit();
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
    EXPECT_EQ(semaphore.available(), 3u);
  };
  sim.Run(test());
}

TEST(SemaphoreTest, CancelledRequestFreesThoseBehindIt) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Semaphore semaphore(2);
    std::vector<int> order;
    auto held = co_await semaphore.Acquire(1);
    TaskGroup impatient;
    TaskGroup group;
    impatient.Spawn(Take(semaphore, 100, order, 1));
    EXPECT_EQ(co_await Yield(), Status::Ok());
    group.Spawn(Take(semaphore, 1, order, 2));
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    EXPECT_TRUE(order.empty());
    impatient.Cancel(Aborted("too much"));
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(co_await impatient.Join(), Aborted("too much"));
    EXPECT_EQ(order, (std::vector<int>{2}));
    *held = Semaphore::Permit();
    EXPECT_EQ(semaphore.available(), 2u);
  };
  sim.Run(test());
}

// Granted and cancelled in one turn: the waiter holds it, or it has gone back; never neither.
TEST(SemaphoreTest, PermitGrantedBeforeTheCancelIsKept) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Semaphore semaphore(1);
    std::vector<int> order;
    auto held = co_await semaphore.Acquire();
    TaskGroup group;
    group.Spawn(Take(semaphore, 1, order, 1));
    group.Spawn(Take(semaphore, 1, order, 2));
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    *held = Semaphore::Permit();
    group.Cancel(Aborted("over"));
    EXPECT_EQ(co_await group.Join(), Aborted("over"));
    EXPECT_EQ(order, (std::vector<int>{1}));
    EXPECT_EQ(semaphore.available(), 1u);
  };
  sim.Run(test());
}

// Against a model: nobody is granted before an older request that has not given up, units are conserved, and whoever
// can be granted is, or the world would come to rest before the last client has ended.
class Model {
 public:
  static constexpr std::uint64_t kUnits = 5;

  explicit Model(std::uint64_t seed) : random_(seed) {}

  Task<void> Run() {
    {
      TaskGroup group;
      for (int i = 0; i < 60; ++i) {
        group.Spawn(Client());
        if (random_.Chance(0.5)) (co_await Sleep(Micros(200))).IgnoreError();
        Check(used_ + semaphore_.available() <= kUnits, "units were made");
      }
      EXPECT_EQ(co_await group.Join(), Status::Ok());
    }
    Check(semaphore_.available() == kUnits, "units are missing at the end");
    Check(waiting_.empty(), "somebody still waits");
  }

  std::string broken;
  int granted = 0;
  int cancelled = 0;

 private:
  struct Request {
    int ticket;
    ContextRef context;
  };

  Duration Micros(std::uint64_t most) { return std::chrono::microseconds(random_.Below(most)); }
  void Check(bool condition, const char* what) {
    if (!condition && broken.empty()) broken = what;
  }

  Task<void> Client() {
    const ContextOptions options{.deadline = random_.Chance(0.4) ? Loop::current()->now() + Micros(2000) : kNever};
    const ContextScope scope(Context::current().Child(options));
    const std::uint64_t units = 1 + random_.Below(kUnits);
    const int ticket = next_ticket_++;
    waiting_.push_back({.ticket = ticket, .context = ContextRef(Context::current())});
    auto permit = co_await semaphore_.Acquire(units);
    const auto mine = std::ranges::find(waiting_, ticket, &Request::ticket);
    for (auto older = waiting_.begin(); permit.ok() && older != mine; ++older) {
      Check(older->context->cancelled(), "overtaken");
    }
    waiting_.erase(mine);
    if (!permit.ok()) {
      ++cancelled;
      co_return;
    }
    ++granted;
    used_ += units;
    Check(used_ <= kUnits, "more was granted than there is");
    (co_await Sleep(Micros(400))).IgnoreError();
    used_ -= units;
  }

  Random random_;
  Semaphore semaphore_{kUnits};
  std::uint64_t used_ = 0;
  int next_ticket_ = 0;
  std::vector<Request> waiting_;
};

TEST(SemaphorePropertyTest, ConservesUnitsAndOrderUnderCancellation) {
  int granted = 0;
  int cancelled = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    OneHost sim(seed);
    Model model(seed);
    sim.Run(model.Run());
    EXPECT_EQ(model.broken, "") << "seed " << seed;
    granted += model.granted;
    cancelled += model.cancelled;
  }
  EXPECT_GT(granted, 5'000);
  EXPECT_GT(cancelled, 500);
}

TEST(SemaphoreDeathTest, DestroyedWithWaiters) {
  const auto test = []() -> Task<void> {
    std::vector<int> order;
    TaskGroup group;
    {
      Semaphore semaphore(0);
      group.Spawn(Take(semaphore, 1, order, 1));
      (co_await Sleep(1ms)).IgnoreError();
    }
    (co_await group.Join()).IgnoreError();
  };
  EXPECT_DEATH(OneHost().Run(test()), "semaphore destroyed while tasks wait for it");
}

}  // namespace
}  // namespace flywheel::inline v0
