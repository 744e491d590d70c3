#include "flywheel/runtime/context.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/offload.h"
#include "flywheel/runtime/runtime.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;
using namespace std::chrono_literals;

TEST(ContextTest, EmptyRootKnowsNothing) {
  const Context& root = Context::current();
  EXPECT_FALSE(root.cancelled());
  EXPECT_EQ(root.status(), Status::Ok());
  EXPECT_EQ(root.deadline(), kNever);
  EXPECT_EQ(root.draining(), nullptr);
  EXPECT_EQ(root.trace(), TraceIds());
  EXPECT_EQ(root.baggage(), "");
  EXPECT_EQ(root.cost(), nullptr);
  EXPECT_EQ(root.host(), nullptr);
  EXPECT_EQ(root.loop(), nullptr);
  const std::string text(100, 'x');
  const std::pmr::string copy(text, root.arena());
  EXPECT_EQ(copy.size(), text.size());
}

TEST(ContextTest, ChildInheritsWhatItDoesNotSay) {
  OneHost sim;
  const auto test = [](OneHost& world) -> Task<void> {
    const Context& task = Context::current();
    EXPECT_EQ(task.host(), &world.host.host());
    EXPECT_EQ(task.loop(), Loop::current());
    EXPECT_EQ(task.draining(), &world.host.loop().draining());
    std::pmr::monotonic_buffer_resource arena;
    Cost cost;
    Event draining;
    const TraceIds trace{.trace_id = Id128(1, 2), .span_id = Id64(3), .flags = 1};
    std::string baggage = "a=b";
    const Instant deadline = Loop::current()->now() + 1s;
    const ContextRef parent = task.Child({.deadline = deadline,
                                          .trace = &trace,
                                          .baggage = &baggage,
                                          .cost = &cost,
                                          .arena = &arena,
                                          .draining = &draining});
    baggage = "copied";
    const ContextRef child = parent->Child();
    for (const ContextRef& one : {parent, child}) {
      EXPECT_EQ(one->deadline(), deadline);
      EXPECT_EQ(one->trace(), trace);
      EXPECT_EQ(one->baggage(), "a=b");
      EXPECT_EQ(one->cost(), &cost);
      EXPECT_EQ(one->arena(), &arena);
      EXPECT_EQ(one->draining(), &draining);
      EXPECT_EQ(one->host(), task.host());
      EXPECT_EQ(one->loop(), task.loop());
    }
    EXPECT_EQ(parent->Child({.deadline = deadline + 1s})->deadline(), deadline);
    EXPECT_EQ(parent->Child({.deadline = deadline - 1s})->deadline(), deadline - 1s);
    EXPECT_EQ(parent->Child({.shielded = true})->deadline(), kNever);
    EXPECT_EQ(parent->Child({.deadline = deadline + 1s, .shielded = true})->deadline(), deadline + 1s);
    EXPECT_EQ(parent->Child({.shielded = true})->baggage(), "a=b");
    co_return;
  };
  sim.Run(test(sim));
}

TEST(ContextTest, DeadlineCancelsWithItsLengthAndNotBefore) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    const ContextScope scope(Context::current().Child({.deadline = Loop::current()->now() + 2500us}));
    const ContextRef child = Context::current().Child();
    EXPECT_EQ(co_await Sleep(2400us), Status::Ok());
    EXPECT_FALSE(Context::current().cancelled());
    EXPECT_EQ(co_await Sleep(1s), DeadlineExceeded("deadline of 2.5 ms exceeded"));
    EXPECT_TRUE(Context::current().cancelled());
    EXPECT_EQ(child->status(), DeadlineExceeded("deadline of 2.5 ms exceeded"));
    EXPECT_EQ(co_await Sleep(1s), DeadlineExceeded("deadline of 2.5 ms exceeded"));
  };
  const Instant before = sim.world.now();
  sim.Run(test());
  EXPECT_LT(sim.world.now() - before, 3ms);
}

TEST(ContextTest, ExtremeDeadlinesAreTakenAsTheyAre) {
  OneHost sim;
  const auto passed = [](Instant deadline) -> Task<Status> {
    const ContextScope scope(Context::current().Child({.deadline = deadline}));
    co_return co_await Sleep(1h);
  };
  for (const Instant past : {Instant::min(), Instant(-1ns), Instant(), Instant(1s)}) {
    EXPECT_EQ(sim.Run(passed(past)), DeadlineExceeded("deadline of 0.0 ms exceeded")) << past.time_since_epoch();
  }
  for (const Instant never : {kNever, kNever - 1ns, kNever - std::chrono::years(1)}) {
    EXPECT_EQ(sim.Run(passed(never)), Status::Ok()) << never.time_since_epoch();
  }
  // The same once a long turn has shifted the timers.
  const auto burn = [](sim::SimHost& host) -> Task<Status> {
    host.Burn(100ms);
    co_return co_await Yield();
  };
  EXPECT_EQ(sim.Run(burn(sim.host)), Status::Ok());
  EXPECT_EQ(sim.Run(passed(Instant::min())).code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(sim.Run(passed(kNever - 1ns)), Status::Ok());
}

TEST(ContextTest, FirstCauseStays) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    const ContextRef parent = Context::current().Child({.deadline = Loop::current()->now() + 1ms});
    const ContextRef child = parent->Child();
    child->Cancel(Aborted("first"));
    child->Cancel(Aborted("second"));
    parent->Cancel(Unavailable("parent"));
    EXPECT_EQ(co_await Sleep(10ms), Status::Ok());
    EXPECT_EQ(child->status(), Aborted("first"));
    EXPECT_EQ(parent->status(), Unavailable("parent"));
    EXPECT_EQ(parent->Child()->status(), Unavailable("parent"));
    EXPECT_EQ(child->Child()->status(), Aborted("first"));
    EXPECT_EQ(parent->Child({.shielded = true})->status(), Status::Ok());
    EXPECT_FALSE(Context::current().cancelled());
    // Nothing is left to be woken for.
    const ContextRef late = Context::current().Child({.deadline = Loop::current()->now() + 1h});
    late->Cancel(Aborted("early"));
    EXPECT_EQ(co_await Yield(), Status::Ok());
    EXPECT_EQ(Loop::current()->IdleTime(), Duration::max());
  };
  sim.Run(test());
}

TEST(ContextTest, ShieldKeepsOutTheParentButNotItsOwnDeadlineOrCancel) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    const ContextRef parent = Context::current().Child();
    const ContextRef shielded = parent->Child({.deadline = Loop::current()->now() + 5ms, .shielded = true});
    const ContextRef below = shielded->Child();
    const ContextRef other = parent->Child({.shielded = true});
    parent->Cancel(Cancelled("stop"));
    EXPECT_FALSE(shielded->cancelled());
    EXPECT_FALSE(below->cancelled());
    EXPECT_EQ(co_await Sleep(10ms), Status::Ok());
    EXPECT_EQ(below->status().code(), StatusCode::kDeadlineExceeded);
    EXPECT_FALSE(other->cancelled());
    other->Cancel(Cancelled("other"));
    EXPECT_EQ(other->status(), Cancelled("other"));
  };
  sim.Run(test());
}

TEST(ContextTest, CancelWakesEveryWaiterBelowOnce) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    int woken = 0;
    const ContextRef top = Context::current().Child();
    TaskGroup group(*top);
    const auto sleep = [](int& counter, int depth) -> Task<void> {
      const auto nested = [](auto& self, int& count, int below) -> Task<void> {
        const ContextScope scope(Context::current().Child());
        if (below != 0) co_return co_await self(self, count, below - 1);
        EXPECT_EQ(co_await Sleep(1h), Cancelled("all"));
        ++count;
      };
      co_await nested(nested, counter, depth);
    };
    for (int depth = 0; depth < 10; ++depth) group.Spawn(sleep(woken, depth));
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    top->Cancel(Cancelled("all"));
    EXPECT_EQ(woken, 0);  // no user code runs inside Cancel
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(woken, 10);
  };
  sim.Run(test());
}

// Recursion over the tree would overflow the stack, at cancelling or at dying.
TEST(ContextTest, DeepAndWideTreesCancelAndDieWithoutStack) {
  const int size = 100'000;
  OneHost sim;
  const auto test = [](int count) -> Task<void> {
    ContextRef top = Context::current().Child();
    ContextRef leaf = top;
    for (int i = 0; i < count; ++i) leaf = leaf->Child();
    std::vector<ContextRef> wide;
    for (int i = 0; i < count; ++i) wide.push_back(top->Child());
    top->Cancel(Cancelled("all"));
    EXPECT_EQ(leaf->status(), Cancelled("all"));
    int cancelled = 0;
    for (const ContextRef& one : wide) cancelled += one->cancelled() ? 1 : 0;
    EXPECT_EQ(cancelled, count);
    wide.clear();
    top = ContextRef();
    leaf = ContextRef();  // the whole chain goes with its last leaf
    co_return;
  };
  sim.Run(test(size));
  // The same without a loop, where every child is a remote one.
  ContextRef top = Context::current().Child();
  ContextRef leaf = top;
  for (int i = 0; i < size; ++i) leaf = leaf->Child();
  std::vector<ContextRef> wide;
  for (int i = 0; i < 10'000; ++i) wide.push_back(top->Child());
  top->Cancel(Cancelled("all"));
  EXPECT_EQ(leaf->status(), Cancelled("all"));
  for (const ContextRef& one : wide) EXPECT_TRUE(one->cancelled());
  top = ContextRef();
  leaf = ContextRef();
}

TEST(ContextTest, LoopClearsItBetweenWorks) {
  OneHost sim;
  Loop& loop = sim.host.loop();
  std::vector<const Context*> seen;
  const auto task = [](std::vector<const Context*>& list) -> Task<void> {
    const ContextScope scope(Context::current().Child());
    const Context* const mine = &Context::current();
    list.push_back(mine);
    EXPECT_EQ(co_await Yield(), Status::Ok());
    EXPECT_EQ(&Context::current(), mine);
  };
  sim.host.Spawn(task(seen));
  sim.world.RunFor(1ms);
  ASSERT_EQ(seen.size(), 1u);
  loop.Post([&] { seen.push_back(&Context::current()); });
  sim.host.Spawn(task(seen));
  loop.Post([&] { seen.push_back(&Context::current()); });
  sim.world.RunFor(1ms);
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[1], &loop.context());
  EXPECT_EQ(seen[2], &loop.context());
  EXPECT_EQ(Context::current().host(), nullptr);
}

TEST(ContextTest, ScopesNestAndRestore) {
  const Context* const root = &Context::current();
  const ContextRef a = Context::current().Child();
  {
    const ContextScope outer(a);
    EXPECT_EQ(&Context::current(), a.get());
    const ContextRef b = Context::current().Child();
    {
      const ContextScope inner(b);
      const ContextScope same(b);
      EXPECT_EQ(&Context::current(), b.get());
    }
    EXPECT_EQ(&Context::current(), a.get());
  }
  EXPECT_EQ(&Context::current(), root);
}

TEST(ContextTest, BoundCallbackRunsUnderItsContextAndKeepsIt) {
  const std::string baggage = "who=me";
  std::move_only_function<std::unique_ptr<int>&(std::unique_ptr<int>&, int)> bound;
  const Context* context = nullptr;
  {
    const ContextScope scope(Context::current().Child({.baggage = &baggage}));
    context = &Context::current();
    bound = Context::Bind(
        [owned = std::make_unique<int>(3), context](std::unique_ptr<int>& out, int more) -> std::unique_ptr<int>& {
          EXPECT_EQ(&Context::current(), context);
          EXPECT_EQ(Context::current().baggage(), "who=me");
          *out = *owned + more;
          return out;
        });
  }
  EXPECT_EQ(Context::current().baggage(), "");
  auto out = std::make_unique<int>(0);
  EXPECT_EQ(&bound(out, 4), &out);
  EXPECT_EQ(*out, 7);
  EXPECT_EQ(Context::current().baggage(), "");
}

TEST(ContextTest, OffloadJobSeesItAndLeavesTheThreadClean) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    const std::string baggage = "job=1";
    const ContextScope scope(Context::current().Child({.baggage = &baggage}));
    const auto seen = co_await Offload([] { return std::string(Context::current().baggage()); });
    EXPECT_EQ(*seen, "job=1");
    EXPECT_EQ(Context::current().baggage(), "job=1");
  };
  sim.Run(test());
  EXPECT_EQ(Context::current().baggage(), "");
}

TEST(ContextDeathTest, MisuseIsNamed) {
  EXPECT_DEATH(Context::current().Cancel(Cancelled("all")), "the empty root context cannot be cancelled");
  EXPECT_DEATH(Context::current().Child()->Cancel(Status::Ok()), "cancelled with a cause, not with OK");
  // The lists of a context belong to its home, so nobody may wait under one of another home.
  const ContextRef foreign = Context::current().Child();
  const auto waits = [](ContextRef context) -> Task<void> {
    const ContextScope scope(std::move(context));
    (co_await Sleep(1s)).IgnoreError();
  };
  EXPECT_DEATH(OneHost().Run(waits(foreign)), "another home");
}

TEST(ContextDeathTest, LoopThatEndsBeforeItsContextsSaysSo) {
  const auto leak = []() -> Task<ContextRef> { co_return Context::current().Child(); };
  EXPECT_DEATH(
      {
        ContextRef kept;
        auto runtime = *Runtime::Create({.name = "test", .loops = 1});
        kept = *runtime->BlockOn(leak());
        runtime.reset();
      },
      "loop loop-0 ends while 3 of its contexts are still referenced");
}

}  // namespace
}  // namespace flywheel::inline v0
