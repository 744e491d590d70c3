// Random trees of tasks that sleep, wait, offload, share and fail, cancelled at random moments.
#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "flywheel/runtime/event.h"
#include "flywheel/runtime/offload.h"
#include "flywheel/runtime/queue.h"
#include "flywheel/runtime/semaphore.h"
#include "flywheel/runtime/sim/scenario.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/task_group.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::uint64_t kPermits = 3;
constexpr std::uint64_t kUnitsMax = 2;  // that one task asks for
// After a cancellation only jobs that already run may take time; SimOffload's longest and some turns.
constexpr Duration kUnwindMax = milliseconds(5);

// What the tasks of one tree share, and what they have seen go wrong.
struct Forest {
  explicit Forest(Random generator) : random(generator) {}

  void Fail(std::string text) {
    if (broken.ok()) broken = Internal(std::move(text));
  }

  Random random;
  Event event;
  Semaphore semaphore{kPermits};
  Queue<int> queue{2};
  std::uint64_t in_use = 0;
  std::array<std::uint64_t, kUnitsMax + 1> acquiring{};  // tasks that wait for so many permits
  std::uint64_t acquire_ends = 0;
  std::uint64_t event_generation = 0;
  std::uint64_t waiting_for_past_event = 0;  // tasks that an earlier Set has not woken
  std::uint64_t waiting_for_next_event = 0;
  std::uint64_t pushed = 0;
  std::uint64_t popped = 0;
  std::uint64_t next_span = 1;
  Status broken;
};

// Counts the tasks that live below a node of the tree.
class Alive {
 public:
  explicit Alive(int& count) noexcept : count_(count) { ++count_; }
  Alive(const Alive&) = delete;
  Alive& operator=(const Alive&) = delete;
  ~Alive() { --count_; }

 private:
  int& count_;
};

Task<Status> UseSemaphore(Forest& forest) {
  const std::uint64_t units = 1 + forest.random.Below(kUnitsMax);
  forest.acquiring[units]++;
  auto acquired = co_await forest.semaphore.Acquire(units);
  forest.acquiring[units]--;
  ++forest.acquire_ends;
  FW_CO_ASSIGN_OR_RETURN(const auto permit, std::move(acquired));
  if (++forest.in_use > kPermits) forest.Fail("more tasks than permits hold the semaphore");
  const Status slept = co_await Sleep(microseconds(forest.random.Below(300)));
  --forest.in_use;
  co_return slept;
}

Task<Status> UseQueue(Forest& forest) {
  if (forest.random.Chance(0.5)) {
    FW_CO_RETURN_IF_ERROR(co_await forest.queue.Push(1));
    ++forest.pushed;
  } else {
    FW_CO_ASSIGN_OR_RETURN(const int value, co_await forest.queue.Pop());
    forest.popped += static_cast<std::uint64_t>(value);
  }
  co_return Status::Ok();
}

Task<Status> UseEvent(Forest& forest) {
  const std::uint64_t generation = forest.event_generation;
  ++forest.waiting_for_next_event;
  const Status waited = co_await forest.event.Wait();
  --(generation == forest.event_generation ? forest.waiting_for_next_event : forest.waiting_for_past_event);
  co_return waited;
}

void SetEvent(Forest& forest) {
  ++forest.event_generation;
  forest.waiting_for_past_event += std::exchange(forest.waiting_for_next_event, 0);
  forest.event.Set();
  forest.event.Reset();
}

// Whether there is enough for whoever of the waiting ones is the first.
bool EnoughForAnyWaiter(const Forest& forest) {
  const std::uint64_t largest = forest.acquiring[2] > 0 ? 2 : forest.acquiring[1] > 0 ? 1 : 0;
  return largest > 0 && forest.semaphore.available() >= largest;
}

// Nobody waits for what is there: looks, lets time pass, and looks again.
Task<void> Watch(Forest& forest) {
  for (;;) {
    const std::uint64_t ends = forest.acquire_ends;
    const bool stuck = EnoughForAnyWaiter(forest);
    if (!(co_await Sleep(microseconds(20))).ok()) co_return;
    if (stuck && ends == forest.acquire_ends && EnoughForAnyWaiter(forest)) {
      forest.Fail("a task waits for permits that are free");
    }
  }
}

Task<Status> Act(Forest& forest) {
  switch (forest.random.Below(6)) {
    case 0:
      co_return co_await Sleep(microseconds(forest.random.Below(2000)));
    case 1:
      co_return co_await Timeout(microseconds(1 + forest.random.Below(1000)), UseSemaphore(forest));
    case 2:
      co_return co_await Timeout(microseconds(1 + forest.random.Below(1000)), UseQueue(forest));
    case 3:
      co_return (co_await Offload([] { return 7; })).status();
    case 4:
      co_return co_await UseEvent(forest);
    default:
      co_return co_await Yield();
  }
}

Task<Status> Node(Forest& forest, int depth, int& above) {
  const Alive here(above);
  const TraceIds ids{.span_id = Id64(forest.next_span++)};
  const ContextScope scope(Context::current().Child({.trace = &ids}));
  int below = 0;
  TaskGroup group;
  const std::uint64_t actions = 1 + forest.random.Below(4);
  Status result;
  for (std::uint64_t i = 0; i < actions && !Context::current().cancelled(); ++i) {
    if (depth > 0 && forest.random.Chance(0.6)) group.Spawn(Node(forest, depth - 1, below));
    const Status acted = co_await Act(forest);
    if (!(Context::current().trace() == ids)) forest.Fail("a task came back from a wait under another's context");
    if (acted.code() == StatusCode::kInternal) result = acted;
    if (forest.random.Chance(0.1)) group.Cancel(Aborted("a whim"));
    if (forest.random.Chance(0.05)) {
      result = Internal("a failure");
      break;
    }
  }
  const Status joined = co_await group.Join();
  if (below != 0) forest.Fail("Join returned while " + std::to_string(below) + " tasks below live");
  if (!joined.ok() && !group.context().cancelled()) {
    forest.Fail("a failed child did not cancel its siblings");
  }
  co_return result;
}

Task<Status> Grow(SimWorld& world, Forest& forest) {
  int alive = 0;
  TaskGroup root;
  root.Spawn(Watch(forest));
  for (int i = 0; i < 4; ++i) root.Spawn(Node(forest, 3, alive));
  FW_CO_RETURN_IF_ERROR(co_await Sleep(microseconds(forest.random.Below(3000))));
  SetEvent(forest);
  FW_CO_RETURN_IF_ERROR(co_await Sleep(microseconds(50)));
  if (forest.waiting_for_past_event != 0) forest.Fail("a task still waits for an event that was set");
  FW_CO_RETURN_IF_ERROR(co_await Sleep(microseconds(forest.random.Below(3000))));
  const Instant cancelled_at = world.now();
  root.Cancel(Cancelled("the scenario has seen enough"));
  (co_await root.Join()).IgnoreError();
  if (alive != 0) co_return Internal("the root's Join returned while " + std::to_string(alive) + " tasks live");
  if (world.now() - cancelled_at > kUnwindMax) {
    co_return Internal("the tree took " + MillisecondsText(world.now() - cancelled_at) + " to end after Cancel");
  }
  if (forest.semaphore.available() != kPermits) co_return Internal("a permit was lost");
  if (forest.pushed != forest.popped + forest.queue.size()) co_return Internal("a value of the queue was lost");
  co_return forest.broken;
}

FW_SCENARIO(TaskTrees, "runtime.task_trees", "children end with their group, cancellation reaches all, nothing is lost",
            "task_group.joins_early", "task_group.spares_siblings", "context.drops_cancellation",
            "context.spares_grandchildren", "event.wakes_one", "semaphore.grants_nobody_on_cancel",
            "queue.loses_waiting_value", "suspension.forgets_context") {
  Forest forest(world.random().Fork());
  SimHost& host = world.AddHost();
  return world.Run(host, Grow(world, forest));
}

}  // namespace
}  // namespace flywheel::inline v0::sim
