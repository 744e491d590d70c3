// Planted leaks of each kind, which must be found by name.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <source_location>
#include <string>
#include <vector>

#include "flywheel/runtime/event.h"
#include "flywheel/runtime/host.h"
#include "flywheel/runtime/inspect.h"
#include "flywheel/runtime/internal/context_ledger.h"
#include "flywheel/runtime/internal/holders.h"
#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/task_group.h"
#include "flywheel/runtime/timeout.h"

// Each closure is a local of the test that runs its task to the end.
// NOLINTBEGIN(cppcoreguidelines-avoid-capturing-lambda-coroutines)

namespace flywheel::inline v0 {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string LineText(unsigned line) { return "leak_test.cc:" + std::to_string(line) + " "; }

std::vector<std::string> ReportsOf(const sim::SimHost& host, ReportKind kind) {
  std::vector<std::string> texts;
  for (const sim::SimReport& report : host.reports()) {
    if (report.kind == kind) texts.push_back(report.text);
  }
  return texts;
}

Task<void> SleepHeeding() { (co_await Sleep(minutes(5))).IgnoreError(); }

class LeakTest : public testing::Test {
 protected:
  internal::OneHost one_;
};

// Does not heed its cancellation: waits shielded from it.
Task<void> WaitStubbornly(Event& event, unsigned& line) {
  line = __LINE__ + 1;
  const auto wait = [](Event& waited) -> Task<void> { (co_await waited.Wait()).IgnoreError(); };
  co_await Shielded(minutes(10), wait(event));
}

TEST_F(LeakTest, AStuckChildIsReportedWithItsSpawnSiteItsAgeAndWhatItAwaits) {
  Event never;
  unsigned spawned = 0;
  unsigned waits = 0;
  unsigned made = 0;
  const auto owner = [&]() -> Task<void> {
    made = __LINE__ + 1;
    TaskGroup group;
    spawned = __LINE__ + 1;
    group.Spawn(WaitStubbornly(never, waits));
    group.Spawn(SleepHeeding());  // heeds it
    (co_await Sleep(seconds(3))).IgnoreError();
    group.Cancel(Cancelled("enough"));
    (co_await group.Join()).IgnoreError();
  };
  one_.host.Spawn(owner());
  one_.world.RunFor(seconds(3) + TaskGroup::kStuckAfter - milliseconds(1));
  EXPECT_TRUE(ReportsOf(one_.host, ReportKind::kStuckTasks).empty()) << "too early";
  one_.world.RunFor(minutes(1));
  const std::vector<std::string> reports = ReportsOf(one_.host, ReportKind::kStuckTasks);
  ASSERT_EQ(reports.size(), 1u) << "once";
  EXPECT_TRUE(reports[0].contains("the group made at flywheel/runtime/" + LineText(made))) << reports[0];
  EXPECT_TRUE(reports[0].contains("enough")) << reports[0];
  EXPECT_TRUE(reports[0].contains("1 child lives on")) << reports[0];
  EXPECT_TRUE(reports[0].contains("spawned at flywheel/runtime/" + LineText(spawned))) << reports[0];
  EXPECT_TRUE(reports[0].contains(" 13000.0 ms ago")) << reports[0];
  EXPECT_TRUE(reports[0].contains("waits in Event::Wait at flywheel/runtime/" + LineText(waits))) << reports[0];
  one_.host.loop().Post([&] { never.Set(); });
  one_.world.RunFor(minutes(1));
}

TEST_F(LeakTest, AGroupThatEndsInTimeIsNotReported) {
  const auto owner = []() -> Task<void> {
    TaskGroup group;
    for (int i = 0; i < 3; ++i) group.Spawn(SleepHeeding());
    group.Cancel(Cancelled("enough"));
    (co_await group.Join()).IgnoreError();
    (co_await Sleep(minutes(5))).IgnoreError();  // the group itself lives on
  };
  one_.host.Spawn(owner());
  one_.world.RunFor(minutes(6));
  EXPECT_TRUE(one_.host.reports().empty());
}

TEST_F(LeakTest, AGroupMadeUnderACancelledContextIsWatchedToo) {
  Event never;
  unsigned line = 0;
  const auto owner = [&]() -> Task<void> {
    const ContextScope scope(Context::current().Child(), ContextScope::EndsWork{});
    Context::current().Cancel(Cancelled("before"));
    TaskGroup group;
    group.Spawn(WaitStubbornly(never, line));
    (co_await group.Join()).IgnoreError();
  };
  one_.host.Spawn(owner());
  one_.world.RunFor(minutes(1));
  EXPECT_EQ(ReportsOf(one_.host, ReportKind::kStuckTasks).size(), 1u);
  one_.host.loop().Post([&] { never.Set(); });
  one_.world.RunFor(milliseconds(1));
}

// A unit of work that leaves a callback behind.
Task<void> Leave(std::function<void()>& callback, unsigned& made, unsigned& held) {
  made = __LINE__ + 1;
  const ContextScope scope(Context::current().Child(), ContextScope::EndsWork{});
  held = __LINE__ + 1;
  callback = Context::Bind([] {});
  co_return;
}

// So that one of them is sure to have its holders recorded.
constexpr int kUnits = static_cast<int>(internal::Holders::kSampleEvery);

TEST_F(LeakTest, AContextThatIsHeldLongAfterItsWorkIsReportedWithWhoHoldsIt) {
  std::vector<std::function<void()>> forgotten(kUnits);
  unsigned made = 0;
  unsigned held = 0;
  const auto leave_all = [&]() -> Task<void> {
    for (auto& callback : forgotten) co_await Leave(callback, made, held);
  };
  one_.host.Spawn(leave_all());
  one_.world.RunFor(internal::ContextLedger::kHeldAfter - milliseconds(1));
  EXPECT_TRUE(one_.host.reports().empty()) << "too early";
  one_.world.RunFor(minutes(10));
  const std::vector<std::string> reports = ReportsOf(one_.host, ReportKind::kHeldContext);
  ASSERT_EQ(reports.size(), 1u) << "all of them at once, and once";
  EXPECT_TRUE(reports[0].contains(std::to_string(kUnits))) << reports[0];
  EXPECT_TRUE(reports[0].contains("made at flywheel/runtime/" + LineText(made))) << reports[0];

  const auto inspect = [&]() -> Task<LoopInfo> { co_return InspectLoop(*Loop::current()); };
  const LoopInfo info = one_.Run(inspect());
  int recorded = 0;
  for (const ContextInfo& context : info.contexts) {
    if (context.finished_for == Duration::zero()) continue;
    EXPECT_EQ(context.references, 1u);
    for (const std::source_location& holder : context.holders) {
      ++recorded;
      EXPECT_EQ(holder.line(), held);
    }
  }
  EXPECT_EQ(recorded, kUnits / static_cast<int>(internal::Holders::kSampleEvery));
  forgotten.clear();
}

TEST_F(LeakTest, AContextThatIsLetGoInTimeIsNotReported) {
  std::function<void()> callback;
  unsigned made = 0;
  unsigned held = 0;
  one_.host.Spawn(Leave(callback, made, held));
  one_.world.RunFor(seconds(30));
  callback = {};
  one_.world.RunFor(minutes(10));
  EXPECT_TRUE(one_.host.reports().empty());
}

TEST_F(LeakTest, EachIsReportedAtItsOwnTime) {
  std::array<std::function<void()>, 3> callbacks;
  unsigned made = 0;
  unsigned held = 0;
  const auto leave = [&]() -> Task<void> {
    for (auto& callback : callbacks) {
      co_await Leave(callback, made, held);
      (co_await Sleep(seconds(20))).IgnoreError();
    }
  };
  one_.host.Spawn(leave());
  for (const std::size_t reported : {0u, 1u, 2u, 3u, 3u}) {
    one_.world.RunFor(reported == 0 ? seconds(59) : seconds(20));
    EXPECT_EQ(ReportsOf(one_.host, ReportKind::kHeldContext).size(), reported);
  }
  callbacks = {};
}

TEST_F(LeakTest, HoldersFollowCopiesMovesAndAssignments) {
  const auto test = []() -> Task<void> {
    // One of so many in a row has its holders recorded.
    for (int i = 0; i < kUnits; ++i) {
      const unsigned made = __LINE__ + 1;
      const ContextRef first = Context::current().Child();
      if (first->holders().empty()) continue;
      const auto lines = [&] {
        std::vector<unsigned> all;
        for (const std::source_location& where : first->holders()) all.push_back(where.line());
        return all;
      };
      const unsigned here = __LINE__;
      ContextRef second = first;
      ContextRef third(*first);
      EXPECT_EQ(lines(), (std::vector{made, here + 1, here + 2}));
      ContextRef moved = std::move(second);
      EXPECT_EQ(lines(), (std::vector{made, here + 1, here + 2}));
      moved = ContextRef();
      EXPECT_EQ(lines(), (std::vector{made, here + 2}));
      third = std::move(moved);
      EXPECT_EQ(lines(), (std::vector{made}));
      co_return;
    }
    ADD_FAILURE() << "none was recorded";
  };
  one_.Run(test());
}

TEST_F(LeakTest, TasksAndContextsAliveAreListed) {
  Event never;
  unsigned waits = 0;
  const auto test = [&]() -> Task<void> {
    TaskGroup group;
    group.Spawn(WaitStubbornly(never, waits));
    const unsigned spawned = __LINE__ - 1;
    (co_await Sleep(seconds(2))).IgnoreError();
    const std::vector<LoopInfo> loops = co_await InspectHost();
    EXPECT_EQ(loops.size(), 2u);
    for (const LoopInfo& loop : loops) EXPECT_TRUE(loop.answered) << loop.name;
    const LoopInfo& home = loops[0];
    EXPECT_EQ(loops[1].task_count, 0u);
    EXPECT_EQ(loops[1].context_count, 0u);
    const auto task =
        std::ranges::find(home.tasks, spawned, [](const TaskInfo& info) { return info.spawned_at.line(); });
    if (task == home.tasks.end()) {
      ADD_FAILURE() << "the task is not listed";
      co_return;
    }
    EXPECT_EQ(MillisecondsText(task->age), "2000.0 ms");
    EXPECT_TRUE(task->awaits.contains("Event::Wait at flywheel/runtime/" + LineText(waits))) << task->awaits;
    EXPECT_EQ(home.task_count, home.tasks.size());
    // That of the group, and that of Shielded.
    EXPECT_TRUE(std::ranges::any_of(home.contexts, [](const ContextInfo& info) {
      return info.deadline != kNever && info.finished_for == Duration::zero();
    }));
    never.Set();
    (co_await group.Join()).IgnoreError();
  };
  internal::OneHost two(1, 2);
  two.Run(test());
}

TEST_F(LeakTest, ALoopThatDoesNotTurnDoesNotAnswer) {
  // The second loop of a host that is stalled: simulated hosts stall as a whole, so the asker gives up at once.
  const auto test = []() -> Task<void> {
    const ContextScope scope(Context::current().Child(), ContextScope::EndsWork{});
    Context::current().Cancel(Cancelled("the asker has no time"));
    const std::vector<LoopInfo> loops = co_await InspectHost();
    EXPECT_EQ(loops.size(), 2u);
    for (const LoopInfo& loop : loops) {
      EXPECT_FALSE(loop.answered);
      EXPECT_FALSE(loop.name.empty());
    }
  };
  internal::OneHost two(1, 2);
  two.Run(test());
  two.world.RunFor(seconds(1));  // late answers find nobody and do no harm
}

TEST_F(LeakTest, ACrashReportsNothing) {
  Event never;
  unsigned line = 0;
  const auto owner = [&]() -> Task<void> {
    TaskGroup group;
    group.Spawn(WaitStubbornly(never, line));
    group.Cancel(Cancelled("enough"));
    (co_await group.Join()).IgnoreError();
  };
  one_.host.Spawn(owner());
  one_.world.RunFor(seconds(1));
  one_.host.Crash();
  one_.host.Restart();
  one_.world.RunFor(minutes(10));
  EXPECT_TRUE(one_.host.reports().empty());
}

}  // namespace
}  // namespace flywheel::inline v0

// NOLINTEND(cppcoreguidelines-avoid-capturing-lambda-coroutines)
