#include "flywheel/runtime/loop.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/internal/thread_loop.h"
#include "flywheel/runtime/sim/reactor.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;
using namespace std::chrono_literals;

void Rest(OneHost& sim) {
  while (sim.world.Step()) continue;
}

TEST(LoopTest, PostedWorkRunsInOrderOnTheLoop) {
  OneHost sim;
  Loop& loop = sim.host.loop();
  std::vector<int> order;
  EXPECT_EQ(Loop::current(), nullptr);
  for (int i = 0; i < 3; ++i) {
    loop.Post([&, i] {
      EXPECT_EQ(Loop::current(), &loop);
      order.push_back(i);
      if (i == 0) loop.Post([&] { order.push_back(10); });
    });
  }
  EXPECT_TRUE(order.empty());
  Rest(sim);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 10}));
  EXPECT_EQ(Loop::current(), nullptr);
}

TEST(LoopTest, PostTakesMoveOnlyFunctionsAndDestroysThemOnTheLoop) {
  OneHost sim;
  struct Witness {
    explicit Witness(Loop*& where) : loop(where) {}
    ~Witness() { loop = Loop::current(); }
    Loop*& loop;
  };
  Loop* destroyed_on = nullptr;
  int ran = 0;
  sim.host.loop().Post([witness = std::make_unique<Witness>(destroyed_on), &ran] { ++ran; });
  Rest(sim);
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(destroyed_on, &sim.host.loop());
}

TEST(LoopTest, PostedWorkNeedsNoAllocation) {
  OneHost sim;
  struct Counter : Work {
    explicit Counter(int& count) : Work([](Work& work) { ++static_cast<Counter&>(work).runs; }), runs(count) {}
    int& runs;
  };
  int runs = 0;
  Counter first(runs);
  Counter second(runs);
  sim.host.loop().PostWork(first);
  sim.host.loop().PostWork(second);
  Rest(sim);
  EXPECT_EQ(runs, 2);
  sim.host.loop().PostWork(first);  // once it has run it may be used again
  Rest(sim);
  EXPECT_EQ(runs, 3);
}

struct Hook : TurnHook {
  Hook(Loop& owner, std::vector<std::string>& to, std::string text)
      : TurnHook(&Hook::Run), loop(owner), log(to), name(std::move(text)) {}
  static void Run(TurnHook& hook) {
    auto& self = static_cast<Hook&>(hook);
    self.log.push_back(self.name);
    if (self.again-- > 0) self.loop.AtTurnEnd(self);
  }
  Loop& loop;
  std::vector<std::string>& log;
  std::string name;
  int again = 0;
};

TEST(LoopTest, HooksRunOnceAfterTheWorkOfTheirTurn) {
  OneHost sim;
  Loop& loop = sim.host.loop();
  std::vector<std::string> log;
  Hook a(loop, log, "a");
  Hook b(loop, log, "b");
  auto dropped = std::make_unique<Hook>(loop, log, "dropped");
  loop.Post([&] {
    loop.AtTurnEnd(b);
    loop.AtTurnEnd(a);
    loop.AtTurnEnd(b);
    loop.AtTurnEnd(*dropped);
    log.emplace_back("one");
  });
  loop.Post([&] {
    dropped.reset();
    log.emplace_back("two");
  });
  Rest(sim);
  EXPECT_EQ(log, (std::vector<std::string>{"one", "two", "b", "a"}));
}

TEST(LoopTest, HookAddedInAHookRunsInTheNextTurnWithoutWaiting) {
  OneHost sim;
  Loop& loop = sim.host.loop();
  std::vector<std::string> log;
  Hook hook(loop, log, "hook");
  hook.again = 2;
  loop.Post([&] { loop.AtTurnEnd(hook); });
  const std::uint64_t turns = loop.stats().turns;
  Rest(sim);
  EXPECT_EQ(log.size(), 3u);
  EXPECT_EQ(loop.stats().turns - turns, 3u);
  EXPECT_EQ(loop.IdleTime(), Duration::max());
}

TEST(LoopTest, FloodOfWorkLetsTheReactorInBetween) {
  OneHost sim;
  Loop& loop = sim.host.loop();
  auto& reactor = static_cast<sim::SimReactor&>(loop.reactor());
  constexpr int kFlood = 3 * Loop::kWorksPerTurn;
  int done = 0;
  int done_when_read = -1;
  Readiness readiness;
  readiness.ClearReadable();
  const auto read = [](Readiness& from, int& count, int& seen) -> Task<void> {
    EXPECT_EQ(co_await from.Readable(), Status::Ok());
    seen = count;
  };
  sim.host.Spawn(read(readiness, done, done_when_read));
  sim.world.RunFor(1ms);
  for (int i = 0; i < kFlood; ++i) {
    loop.Post([&, i] {
      ++done;
      if (i == 10) reactor.Deliver(readiness, {.readable = true});
    });
  }
  const std::uint64_t turns = loop.stats().turns;
  Rest(sim);
  EXPECT_EQ(done, kFlood);
  EXPECT_GE(loop.stats().turns - turns, 3u);
  // Behind the work that was ready before it, but not behind all that would keep coming.
  EXPECT_GE(done_when_read, Loop::kWorksPerTurn);
  EXPECT_LE(done_when_read, kFlood);
}

TEST(LoopTest, YieldLetsTimersAndOthersGoFirst) {
  OneHost sim;
  const auto test = [](sim::SimHost& host) -> Task<void> {
    std::vector<int> order;
    TaskGroup group;
    const auto sleep = [](std::vector<int>& log) -> Task<void> {
      EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
      log.push_back(1);
    };
    const auto ready = [](std::vector<int>& log) -> Task<void> {
      log.push_back(2);
      co_return;
    };
    group.Spawn(sleep(order));
    EXPECT_EQ(co_await Yield(), Status::Ok());
    host.Burn(10ms);  // now the timer is due, and nobody has looked
    group.Spawn(ready(order));
    EXPECT_TRUE(order.empty());
    EXPECT_EQ(co_await Yield(), Status::Ok());
    EXPECT_EQ(order, (std::vector<int>{2, 1}));
    EXPECT_EQ(co_await group.Join(), Status::Ok());
  };
  sim.Run(test(sim.host));
}

TEST(LoopTest, SleepOfNoLengthWaitsForTheNextTurnOnly) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    for (const Duration length : {Duration(0), Duration(-1), Duration::min()}) {
      const Instant before = Loop::current()->now();
      EXPECT_EQ(co_await Sleep(length), Status::Ok());
      EXPECT_LT(Loop::current()->now() - before, 1ms);
    }
    EXPECT_EQ(co_await SleepUntil(Instant::min()), Status::Ok());
  };
  sim.Run(test());
}

TEST(LoopTest, SleepForEverIsEndedByCancellationOnly) {
  OneHost sim;
  const auto forever = []() -> Task<Status> { co_return co_await SleepUntil(kNever); };
  EXPECT_EQ(sim.Run(Timeout(1h, forever())).code(), StatusCode::kDeadlineExceeded);
  // And keeps no loop from resting.
  EXPECT_EQ(sim.Run(forever()).code(), StatusCode::kFailedPrecondition);
  EXPECT_LT(sim.world.now(), Instant(2h));
}

// While a loop does not turn it cannot hear, so the time does not count against those it should have heard.
TEST(LoopTest, LongTurnExtendsTimersByItself) {
  OneHost sim;
  const auto test = [](sim::SimHost& host) -> Task<void> {
    const Instant begin = Loop::current()->now();
    TaskGroup group;
    Instant woken;
    const auto sleep = [](Instant& when) -> Task<void> {
      EXPECT_EQ(co_await Sleep(200ms), Status::Ok());
      when = Loop::current()->now();
    };
    group.Spawn(sleep(woken));
    EXPECT_EQ(co_await Sleep(100ms), Status::Ok());
    host.Burn(1s);
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_GE(woken - begin, 1200ms);
    EXPECT_LT(woken - begin, 1201ms);
    // Turns below the limit are ordinary life.
    const Instant second = Loop::current()->now();
    group.Spawn(sleep(woken));
    EXPECT_EQ(co_await Sleep(100ms), Status::Ok());
    host.Burn(Loop::kLongTurn - 1ms);
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_LT(woken - second, 201ms);
  };
  sim.Run(test(sim.host));
  const LoopStats stats = sim.host.loop().stats();
  EXPECT_EQ(stats.long_turns, 1u);
  EXPECT_GE(stats.stalled, 1s);
  EXPECT_GE(stats.longest_turn, 1s);
  ASSERT_EQ(sim.host.reports().size(), 1u);
  EXPECT_EQ(sim.host.reports()[0].kind, ReportKind::kLongTurn);
  EXPECT_TRUE(sim.host.reports()[0].text.contains("host-0/loop-0: a turn took 1000.0 ms"))
      << sim.host.reports()[0].text;
  EXPECT_TRUE(sim.host.reports()[0].text.contains("loop_test.cc:")) << sim.host.reports()[0].text;
}

TEST(LoopTest, AnswerThatCameDuringAStallBeatsTheDeadline) {
  OneHost sim;
  Loop& loop = sim.host.loop();
  Readiness readiness;
  readiness.ClearReadable();
  const auto read = [](Readiness& from) -> Task<Status> { co_return co_await from.Readable(); };
  sim.world.After(10ms, [&] { sim.host.Stall(1s); });
  sim.world.After(11ms, [&] { loop.Post([] {}); });  // the turn in which it is stopped
  sim.world.After(500ms, [&] { static_cast<sim::SimReactor&>(loop.reactor()).Deliver(readiness, {.readable = true}); });
  EXPECT_EQ(sim.Run(Timeout(100ms, read(readiness))), Status::Ok());
  EXPECT_GE(sim.world.now(), Instant(2s));
}

TEST(LoopTest, QueuedWorkIsDoneBeforeTheLoopEnds) {
  Host host(Host::SystemParts("test"));
  std::vector<int> order;
  {
    Loop loop(host, *MakeEpollReactor(), "short");
    struct PostsWhenItGoes {
      explicit PostsWhenItGoes(Loop& owner, std::vector<int>& to) : loop(owner), log(to) {}
      ~PostsWhenItGoes() {
        loop.Post([&to = log] { to.push_back(2); });
      }
      Loop& loop;
      std::vector<int>& log;
    };
    loop.Post([&order, last = std::make_unique<PostsWhenItGoes>(loop, order)] { order.push_back(1); });
  }
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(LoopDeathTest, EndingWithALivingTaskNamesIt) {
  EXPECT_DEATH(
      {
        Host host(Host::SystemParts("test"));
        std::optional<Loop> loop(std::in_place, host, *MakeEpollReactor(), "short");
        std::optional<TaskGroup> group;
        loop->Post([&] {
          group.emplace();
          const auto forever = []() -> Task<void> { (co_await Sleep(1h)).IgnoreError(); };
          group->Spawn(forever());
        });
        loop->Turn(Duration::zero());
        loop.reset();
      },
      "loop short ends while a task spawned at flywheel/runtime/loop_test.cc:[0-9]+ still lives; join its TaskGroup");
}

}  // namespace
}  // namespace flywheel::inline v0
