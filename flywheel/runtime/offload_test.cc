#include "flywheel/runtime/offload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/runtime.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;
using namespace std::chrono_literals;

std::unique_ptr<Runtime> WithThreads(int threads) {
  return *Runtime::Create({.name = "test", .loops = 1, .offload_threads = threads});
}

// A job that a test holds inside.
class Held {
 public:
  void Block() {
    inside_.store(true);
    inside_.notify_all();
    released_.wait(false);
  }
  void AwaitInside() { inside_.wait(false); }
  [[nodiscard]] bool inside() const { return inside_.load(); }
  void Release() {
    released_.store(true);
    released_.notify_all();
  }

 private:
  std::atomic<bool> inside_ = false;
  std::atomic<bool> released_ = false;
};

TEST(OffloadTest, ResultsComeBackFromAnotherThread) {
  const auto runtime = WithThreads(2);
  const auto test = []() -> Task<void> {
    const std::thread::id here = std::this_thread::get_id();
    const StatusOr<std::thread::id> there = co_await Offload([] { return std::this_thread::get_id(); });
    EXPECT_TRUE(there.ok());
    EXPECT_NE(*there, here);
    EXPECT_EQ(std::this_thread::get_id(), here);
    bool ran = false;
    const Status nothing = co_await Offload([&ran] { ran = true; });
    EXPECT_EQ(nothing, Status::Ok());
    EXPECT_TRUE(ran);
    const Status status = co_await Offload([] { return NotFound("status"); });
    EXPECT_EQ(status, NotFound("status"));
    const StatusOr<int> fallible = co_await Offload([]() -> StatusOr<int> { return NotFound("or"); });
    EXPECT_EQ(fallible.status(), NotFound("or"));
    StatusOr<std::unique_ptr<int>> owned =
        co_await Offload([input = std::make_unique<int>(4)] { return std::make_unique<int>(*input + 1); });
    EXPECT_EQ(**owned, 5);
    EXPECT_EQ(Loop::current(), Context::current().loop());
  };
  EXPECT_EQ(runtime->BlockOn(test()), Status::Ok());
}

TEST(OffloadTest, JobIsOnNoLoop) {
  const auto runtime = WithThreads(1);
  const auto test = []() -> Task<void> { EXPECT_EQ(*co_await Offload([] { return Loop::current(); }), nullptr); };
  EXPECT_EQ(runtime->BlockOn(test()), Status::Ok());
}

TEST(OffloadTest, ExceptionOfTheJobIsRethrownInTheTask) {
  const auto runtime = WithThreads(1);
  const auto test = []() -> Task<std::string> {
    try {
      (co_await Offload([] { throw std::runtime_error("in the job"); })).IgnoreError();
    } catch (const std::runtime_error& error) {
      co_return error.what();
    }
    co_return "nothing";
  };
  EXPECT_EQ(*runtime->BlockOn(test()), "in the job");
}

TEST(OffloadTest, RunsManyAtOnceButNoMoreThanItMay) {
  constexpr int kThreads = 3;
  const auto runtime = WithThreads(kThreads);
  struct Count {
    std::atomic<int> now = 0;
    std::atomic<int> most = 0;
    std::atomic<int> ran = 0;
  } count;
  const auto test = [](Count& shared) -> Task<void> {
    const auto one = [](Count& mine) -> Task<void> {
      const Status status = co_await Offload([&mine] {
        const int now = ++mine.now;
        int most = mine.most.load();
        while (now > most && !mine.most.compare_exchange_weak(most, now)) continue;
        // The first ones stay until all threads are busy.
        if (mine.ran.load() == 0) {
          while (mine.most.load() < kThreads) std::this_thread::yield();
        }
        ++mine.ran;
        --mine.now;
      });
      EXPECT_EQ(status, Status::Ok());
    };
    TaskGroup group;
    for (int i = 0; i < 100; ++i) group.Spawn(one(shared));
    EXPECT_EQ(co_await group.Join(), Status::Ok());
  };
  EXPECT_EQ(runtime->BlockOn(test(count)), Status::Ok());
  EXPECT_EQ(count.ran.load(), 100);
  EXPECT_EQ(count.most.load(), kThreads);
}

TEST(OffloadTest, CancelledJobThatHasNotStartedNeverRuns) {
  const auto runtime = WithThreads(1);
  const auto test = []() -> Task<void> {
    Held held;
    bool ran = false;
    const auto blocker = [](Held& mine) -> Task<void> {
      EXPECT_EQ(co_await Offload([&mine] { mine.Block(); }), Status::Ok());
    };
    const auto waits = [](bool& flag) -> Task<Status> { co_return co_await Offload([&flag] { flag = true; }); };
    TaskGroup group;
    group.Spawn(blocker(held));
    while (!held.inside()) EXPECT_EQ(co_await Yield(), Status::Ok());
    EXPECT_EQ((co_await Timeout(1ms, waits(ran))).code(), StatusCode::kDeadlineExceeded);
    held.Release();
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(co_await Offload([] {}), Status::Ok());  // behind which nothing is left
    EXPECT_FALSE(ran);
    // In a cancelled context it is not even queued.
    const ContextRef mine = Context::current().Child();
    const ContextScope scope(mine);
    mine->Cancel(Aborted("over"));
    EXPECT_EQ(co_await Offload([&ran] { ran = true; }), Aborted("over"));
    EXPECT_FALSE(ran);
  };
  EXPECT_EQ(runtime->BlockOn(test()), Status::Ok());
}

TEST(OffloadTest, RunningJobIsWaitedForAndItsResultKept) {
  const auto runtime = WithThreads(1);
  const auto test = []() -> Task<void> {
    Held held;
    StatusOr<int> result = Internal("never ended");
    const auto runs = [](Held& mine, StatusOr<int>& out) -> Task<void> {
      out = co_await Offload([&mine] {
        mine.Block();
        return Context::current().cancelled() ? 42 : 0;
      });
      EXPECT_TRUE(Context::current().cancelled());
    };
    TaskGroup group;
    group.Spawn(runs(held, result));
    while (!held.inside()) EXPECT_EQ(co_await Yield(), Status::Ok());
    group.Cancel(Aborted("too late"));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(co_await Yield(), Status::Ok());
    EXPECT_EQ(group.size(), 1u);
    held.Release();
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(*result, 42);
  };
  EXPECT_EQ(runtime->BlockOn(test()), Status::Ok());
}

TEST(OffloadTest, FullQueueRefusesAndNamesTheLimit) {
  const auto runtime = WithThreads(1);
  const auto test = []() -> Task<void> {
    Held held;
    std::atomic<int> ran = 0;
    Status refused;
    int accepted = 0;
    const auto blocker = [](Held& mine) -> Task<void> {
      EXPECT_EQ(co_await Offload([&mine] { mine.Block(); }), Status::Ok());
    };
    const auto job = [](std::atomic<int>& count, int& ok, Status& failure) -> Task<void> {
      const Status status = co_await Offload([&count] { ++count; });
      if (status.ok()) {
        ++ok;
      } else {
        failure = status;
      }
    };
    TaskGroup group;
    group.Spawn(blocker(held));
    while (!held.inside()) EXPECT_EQ(co_await Yield(), Status::Ok());
    for (std::uint64_t i = 0; i <= kOffloadQueueMax.value; ++i) group.Spawn(job(ran, accepted, refused));
    while (refused.ok()) EXPECT_EQ(co_await Yield(), Status::Ok());
    EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
    EXPECT_TRUE(refused.message().contains("offload_queue_jobs")) << refused.ToString();
    EXPECT_TRUE(refused.message().contains("raise offload_threads or offload less at once")) << refused.ToString();
    held.Release();
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(ran.load(), static_cast<int>(kOffloadQueueMax.value));
    EXPECT_EQ(accepted, static_cast<int>(kOffloadQueueMax.value));
  };
  EXPECT_EQ(runtime->BlockOn(test()), Status::Ok());
}

TEST(OffloadTest, JobsOfASimulationTakeVirtualTimeAndEndInAnyOrder) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    std::vector<int> order;
    const auto job = [](std::vector<int>& log, int number) -> Task<void> {
      EXPECT_EQ(co_await Offload([] { EXPECT_EQ(Loop::current(), nullptr); }), Status::Ok());
      log.push_back(number);
    };
    const Instant before = Loop::current()->now();
    TaskGroup group;
    for (int i = 0; i < 20; ++i) group.Spawn(job(order, i));
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_GT(Loop::current()->now(), before);
    EXPECT_EQ(order.size(), 20u);
    EXPECT_FALSE(std::ranges::is_sorted(order));
  };
  sim.Run(test());
}

TEST(OffloadTest, SimulatedJobIsGivenUpWhenCancelled) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    bool ran = false;
    const auto job = [](bool& flag) -> Task<Status> { co_return co_await Offload([&flag] { flag = true; }); };
    EXPECT_EQ((co_await Timeout(1ns, job(ran))).code(), StatusCode::kDeadlineExceeded);
    EXPECT_EQ(co_await Sleep(1s), Status::Ok());
    EXPECT_FALSE(ran);
  };
  sim.Run(test());
}

TEST(OffloadDeathTest, OutsideALoopItIsNamed) {
  struct Root {
    struct promise_type {
      static Root get_return_object() { return {}; }
      static std::suspend_never initial_suspend() noexcept { return {}; }
      static std::suspend_never final_suspend() noexcept { return {}; }
      static void return_void() noexcept {}
      [[noreturn]] static void unhandled_exception() { std::terminate(); }
    };
  };
  const auto run = []() -> Root { (co_await Offload([] {})).IgnoreError(); };
  EXPECT_DEATH(run(), "Offload awaited outside a loop");
}

}  // namespace
}  // namespace flywheel::inline v0
