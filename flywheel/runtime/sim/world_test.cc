#include "flywheel/runtime/sim/world.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "flywheel/runtime/event.h"
#include "flywheel/runtime/gate.h"
#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/offload.h"
#include "flywheel/runtime/queue.h"
#include "flywheel/runtime/semaphore.h"
#include "flywheel/runtime/sim/reactor.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0::sim {
namespace {

using namespace std::chrono_literals;

Task<void> Chatter(SimWorld& world, std::string name) {
  for (int i = 0; i < 20; ++i) {
    world.Note(name);
    if (Loop::current()->random().Chance(0.5)) {
      EXPECT_EQ(co_await Yield(), Status::Ok());
    } else {
      EXPECT_EQ(co_await Offload([] {}), Status::Ok());
    }
  }
}

// The order in which three hosts get on, and the hash.
std::pair<std::uint64_t, std::uint64_t> RunChatter(std::uint64_t seed) {
  SimWorld world(seed);
  for (const char* const name : {"a", "b", "c"}) world.AddHost({.name = name}).Spawn(Chatter(world, name));
  while (world.Step()) continue;
  return {world.history_hash(), world.steps()};
}

TEST(SimWorldTest, SameSeedSameHistoryOtherSeedAnother) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto first = RunChatter(seed);
    // Whatever lies elsewhere in memory must not matter.
    const auto disturbance = std::make_unique<char[]>(1000 + 100 * seed);
    EXPECT_EQ(RunChatter(seed), first);
    hashes.insert(first.first);
  }
  EXPECT_EQ(hashes.size(), 20u);
}

TEST(SimWorldTest, TimeJumpsToTheNextEvent) {
  SimWorld world(1);
  SimHost& host = world.AddHost();
  const Instant begin = world.now();
  const auto sleep = []() -> Task<Status> { co_return co_await Sleep(365 * 24h); };
  EXPECT_EQ(world.Run(host, sleep()), Status::Ok());
  EXPECT_GE(world.now() - begin, 365 * 24h);
  EXPECT_LT(world.now() - begin, 365 * 24h + 1ms);
  EXPECT_LT(world.steps(), 100u);
}

TEST(SimWorldTest, RunForEndsAtItsTimeExactly) {
  SimWorld world(1);
  SimHost& host = world.AddHost();
  const Instant begin = world.now();
  world.RunFor(10ms);
  EXPECT_EQ(world.now() - begin, 10ms);
  int ticks = 0;
  const auto tick = [](int& count) -> Task<void> {
    for (;;) {
      if (!(co_await Sleep(1ms)).ok()) co_return;
      ++count;
    }
  };
  host.Spawn(tick(ticks));
  world.RunFor(100ms);
  EXPECT_EQ(world.now() - begin, 110ms);
  EXPECT_GE(ticks, 98);
  EXPECT_LE(ticks, 100);
}

TEST(SimWorldTest, EventsComeAtTheirTimeAndInOrder) {
  SimWorld world(1);
  const Instant begin = world.now();
  std::vector<int> order;
  world.After(2ms, [&] {
    order.push_back(2);
    EXPECT_EQ(world.now() - begin, 2ms);
    EXPECT_EQ(Loop::current(), nullptr);
    world.At(begin, [&] { order.push_back(3); });  // the past is now
  });
  world.After(1ms, [&] { order.push_back(0); });
  world.After(1ms, [&] { order.push_back(1); });
  while (world.Step()) continue;
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(world.now() - begin, 2ms);
}

TEST(SimWorldTest, HostOwnsItsSurroundings) {
  SimWorld world(1);
  SimHost& host = world.AddHost({.environment = {{"A", "1"}}});
  SimHost& other = world.AddHost();
  EXPECT_EQ(host.name(), "host-0");
  EXPECT_EQ(other.name(), "host-1");
  EXPECT_EQ(host.host().environment().Get("A"), "1");
  EXPECT_EQ(other.host().environment().Get("A"), std::nullopt);
  EXPECT_NE(host.host().NewRandom()(), other.host().NewRandom()());
  const WallTime before = host.host().clock().Wall();
  const Instant monotonic = host.host().clock().Now();
  host.JumpWall(-1h);
  EXPECT_EQ(host.host().clock().Wall(), before - 1h);
  EXPECT_EQ(host.host().clock().Now(), monotonic);
  EXPECT_EQ(other.host().clock().Wall(), before);
  host.Crash();
  host.Restart();
  EXPECT_EQ(host.host().clock().Wall(), before - 1h);  // its battery holds
}

TEST(SimWorldTest, ComingToRestIsSaidWithTheSeed) {
  SimWorld world(4711);
  SimHost& host = world.AddHost();
  Event never;
  const auto wait = [](Event& event) -> Task<int> {
    (co_await event.Wait()).IgnoreError();
    co_return 5;
  };
  const auto result = world.Run(host, wait(never));
  EXPECT_EQ(result.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(result.status().message().contains("sim/world_test.cc:")) << result.status().ToString();
  EXPECT_TRUE(result.status().message().ends_with("replay with seed 4711")) << result.status().ToString();
  // The task is still there, and may yet end.
  host.loop().Post([&] { never.Set(); });
  while (world.Step()) continue;
  const auto fine = []() -> Task<int> { co_return 6; };
  EXPECT_EQ(*world.Run(host, fine()), 6);
}

TEST(SimWorldTest, ResultsAndExceptionsOfRun) {
  SimWorld world(1);
  SimHost& host = world.AddHost();
  const auto nothing = []() -> Task<void> { co_return; };
  EXPECT_EQ(world.Run(host, nothing()), Status::Ok());
  const auto fails = []() -> Task<Status> { co_return NotFound("x"); };
  EXPECT_EQ(world.Run(host, fails()), NotFound("x"));
  const auto throws = []() -> Task<std::string> {
    (co_await Yield()).IgnoreError();
    throw std::runtime_error("broken");
  };
  EXPECT_THROW(world.Run(host, throws()).status().IgnoreError(), std::runtime_error);
}

struct Witness {
  explicit Witness(int& of) : count(of) { ++count; }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { --count; }
  int& count;
};

TEST(SimCrashTest, FramesGoAndNothingRunsAfterwards) {
  SimWorld world(1);
  SimHost& host = world.AddHost();
  int alive = 0;
  bool went_on = false;
  const auto works = [](int& count, bool& after) -> Task<void> {
    const auto below = [](int& deep, bool& flag) -> Task<void> {
      const Witness mine(deep);
      (co_await Sleep(1h)).IgnoreError();
      flag = true;
    };
    const Witness mine(count);
    TaskGroup group;
    for (int i = 0; i < 3; ++i) group.Spawn(below(count, after));
    co_await below(count, after);
    (co_await group.Join()).IgnoreError();
    after = true;
  };
  host.Spawn(works(alive, went_on));
  world.RunFor(1s);
  EXPECT_EQ(alive, 5);
  host.Crash();
  EXPECT_FALSE(host.running());
  EXPECT_EQ(alive, 0);
  EXPECT_FALSE(went_on);
  while (world.Step()) continue;
  EXPECT_FALSE(went_on);
  host.Crash();  // once more is no harm
  host.Restart();
  const auto fine = []() -> Task<int> { co_return 1; };
  EXPECT_EQ(*world.Run(host, fine()), 1);
}

TEST(SimCrashTest, TaskThatCrashesItsHostFinishesTheTurn) {
  SimWorld world(1);
  SimHost& host = world.AddHost();
  int steps = 0;
  const auto suicide = [](SimHost& mine, int& count) -> Task<void> {
    ++count;
    mine.Crash();
    ++count;  // the turn has not ended
    (co_await Yield()).IgnoreError();
    ++count;
  };
  EXPECT_EQ(world.Run(host, suicide(host, steps)), Unavailable("host-0 crashed"));
  EXPECT_EQ(steps, 2);
}

TEST(SimCrashTest, RunNoticesACrashEvenIfTheHostIsUpAgain) {
  SimWorld world(1);
  SimHost& host = world.AddHost();
  world.After(1ms, [&] {
    host.Crash();
    host.Restart();
  });
  const auto sleep = []() -> Task<Status> { co_return co_await Sleep(1h); };
  EXPECT_EQ(world.Run(host, sleep()), Unavailable("host-0 crashed"));
  EXPECT_LT(world.now(), Instant(2s));
}

// Each thing that a frame can be in the midst of, with waiters that die before and after what they wait for.
TEST(SimCrashTest, EveryWaitCanBeCutByACrash) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimWorld world(seed);
    SimHost& host = world.AddHost();
    int alive = 0;
    struct Shared {
      Event event;
      Semaphore semaphore{1};
      Queue<std::unique_ptr<int>> full{1};
      Queue<std::unique_ptr<int>> empty{1};
      Gate gate;
      Readiness readiness;
    };
    // The owner is spawned first, so that what the others wait for goes last, or last, so that it goes first.
    const auto owns = [](std::optional<Shared>*& place, int& count) -> Task<void> {
      const Witness mine(count);
      std::optional<Shared> shared(std::in_place);
      shared->readiness.ClearReadable();
      place = &shared;
      (co_await Sleep(1h)).IgnoreError();
    };
    const auto waits = [](std::optional<Shared>*& place, int& count, std::uint64_t what) -> Task<void> {
      const Witness mine(count);
      while (place == nullptr) (co_await Yield()).IgnoreError();
      Shared& shared = **place;
      const auto one = std::make_unique<int>(1);
      switch (what) {
        case 0:
          (co_await shared.event.Wait()).IgnoreError();
          break;
        case 1:
          (co_await shared.semaphore.Acquire(2)).status().IgnoreError();
          break;
        case 2:
          for (;;) (co_await shared.full.Push(std::make_unique<int>(1))).IgnoreError();
        case 3:
          (co_await shared.empty.Pop()).status().IgnoreError();
          break;
        case 4:
          (co_await shared.readiness.Readable()).IgnoreError();
          break;
        case 5:
          (co_await Offload([] {})).IgnoreError();
          (co_await Sleep(1h)).IgnoreError();
          break;
        case 6: {
          const auto permit = co_await shared.semaphore.Acquire();
          (co_await Sleep(1h)).IgnoreError();
          break;
        }
        case 7: {
          const auto pass = shared.gate.Enter();
          (co_await Sleep(1h)).IgnoreError();
          break;
        }
        default:
          for (;;) (co_await Yield()).IgnoreError();
      }
      ADD_FAILURE() << "went on after wait " << what;
    };
    std::optional<Shared>* place = nullptr;
    const bool owner_first = world.random().Chance(0.5);
    if (owner_first) host.Spawn(owns(place, alive));
    for (std::uint64_t what = 0; what < 9; ++what) host.Spawn(waits(place, alive, what));
    if (!owner_first) host.Spawn(owns(place, alive));
    world.RunFor(std::chrono::microseconds(100 + world.random().Below(1000)));
    EXPECT_EQ(alive, 10);
    host.Crash();
    EXPECT_EQ(alive, 0) << "seed " << seed;
  }
}

TEST(SimCrashTest, JobOfACrashedHostNeverRuns) {
  SimWorld world(1);
  SimHost& host = world.AddHost();
  int ran = 0;
  const auto job = [](int& count) -> Task<void> { (co_await Offload([&count] { ++count; })).IgnoreError(); };
  host.Spawn(job(ran));
  while (world.steps() < 1) world.Step();
  host.Crash();
  while (world.Step()) continue;
  EXPECT_EQ(ran, 0);
}

TEST(SimCrashTest, JobThatCrashesItsHostFinishesAndNobodyHears) {
  SimWorld world(1);
  SimHost& host = world.AddHost();
  std::vector<std::string> log;
  const auto job = [](SimHost& mine, std::vector<std::string>& lines) -> Task<void> {
    std::string owned = "a value of the frame, too long to live inside the string";
    (co_await Offload([&] {
      lines.push_back("before");
      mine.Crash();
      lines.push_back(owned);
    })).IgnoreError();
    lines.push_back("never");
  };
  host.Spawn(job(host, log));
  while (world.Step()) continue;
  EXPECT_FALSE(host.running());
  EXPECT_EQ(log, (std::vector<std::string>{"before", "a value of the frame, too long to live inside the string"}));
}

TEST(SimCrashTest, CrashBetweenAJobAndItsTask) {
  SimWorld world(1);
  SimHost& host = world.AddHost();
  bool ran = false;
  const auto job = [](bool& flag) -> Task<void> {
    (co_await Offload([&flag] { flag = true; })).IgnoreError();
    ADD_FAILURE() << "went on";
  };
  host.Spawn(job(ran));
  while (!ran) ASSERT_TRUE(world.Step());
  host.Crash();  // the result is on its way home
  while (world.Step()) continue;
}

TEST(SimCrashTest, QueuedWorkIsDroppedButItsOwnersAreFreed) {
  SimWorld world(1);
  SimHost& host = world.AddHost({.loops = 2});
  const auto owned = std::make_shared<int>(1);
  const auto task = [](std::shared_ptr<int> held) -> Task<void> {
    ++*held;
    co_return;
  };
  host.loop(0).Post([owned] { ++*owned; });
  host.loop(1).Post([owned, context = ContextRef(host.loop(0).context())] { ++*owned; });
  host.Spawn(task(owned));
  EXPECT_EQ(owned.use_count(), 4);
  host.Crash();
  EXPECT_EQ(owned.use_count(), 1);
  EXPECT_EQ(*owned, 1);
}

TEST(SimCrashTest, FramesThatReachOtherLoopsGoWithThem) {
  SimWorld world(1);
  SimHost& host = world.AddHost({.loops = 3});
  int alive = 0;
  struct There {
    std::optional<TaskGroup> group;
  };
  const auto spreads = [](SimHost& mine, int& count) -> Task<void> {
    const auto sleeps = [](int& of) -> Task<void> {
      const Witness witness(of);
      (co_await Offload([] {})).IgnoreError();
      (co_await Sleep(1h)).IgnoreError();
    };
    const Witness witness(count);
    std::vector<std::unique_ptr<There>> there;
    for (std::size_t index = 0; index < 3; ++index) {
      there.push_back(std::make_unique<There>());
      mine.loop(index).Post([&, place = there.back().get(), parent = ContextRef(Context::current())] {
        place->group.emplace(*parent);
        for (int i = 0; i < 3; ++i) place->group->Spawn(sleeps(count));
      });
    }
    (co_await Sleep(1h)).IgnoreError();
  };
  host.Spawn(spreads(host, alive));
  for (const Duration after : {0us, 3us, 200us, 10000us}) {
    world.RunFor(after);
    if (after > 1ms) EXPECT_EQ(alive, 10);
    host.Crash();
    EXPECT_EQ(alive, 0);
    host.Restart();
    host.Spawn(spreads(host, alive));
  }
}

TEST(SimFaultTest, StallHoldsTheWholeProcess) {
  SimWorld world(1);
  SimHost& host = world.AddHost({.loops = 2});
  SimHost& other = world.AddHost();
  Instant woken;
  Instant unaffected;
  const auto sleep = [](Instant& when) -> Task<void> {
    EXPECT_EQ(co_await Sleep(10ms), Status::Ok());
    when = Loop::current()->now();
  };
  const Instant begin = world.now();
  host.Spawn(sleep(woken));
  other.Spawn(sleep(unaffected));
  world.RunFor(5ms);
  host.Stall(1s);
  host.loop(1).Post([] {});
  world.RunFor(5s);
  EXPECT_GE(woken - begin, 1005ms);
  EXPECT_LT(unaffected - begin, 11ms);
  ASSERT_EQ(host.reports().size(), 1u);
  EXPECT_EQ(host.reports()[0].kind, ReportKind::kLongTurn);
}

TEST(SimFaultTest, SlowHostTakesLonger) {
  const auto measure = [](Duration turn_cost) {
    SimWorld world(1);
    SimHost& host = world.AddHost({.turn_cost = turn_cost});
    const auto yields = []() -> Task<void> {
      for (int i = 0; i < 100; ++i) EXPECT_EQ(co_await Yield(), Status::Ok());
    };
    const Instant begin = world.now();
    EXPECT_EQ(world.Run(host, yields()), Status::Ok());
    return world.now() - begin;
  };
  EXPECT_GE(measure(1ms), 100ms);
  EXPECT_LT(measure(1us), 1ms);
}

TEST(SimFaultTest, BurnMovesTheClockOfTheHostWithinItsTurn) {
  SimWorld world(1);
  SimHost& host = world.AddHost();
  const auto burns = [](SimHost& mine) -> Task<void> {
    Clock& clock = mine.host().clock();
    const Instant before = clock.Now();
    mine.Burn(5ms);
    EXPECT_EQ(clock.Now() - before, 5ms);
    EXPECT_EQ(co_await Yield(), Status::Ok());
    EXPECT_GE(clock.Now() - before, 5ms);
    EXPECT_LT(clock.Now() - before, 6ms);
  };
  EXPECT_EQ(world.Run(host, burns(host)), Status::Ok());
}

TEST(SimHostTest, ManyLoopsTalkThroughPostOnly) {
  SimWorld world(1);
  SimHost& host = world.AddHost({.loops = 4});
  struct Ring {
    void Pass(SimHost& mine, int hops) {
      seen.insert(Loop::current());
      if (hops != 0) mine.loop(static_cast<std::size_t>(hops) % 4).Post([this, &mine, hops] { Pass(mine, hops - 1); });
    }
    std::set<Loop*> seen;
  } ring;
  host.loop().Post([&] { ring.Pass(host, 100); });
  while (world.Step()) continue;
  EXPECT_EQ(ring.seen.size(), 4u);
}

TEST(SimHostTest, ReactorHasNoDescriptors) {
  SimWorld world(1);
  SimHost& host = world.AddHost();
  Readiness readiness;
  const Status status = host.loop().reactor().Watch(3, readiness);
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_TRUE(status.message().contains("use the Host's network and files"));
}

TEST(SimHostTest, DeliveredSignalsWakeAndForgottenOnesDoNot) {
  SimWorld world(1);
  SimHost& host = world.AddHost();
  auto& reactor = static_cast<SimReactor&>(host.loop().reactor());
  Readiness kept;
  auto forgotten = std::make_unique<Readiness>();
  kept.ClearReadable();
  forgotten->ClearReadable();
  reactor.Deliver(*forgotten, {.readable = true});
  reactor.Deliver(kept, {.readable = true});
  reactor.Forget(*forgotten);
  forgotten.reset();
  const auto read = [](Readiness& from) -> Task<Status> { co_return co_await from.Readable(); };
  EXPECT_EQ(world.Run(host, read(kept)), Status::Ok());
}

}  // namespace
}  // namespace flywheel::inline v0::sim
