#include "flywheel/runtime/timeout.h"

#include <gtest/gtest.h>

#include <memory>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/runtime.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;
using namespace std::chrono_literals;

Task<Status> Nap(Duration length) { co_return co_await Sleep(length); }

TEST(TimeoutTest, EndsTheWaitAndLeavesTheSurroundingsAlone) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    const Instant before = Loop::current()->now();
    EXPECT_EQ(co_await Timeout(10ms, Nap(1h)), DeadlineExceeded("deadline of 10.0 ms exceeded"));
    EXPECT_GE(Loop::current()->now() - before, 10ms);
    EXPECT_LT(Loop::current()->now() - before, 11ms);
    EXPECT_FALSE(Context::current().cancelled());
    EXPECT_EQ(Context::current().deadline(), kNever);
    EXPECT_EQ(co_await Timeout(10ms, Nap(5ms)), Status::Ok());
    EXPECT_EQ(co_await Sleep(1s), Status::Ok());  // what is left of a timer must not end this
    EXPECT_EQ(co_await WithDeadline(Loop::current()->now() + 1ms, Nap(1h)),
              DeadlineExceeded("deadline of 1.0 ms exceeded"));
  };
  sim.Run(test());
}

TEST(TimeoutTest, OuterDeadlineHoldsWhereItIsEarlier) {
  OneHost sim;
  EXPECT_EQ(sim.Run(Timeout(2ms, Timeout(1h, Nap(2h)))), DeadlineExceeded("deadline of 2.0 ms exceeded"));
  EXPECT_EQ(sim.Run(Timeout(1h, Timeout(2ms, Nap(2h)))), DeadlineExceeded("deadline of 2.0 ms exceeded"));
}

TEST(TimeoutTest, ReturnsWhatTheTaskMakesOfIt) {
  OneHost sim;
  const auto stubborn = []() -> Task<std::unique_ptr<int>> {
    EXPECT_FALSE((co_await Sleep(1h)).ok());
    co_return std::make_unique<int>(5);
  };
  EXPECT_EQ(*sim.Run(Timeout(1ms, stubborn())), 5);
  const auto nothing = []() -> Task<void> { EXPECT_FALSE((co_await Sleep(1h)).ok()); };
  sim.Run(Timeout(1ms, nothing()));
}

// The time of a task that is made early and awaited late begins with the await.
TEST(TimeoutTest, CountsFromTheAwait) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Task<Status> prepared = Timeout(10ms, Nap(5ms));
    Task<Status> shielded = Shielded(10ms, Nap(5ms));
    EXPECT_EQ(co_await Sleep(1s), Status::Ok());
    EXPECT_EQ(co_await std::move(prepared), Status::Ok());
    EXPECT_EQ(co_await std::move(shielded), Status::Ok());
  };
  sim.Run(test());
}

TEST(TimeoutTest, MayBeMadeOnAForeignThread) {
  const auto runtime = *Runtime::Create({.name = "test", .loops = 1});
  EXPECT_EQ(runtime->BlockOn(Timeout(1ms, Nap(1h))).code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(runtime->BlockOn(Shielded(1ms, Nap(1h))).code(), StatusCode::kDeadlineExceeded);
}

TEST(TimeoutTest, ZeroAndNegativeLengthsHavePassed) {
  OneHost sim;
  for (const Duration length : {Duration(0), Duration(-1), Duration::min()}) {
    EXPECT_EQ(sim.Run(Timeout(length, Nap(1h))).code(), StatusCode::kDeadlineExceeded) << length;
  }
  EXPECT_EQ(sim.Run(Timeout(Duration::max(), Nap(1h))), Status::Ok());
}

TEST(TimeoutTest, ShieldedOutlivesItsSurroundingsButNotItsLength) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    const ContextRef mine = Context::current().Child();
    const ContextScope scope(mine);
    mine->Cancel(Cancelled("gone"));
    EXPECT_EQ(co_await Shielded(1s, Nap(10ms)), Status::Ok());
    EXPECT_EQ(co_await Shielded(10ms, Nap(1h)), DeadlineExceeded("deadline of 10.0 ms exceeded"));
    EXPECT_EQ(co_await Nap(1ms), Cancelled("gone"));
  };
  sim.Run(test());
}

}  // namespace
}  // namespace flywheel::inline v0
