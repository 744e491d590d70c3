// Random trees of tasks, waits, jobs, groups and bound callbacks, each node with an id in its Context: whatever looks
// at the current Context after any co_await must see the id of its own node, under random cancellation too.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "flywheel/runtime/event.h"
#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/offload.h"
#include "flywheel/runtime/queue.h"
#include "flywheel/runtime/semaphore.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"
#include "flywheel/runtime/when.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;

struct ResumedByPost {
  static bool await_ready() noexcept { return false; }
  static void await_suspend(std::coroutine_handle<> handle) {
    Loop::current()->Post([handle] { handle.resume(); });
  }
  static void await_resume() noexcept {}
};

class Tree {
 public:
  explicit Tree(std::uint64_t seed) : random_(seed) {}

  Task<void> Root() {
    co_await Node(0);
    for (auto& callback : callbacks_) callback();
    See(Context::current().trace().span_id.value());
  }

  std::uint64_t observations = 0;
  std::uint64_t wrong = 0;
  std::uint64_t cancelled_waits = 0;

 private:
  static constexpr int kDepthMax = 5;

  ContextOptions Options(TraceIds& ids) {
    ids.span_id = Id64(++last_id_);
    ContextOptions options{.trace = &ids};
    if (random_.Chance(0.2)) options.deadline = Loop::current()->now() + Micros(3000);
    if (random_.Chance(0.1)) options.shielded = true;
    return options;
  }
  Duration Micros(std::uint64_t most) { return std::chrono::microseconds(random_.Below(most)); }
  void See(std::uint64_t id) {
    ++observations;
    if (Context::current().trace().span_id.value() != id || Context::current().loop() != Loop::current()) ++wrong;
  }
  void Count(const Status& status) {
    if (!status.ok()) ++cancelled_waits;
  }

  Task<void> Node(int depth) {
    TraceIds ids;
    const ContextRef mine = Context::current().Child(Options(ids));
    const ContextScope scope(mine);
    const std::uint64_t id = ids.span_id.value();
    See(id);
    const std::uint64_t steps = 1 + random_.Below(4);
    for (std::uint64_t step = 0; step < steps; ++step) {
      co_await Step(depth, id);
      See(id);
    }
    if (random_.Chance(0.1)) mine->Cancel(Cancelled("by the tree"));
    Count(co_await Sleep(Micros(100)));
    See(id);
  }

  // No context of its own: runs under its caller's.
  Task<void> Step(int depth, std::uint64_t id) {
    See(id);
    switch (random_.Below(depth < kDepthMax ? 12 : 7)) {
      case 0:
        Count(co_await Sleep(Micros(1000)));
        break;
      case 1:
        Count(co_await Yield());
        break;
      case 2: {
        const auto seen = co_await Offload([] { return Context::current().trace().span_id.value(); });
        Count(seen.status());
        ++observations;
        if (seen.ok() && *seen != id) ++wrong;
        break;
      }
      case 3:
        co_await ResumedByPost();
        break;
      case 4:
        if (event_.is_set()) event_.Reset();
        callbacks_.emplace_back(Context::Bind([this, id] { See(id); }));
        Count(co_await Timeout(Micros(500), Wait()));
        break;
      case 5: {
        event_.Set();
        const auto permit = co_await semaphore_.Acquire(1 + random_.Below(2));
        Count(permit.status());
        See(id);
        Count(co_await Sleep(Micros(200)));
        break;
      }
      case 6:
        if (random_.Chance(0.5)) {
          Count(co_await Timeout(Micros(500), Push(static_cast<int>(id))));
        } else {
          Count(co_await Timeout(Micros(500), Pop()));
        }
        break;
      case 7:
        co_await Node(depth + 1);
        break;
      case 8: {
        TaskGroup group;
        const std::uint64_t children = random_.Below(4);
        for (std::uint64_t i = 0; i < children; ++i) group.Spawn(Node(depth + 1));
        See(id);
        if (random_.Chance(0.3)) group.Cancel(Cancelled("by its group"));
        Count(co_await group.Join());
        break;
      }
      case 9:
        (void)co_await WhenAll(Node(depth + 1), Node(depth + 1));
        break;
      case 10:
        (void)co_await WhenAny(Node(depth + 1), Node(depth + 1));
        break;
      default:
        co_await Shielded(Micros(2000), Node(depth + 1));
    }
    See(id);
  }

  Task<Status> Wait() { co_return co_await event_.Wait(); }
  Task<Status> Push(int value) { co_return co_await queue_.Push(value); }
  Task<Status> Pop() { co_return (co_await queue_.Pop()).status(); }

  Random random_;
  std::uint64_t last_id_ = 0;
  Event event_;
  Semaphore semaphore_{3};
  Queue<int> queue_{2};
  std::vector<std::function<void()>> callbacks_;
};

TEST(ContextPropertyTest, EveryObservationIsOfItsOwnNode) {
  std::uint64_t observations = 0;
  std::uint64_t cancelled_waits = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    OneHost sim(seed);
    Tree tree(seed);
    sim.Run(tree.Root());
    EXPECT_EQ(tree.wrong, 0u) << "seed " << seed;
    observations += tree.observations;
    cancelled_waits += tree.cancelled_waits;
  }
  // The trees are worth something only if they grow and are cut.
  EXPECT_GT(observations, 50'000u);
  EXPECT_GT(cancelled_waits, 1'000u);
}

}  // namespace
}  // namespace flywheel::inline v0
