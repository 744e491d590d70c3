#include "flywheel/runtime/on_loop.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/runtime.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0 {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

Task<std::string> WhereAmI() {
  (co_await Yield()).IgnoreError();
  co_return Loop::current()->name();
}

Task<Status> SleepLong() { co_return co_await Sleep(hours(1)); }

Task<void> Throw() {
  (co_await Yield()).IgnoreError();
  throw std::runtime_error("from afar");
}

TEST(OnLoopTest, TheTaskRunsThereAndItsResultComesHere) {
  const auto test = []() -> Task<void> {
    const std::string home = Loop::current()->name();
    for (Loop* const loop : Context::current().host()->loops()) {
      EXPECT_EQ(co_await OnLoop(*loop, WhereAmI()), loop->name());
      EXPECT_EQ(Loop::current()->name(), home);
    }
  };
  internal::OneHost three(1, 3);
  three.Run(test());
  const auto runtime = Runtime::Create({.loops = 3});
  ASSERT_TRUE(runtime.ok());
  EXPECT_EQ((*runtime)->BlockOn(test()), Status::Ok());
}

TEST(OnLoopTest, ItIsCancelledWithItsCallerAndKnowsItsDeadlineAndTrace) {
  const auto test = []() -> Task<void> {
    const TraceIds ids{.trace_id = *Id128::Parse("0af7651916cd43dd8448eb211c80319c")};
    const ContextScope scope(
        Context::current().Child({.deadline = Loop::current()->now() + milliseconds(5), .trace = &ids}),
        ContextScope::EndsWork{});
    const auto trace = []() -> Task<TraceIds> { co_return Context::current().trace(); };
    Loop& other = *Context::current().host()->loops()[1];
    EXPECT_EQ(co_await OnLoop(other, trace()), ids);
    EXPECT_EQ((co_await OnLoop(other, SleepLong())).code(), StatusCode::kDeadlineExceeded);
  };
  internal::OneHost two(1, 2);
  two.Run(test());
}

TEST(OnLoopTest, AnExceptionComesBack) {
  const auto test = []() -> Task<bool> {
    try {
      co_await OnLoop(*Context::current().host()->loops()[1], Throw());
    } catch (const std::runtime_error& error) {
      co_return std::string(error.what()) == "from afar";
    }
    co_return false;
  };
  internal::OneHost two(1, 2);
  EXPECT_TRUE(two.Run(test()));
}

TEST(OnLoopTest, TheEndOfTheRuntimeCancelsItThere) {
  std::atomic<bool> cancelled = false;
  {
    const auto runtime = *Runtime::Create({.loops = 2});
    std::atomic<bool> begun = false;
    runtime->loop(0).Post([&] {
      const auto call = [](std::atomic<bool>& started, std::atomic<bool>& ended) -> Task<void> {
        started = true;
        started.notify_one();
        const Status status = co_await OnLoop(*Context::current().host()->loops()[1], SleepLong());
        ended = status.code() == StatusCode::kCancelled;
      };
      Loop::current()->roots().Spawn(call(begun, cancelled));
    });
    begun.wait(false);
  }
  EXPECT_TRUE(cancelled);
}

TEST(OnLoopTest, ACrashInTheMiddleLeavesNothing) {
  internal::OneHost two(1, 2);
  const auto call = []() -> Task<void> {
    (co_await OnLoop(*Context::current().host()->loops()[1], SleepLong())).IgnoreError();
  };
  two.host.Spawn(call());
  two.world.RunFor(milliseconds(1));
  two.host.Crash();
}

}  // namespace
}  // namespace flywheel::inline v0
