#include "flywheel/runtime/runtime.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "flywheel/runtime/cpus.h"
#include "flywheel/runtime/event.h"
#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/offload.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Runtime> Loops(int count) { return *Runtime::Create({.name = "test", .loops = count}); }

TEST(RuntimeTest, RefusesOptionsThatMakeNoSense) {
  EXPECT_EQ(Runtime::Create({.loops = -1}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Runtime::Create({.loops = 1025}).status(),
            InvalidArgument("runtime: loops is 1025; set 1..1024, or 0 for one per CPU"));
  EXPECT_EQ(Runtime::Create({.watchdog_after = 0s}).status().code(), StatusCode::kInvalidArgument);
}

TEST(RuntimeTest, HasALoopForEachCpuByDefault) {
  const auto runtime = *Runtime::Create();
  EXPECT_EQ(runtime->size(), static_cast<std::size_t>(CpusAvailable()));
  EXPECT_EQ(runtime->host().name(), "flywheel");
  EXPECT_EQ(runtime->loop(0).name(), "loop-0");
}

TEST(RuntimeTest, BlockOnReturnsWhatTheTaskDoes) {
  const auto runtime = Loops(1);
  const auto number = []() -> Task<int> { co_return 4; };
  const StatusOr<int> four = runtime->BlockOn(number());
  EXPECT_EQ(*four, 4);
  const auto nothing = [](bool& flag) -> Task<void> {
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    flag = true;
  };
  bool ran = false;
  const Status status = runtime->BlockOn(nothing(ran));
  EXPECT_EQ(status, Status::Ok());
  EXPECT_TRUE(ran);
  const auto fails = []() -> Task<Status> { co_return NotFound("status"); };
  const Status failed = runtime->BlockOn(fails());
  EXPECT_EQ(failed, NotFound("status"));
  const auto fallible = []() -> Task<StatusOr<std::unique_ptr<int>>> { co_return std::make_unique<int>(5); };
  const StatusOr<std::unique_ptr<int>> owned = runtime->BlockOn(fallible());
  EXPECT_EQ(**owned, 5);
  const auto throws = []() -> Task<int> {
    (co_await Yield()).IgnoreError();
    throw std::runtime_error("broken");
  };
  EXPECT_THROW(runtime->BlockOn(throws()).status().IgnoreError(), std::runtime_error);
}

TEST(RuntimeTest, TaskIsGoneWithAllItOwnsWhenBlockOnReturns) {
  const auto runtime = Loops(1);
  for (int round = 0; round < 200; ++round) {
    auto owned = std::make_shared<int>(1);
    const auto hold = [](std::shared_ptr<int> value) -> Task<int> {
      (co_await Yield()).IgnoreError();
      co_return *value;
    };
    EXPECT_EQ(*runtime->BlockOn(hold(owned)), 1);
    EXPECT_EQ(owned.use_count(), 1);
  }
}

TEST(RuntimeTest, BlockOnOfALoopIsRefusedAndDropsTheTask) {
  const auto runtime = Loops(1);
  const auto test = [](Runtime& mine) -> Task<Status> {
    bool ran = false;
    const auto inner = [](bool& flag) -> Task<Status> {
      flag = true;
      co_return Status::Ok();
    };
    const Status refused = mine.BlockOn(inner(ran));
    EXPECT_FALSE(ran);
    const auto value = [](bool& flag) -> Task<int> {
      flag = true;
      co_return 1;
    };
    EXPECT_EQ(mine.BlockOn(value(ran)).status(), refused);
    EXPECT_FALSE(ran);
    co_return refused;
  };
  EXPECT_EQ(
      runtime->BlockOn(test(*runtime)),
      FailedPrecondition("BlockOn called on loop loop-0, which would wait for itself; co_await the task instead"));
}

TEST(RuntimeTest, BlockOnFromManyThreadsAndFromJobs) {
  const auto runtime = Loops(2);
  const auto add = [](int a, int b) -> Task<int> {
    (co_await Yield()).IgnoreError();
    co_return a + b;
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) EXPECT_EQ(*runtime->BlockOn(add(t, i)), t + i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto job = [](Runtime& mine) -> Task<int> {
    const auto inner = []() -> Task<int> {
      EXPECT_EQ(Context::current().baggage(), "from=job");
      co_return 9;
    };
    const std::string baggage = "from=job";
    const ContextScope scope(Context::current().Child({.baggage = &baggage}));
    co_return *co_await Offload([&] { return *mine.BlockOn(inner()); });
  };
  EXPECT_EQ(*runtime->BlockOn(job(*runtime)), 9);
}

TEST(RuntimeTest, SpawnsIntoAGroupFromForeignThreads) {
  const auto runtime = Loops(1);
  const auto test = []() -> Task<int> {
    constexpr int kThreads = 4;
    constexpr int kEach = 50;
    int arrived = 0;
    Event all;
    TaskGroup group;
    const auto note = [](int& count, Event& done) -> Task<void> {
      if (++count == kThreads * kEach) done.Set();
      co_return;
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < kEach; ++i) Runtime::Spawn(group, note(arrived, all));
      });
    }
    EXPECT_EQ(co_await all.Wait(), Status::Ok());
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    co_return arrived;
  };
  EXPECT_EQ(*runtime->BlockOn(test()), 200);
}

// What Destroy needs of a task that another thread waits for.
struct Started {
  void Set() {
    flag.store(true);
    flag.notify_all();
  }
  void Await() { flag.wait(false); }
  std::atomic<bool> flag = false;
};

TEST(RuntimeTest, EndCancelsWhatOthersStillWaitFor) {
  auto runtime = Loops(2);
  const auto sleep = [](Started& started) -> Task<Status> {
    started.Set();
    co_return co_await Sleep(1h);
  };
  Started plain;
  Started with_context;
  std::thread a(
      [&, mine = runtime.get()] { EXPECT_EQ(mine->BlockOn(sleep(plain)), Cancelled("the runtime is shutting down")); });
  std::thread b([&, mine = runtime.get()] {
    const std::string baggage = "a=b";
    const ContextScope scope(Context::current().Child({.baggage = &baggage}));
    EXPECT_EQ(mine->BlockOn(sleep(with_context)), Cancelled("the runtime is shutting down"));
  });
  plain.Await();
  with_context.Await();
  runtime.reset();
  a.join();
  b.join();
}

TEST(RuntimeTest, TaskThatCleansUpOnItsWayOutStillHasAllLoops) {
  auto runtime = Loops(2);
  Loop& other = runtime->loop(1);
  Started started;
  bool cleaned = false;
  const auto careful = [](Loop& there, Started& flag, bool& out) -> Task<void> {
    flag.Set();
    EXPECT_FALSE((co_await Sleep(1h)).ok());
    const auto ask = [](Loop& remote) -> Task<void> {
      Event answered;
      Loop& home = *Loop::current();
      remote.Post([&] { home.Post([&] { answered.Set(); }); });
      EXPECT_EQ(co_await answered.Wait(), Status::Ok());
    };
    for (int i = 0; i < 100; ++i) co_await Shielded(10s, ask(there));
    out = true;
  };
  std::thread caller([&, mine = runtime.get()] { mine->BlockOn(careful(other, started, cleaned)).IgnoreError(); });
  started.Await();
  runtime.reset();
  caller.join();
  EXPECT_TRUE(cleaned);
}

// What flies between loops while they end must find each of them alive.
TEST(RuntimeTest, LoopsEndTogether) {
  for (int round = 0; round < 20; ++round) {
    auto runtime = Loops(3);
    struct Courier {
      static void Fly(std::vector<Loop*> route, ContextRef luggage, int hops) {
        if (hops == 0) return;
        Loop& next = *route[static_cast<std::size_t>(hops) % route.size()];
        next.Post([route = std::move(route), luggage = std::move(luggage), hops]() mutable {
          Fly(std::move(route), std::move(luggage), hops - 1);
        });
      }
    };
    std::vector<Loop*> route;
    for (std::size_t index = 0; index < runtime->size(); ++index) route.push_back(&runtime->loop(index));
    for (Loop* const home : route) {
      home->Post([=] { Courier::Fly(route, Context::current().Child(), 2000); });
    }
    runtime.reset();
  }
}

#if defined(__has_feature)
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
// The sanitizers reserve more address space than any limit leaves.
TEST(RuntimeDeathTest, RefusedThreadsAreAStatus) {
  const auto run_out = [] {
    rlimit tight;
    tight.rlim_cur = tight.rlim_max = 150 << 20;
    FW_CHECK(::setrlimit(RLIMIT_AS, &tight) == 0);
    const auto runtime = Runtime::Create({.loops = 200});
    std::fprintf(stderr, "%s\n", runtime.status().ToString().c_str());
    std::_Exit(0);
  };
  EXPECT_EXIT(
      run_out(), testing::ExitedWithCode(0),
      "RESOURCE_EXHAUSTED: runtime: starting thread [0-9]+ of 201: .*; set fewer loops or raise the limit of threads");
}
#endif
#endif

}  // namespace
}  // namespace flywheel::inline v0
