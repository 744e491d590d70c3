// Contexts that several threads meet in: cancelled, adopted, left and dropped elsewhere than at home.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "flywheel/runtime/context.h"
#include "flywheel/runtime/event.h"
#include "flywheel/runtime/offload.h"
#include "flywheel/runtime/runtime.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Runtime> Loops(int count) { return *Runtime::Create({.name = "test", .loops = count}); }

// Runs `function` on `loop` and waits for it.
template <typename Function>
void OnLoop(Loop& loop, Function function) {
  std::atomic<bool> done = false;
  loop.Post([&] {
    function();
    done.store(true, std::memory_order_release);
    done.notify_one();
  });
  done.wait(false, std::memory_order_acquire);
}

TEST(ContextThreadsTest, CancelFromAnotherThreadIsSeenAtOnceAndWakesAtHome) {
  const auto runtime = Loops(1);
  std::atomic<const Context*> waiting = nullptr;
  const auto wait = [](std::atomic<const Context*>& out) -> Task<Status> {
    const ContextRef mine = Context::current().Child();
    const ContextScope scope(mine);
    out.store(mine.get(), std::memory_order_release);
    out.notify_one();
    co_return co_await Sleep(1h);
  };
  std::thread canceller([&] {
    waiting.wait(nullptr, std::memory_order_acquire);
    const ContextRef context(*waiting.load(std::memory_order_acquire));
    context->Cancel(Aborted("from afar"));
    EXPECT_TRUE(context->cancelled());
    EXPECT_EQ(context->status(), Aborted("from afar"));
  });
  EXPECT_EQ(runtime->BlockOn(wait(waiting)), Aborted("from afar"));
  canceller.join();
}

TEST(ContextThreadsTest, TaskOfAForeignThreadLivesUnderItsContext) {
  const auto runtime = Loops(1);
  const std::string baggage = "who=foreign";
  const TraceIds trace{.trace_id = Id128(1, 2), .span_id = Id64(3), .flags = 1};
  const Instant deadline = runtime->host().clock().Now() + 1h;
  const ContextRef mine = Context::current().Child({.deadline = deadline, .trace = &trace, .baggage = &baggage});
  const ContextScope scope(mine);
  const auto look = [](Instant expected) -> Task<std::string> {
    EXPECT_EQ(Context::current().deadline(), expected);
    EXPECT_EQ(Context::current().trace().span_id, Id64(3));
    EXPECT_EQ(Context::current().loop(), Loop::current());
    EXPECT_EQ(Context::current().host(), &Loop::current()->host());
    EXPECT_EQ(Context::current().draining(), &Loop::current()->draining());
    co_return std::string(Context::current().baggage());
  };
  EXPECT_EQ(*runtime->BlockOn(look(deadline)), "who=foreign");
}

TEST(ContextThreadsTest, DeadlineOfAForeignThreadEndsItsTask) {
  const auto runtime = Loops(1);
  const ContextScope scope(Context::current().Child({.deadline = runtime->host().clock().Now() + 5ms}));
  const auto sleep = []() -> Task<Status> { co_return co_await Sleep(1h); };
  EXPECT_EQ(runtime->BlockOn(sleep()).code(), StatusCode::kDeadlineExceeded);
}

TEST(ContextThreadsTest, CancelOfAForeignContextReachesItsTasks) {
  const auto runtime = Loops(1);
  const ContextRef mine = Context::current().Child();
  std::atomic<bool> started = false;
  std::thread canceller([&] {
    started.wait(false);
    mine->Cancel(Cancelled("changed my mind"));
  });
  const ContextScope scope(mine);
  const auto sleep = [](std::atomic<bool>& flag) -> Task<Status> {
    flag.store(true);
    flag.notify_one();
    co_return co_await Sleep(1h);
  };
  EXPECT_EQ(runtime->BlockOn(sleep(started)), Cancelled("changed my mind"));
  canceller.join();
}

TEST(ContextThreadsTest, ChildrenOnOtherLoopsAreCancelledThere) {
  const auto runtime = Loops(2);
  const auto home = [](Loop& other) -> Task<void> {
    const ContextRef parent = Context::current().Child();
    struct There {
      std::optional<TaskGroup> group;
      std::atomic<bool> waits = false;
      std::atomic<bool> ended = false;
    } there;
    Loop& here = *Loop::current();
    Event told;
    other.Post([&there, parent] {
      there.group.emplace(*parent);
      const auto sleep = [](There& mine) -> Task<void> {
        EXPECT_EQ(Context::current().draining(), &Loop::current()->draining());
        mine.waits.store(true);
        EXPECT_EQ(co_await Sleep(1h), Cancelled("both"));
      };
      there.group->Spawn(sleep(there));
    });
    while (!there.waits.load()) EXPECT_EQ(co_await Yield(), Status::Ok());
    parent->Cancel(Cancelled("both"));
    const auto join = [](There& mine, Loop& back, Event& done) -> Task<void> {
      EXPECT_EQ(co_await mine.group->Join(), Status::Ok());
      back.Post([&done] { done.Set(); });
    };
    struct Joiner {
      std::optional<TaskGroup> group;
    } joiner;
    other.Post([&] {
      joiner.group.emplace(Loop::current()->context());
      joiner.group->Spawn(join(there, here, told));
    });
    EXPECT_EQ(co_await told.Wait(), Status::Ok());
    told.Reset();
    other.Post([&] {
      joiner.group.reset();
      there.group.reset();
      here.Post([&] { told.Set(); });
    });
    EXPECT_EQ(co_await told.Wait(), Status::Ok());
  };
  EXPECT_EQ(runtime->BlockOn(home(runtime->loop(1))), Status::Ok());
}

// The child's constructor and the parent's Cancel meet without a lock between them when it is the first remote child.
TEST(ContextThreadsTest, ChildMadeElsewhereWhileItsParentIsCancelledIsNeverMissed) {
  constexpr int kRounds = 4'000;
  std::vector<ContextRef> parents;
  for (int i = 0; i < kRounds; ++i) parents.push_back(Context::current().Child());
  // Spinning brings both threads closer together than any primitive that waits; the bound is for a busy machine.
  std::array<std::atomic<int>, 2> arrived{};
  const auto meet = [&arrived](std::size_t me, int round) {
    arrived[me].store(round + 1);
    for (int spins = 0; arrived[1 - me].load() <= round; ++spins) {
      if (spins % 1000 == 999) std::this_thread::yield();
    }
  };
  std::vector<ContextRef> children(kRounds);
  std::thread maker([&] {
    for (int round = 0; round < kRounds; ++round) {
      meet(1, round);
      children[static_cast<std::size_t>(round)] = parents[static_cast<std::size_t>(round)]->Child();
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    meet(0, round);
    parents[static_cast<std::size_t>(round)]->Cancel(Cancelled("now"));
  }
  maker.join();
  int missed = 0;
  for (const ContextRef& child : children) missed += child->cancelled() ? 0 : 1;
  EXPECT_EQ(missed, 0);
}

TEST(ContextThreadsTest, OneOfManyCausesWins) {
  for (int round = 0; round < 200; ++round) {
    const ContextRef context = Context::current().Child();
    std::vector<std::thread> threads;
    std::array<Status, 4> seen;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      threads.emplace_back([&, i] {
        context->Cancel(Cancelled("cause " + std::to_string(i)));
        seen[i] = context->status();
      });
    }
    for (std::thread& thread : threads) thread.join();
    const Status final = context->status();
    EXPECT_FALSE(final.ok());
    // Who came second may look before the first has written its cause, and then sees none yet.
    for (const Status& one : seen) EXPECT_TRUE(one.ok() || one == final);
  }
}

TEST(ContextThreadsTest, LastReferenceMayGoAnywhere) {
  const auto runtime = Loops(2);
  for (int round = 0; round < 100; ++round) {
    ContextRef parent;
    ContextRef child;
    OnLoop(runtime->loop(0), [&] { parent = Context::current().Child(); });
    OnLoop(runtime->loop(1), [&] { child = parent->Child(); });
    std::thread other([dropped = std::move(child)] {});
    OnLoop(runtime->loop(1), [dropped = std::move(parent)] {});
    other.join();
  }
}

TEST(ContextThreadsTest, RemoteChildrenComeAndGoWhileTheParentIsCancelled) {
  const auto runtime = Loops(2);
  for (int round = 0; round < 50; ++round) {
    ContextRef parent;
    OnLoop(runtime->loop(0), [&] { parent = Context::current().Child(); });
    std::vector<ContextRef> kept;
    std::thread foreign([&] {
      for (int i = 0; i < 50; ++i) {
        const ContextRef shortlived = parent->Child();
        kept.push_back(shortlived->Child());
      }
    });
    std::atomic<bool> done = false;
    runtime->loop(1).Post([&] {
      for (int i = 0; i < 50; ++i) (void)parent->Child();
      done.store(true);
      done.notify_one();
    });
    parent->Cancel(Cancelled("now"));
    foreign.join();
    done.wait(false);
    OnLoop(runtime->loop(0), [] {});
    for (const ContextRef& child : kept) EXPECT_TRUE(child->cancelled());
  }
}

TEST(ContextThreadsTest, BoundCallbackOfALoopRunsOnAnyThread) {
  const auto runtime = Loops(1);
  const auto bind = []() -> Task<std::string> {
    const std::string baggage = "bound=yes";
    const ContextScope scope(Context::current().Child({.baggage = &baggage}));
    std::string seen;
    std::thread other(
        [&seen, bound = Context::Bind([] { return std::string(Context::current().baggage()); })]() mutable {
          EXPECT_EQ(Context::current().baggage(), "");
          seen = bound();
          EXPECT_EQ(Context::current().baggage(), "");
        });
    other.join();
    co_return seen;
  };
  EXPECT_EQ(*runtime->BlockOn(bind()), "bound=yes");
}

TEST(ContextThreadsTest, OffloadJobMayCancelAndMakeChildren) {
  const auto runtime = Loops(1);
  const auto test = []() -> Task<Status> {
    const ContextScope scope(Context::current().Child());
    const auto deep = co_await Offload([] {
      const ContextScope inner(Context::current().Child());
      EXPECT_EQ(Context::current().loop(), nullptr);
      EXPECT_NE(Context::current().host(), nullptr);
      const ContextRef below = Context::current().Child();
      const ContextScope there(below);
      return Context::current().cancelled();
    });
    EXPECT_FALSE(*deep);
    // The job that cancels its own caller has run, so its result is what the caller gets.
    EXPECT_EQ(*co_await Offload([] {
      Context::current().Cancel(Aborted("by the job"));
      return 5;
    }),
              5);
    co_return co_await Sleep(1h);
  };
  EXPECT_EQ(runtime->BlockOn(test()), Aborted("by the job"));
}

}  // namespace
}  // namespace flywheel::inline v0
