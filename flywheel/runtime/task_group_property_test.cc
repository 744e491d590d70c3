// Random trees of groups under random failures, exceptions, deadlines and cancellation: every child that was spawned
// ends, exactly once, before the Join of its group; afterwards nothing is left that could still run.
#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/offload.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/task_group.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;

class Forest {
 public:
  explicit Forest(std::uint64_t seed) : random_(seed) {}

  Task<void> Root() {
    (co_await Node(0)).IgnoreError();
    Check(live == 0, "a child outlived the root");
  }

  std::uint64_t spawned = 0;
  std::uint64_t ended = 0;
  std::uint64_t live = 0;
  std::uint64_t failed_joins = 0;
  std::string broken;

 private:
  static constexpr int kDepthMax = 4;

  // What a child notes about itself, whatever way it leaves.
  class Presence {
   public:
    Presence(Forest& forest, int& of_group) : forest_(forest), of_group_(of_group) {
      ++forest_.live;
      ++of_group_;
    }
    Presence(const Presence&) = delete;
    Presence& operator=(const Presence&) = delete;
    ~Presence() {
      --forest_.live;
      --of_group_;
      ++forest_.ended;
    }

   private:
    Forest& forest_;
    int& of_group_;
  };

  void Check(bool condition, const char* what) {
    if (!condition && broken.empty()) broken = what;
  }
  Duration Micros(std::uint64_t most) { return std::chrono::microseconds(random_.Below(most)); }

  Task<Status> Child(int depth, int& of_group, const bool& joined) {
    const Presence presence(*this, of_group);
    Check(!joined, "a child starts after its group was joined");
    const Status status = co_await Node(depth);
    Check(!joined, "a child runs after its group was joined");
    if (random_.Chance(0.05)) throw std::runtime_error("by chance");
    if (random_.Chance(0.1)) co_return Aborted("by chance");
    co_return status;
  }

  Task<Status> Node(int depth) {
    const ContextOptions options{
        .deadline = random_.Chance(0.15) ? Loop::current()->now() + Micros(2000) : kNever,
        .shielded = random_.Chance(0.05),
    };
    const ContextRef mine = Context::current().Child(options);
    const ContextScope scope(mine);
    for (std::uint64_t round = random_.Below(3); round != 0 && depth < kDepthMax; --round) {
      int live_in_group = 0;
      bool joined = false;
      TaskGroup group;
      for (std::uint64_t child = random_.Below(5); child != 0; --child) {
        ++spawned;
        group.Spawn(Child(depth + 1, live_in_group, joined));
        if (random_.Chance(0.3)) (co_await Yield()).IgnoreError();
      }
      if (random_.Chance(0.2)) group.Cancel(Cancelled("the group"));
      if (random_.Chance(0.05)) mine->Cancel(Cancelled("the node"));
      if (random_.Chance(0.2)) (co_await Offload([] { return 1; })).status().IgnoreError();
      if (random_.Chance(0.2)) {
        failed_joins += (co_await group.Drain(Micros(500))).ok() ? 0 : 1;
      } else {
        failed_joins += (co_await group.Join()).ok() ? 0 : 1;
      }
      joined = true;
      Check(live_in_group == 0 && group.size() == 0, "a join ended before its children");
    }
    co_return co_await Sleep(Micros(300));
  }

  Random random_;
};

TEST(TaskGroupPropertyTest, NoChildOutlivesItsGroup) {
  std::uint64_t spawned = 0;
  std::uint64_t failed = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    OneHost sim(seed);
    Forest forest(seed);
    sim.Run(forest.Root());
    EXPECT_EQ(forest.broken, "") << "seed " << seed;
    EXPECT_EQ(forest.ended, forest.spawned) << "seed " << seed;
    while (sim.world.Step()) continue;
    EXPECT_EQ(sim.host.loop().IdleTime(), Duration::max()) << "seed " << seed << ": a timer is left";
    sim.host.loop().ForEachTask([](const TaskRecord&) { ADD_FAILURE() << "a task is left"; });
    spawned += forest.spawned;
    failed += forest.failed_joins;
  }
  EXPECT_GT(spawned, 5'000u);
  EXPECT_GT(failed, 500u);
}

TEST(TaskGroupPropertyTest, CrashAtAnyMomentGivesEverythingBack) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    OneHost sim(seed);
    Forest forest(seed);
    sim.host.Spawn(forest.Root());
    for (std::uint64_t step = sim.world.random().Below(300); step != 0 && sim.world.Step(); --step) continue;
    sim.host.Crash();
    EXPECT_EQ(forest.live, 0u) << "seed " << seed;
    const std::uint64_t ended = forest.ended;
    while (sim.world.Step()) continue;
    EXPECT_EQ(forest.ended, ended) << "seed " << seed;
  }
}

}  // namespace
}  // namespace flywheel::inline v0
