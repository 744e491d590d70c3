// Runtime: the loops of a process and the threads that turn them.
//
// Makes a Host and N loops, each on its own thread, and a watchdog that looks whether they turn. Other threads hand
// work in with Spawn and BlockOn. Main runs a program's outermost task under signal handling (signals.h).
#pragma once

#include <memory>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "flywheel/base/mutex.h"
#include "flywheel/base/status_or.h"
#include "flywheel/runtime/host.h"
#include "flywheel/runtime/internal/fallible.h"
#include "flywheel/runtime/loop.h"
#include "flywheel/runtime/task_group.h"
#include "flywheel/runtime/when.h"

namespace flywheel::inline v0 {

namespace internal {
class Watchdog;
}

struct RuntimeOptions {
  std::string name = "flywheel";
  int loops = 0;             // 0: one for each CPU this process may use, cgroup quota respected
  int offload_threads = 16;  // at most; they block, they do not compute
  // A turn that goes on for this long is reported while it lasts, then again each time it has doubled.
  Duration watchdog_after = Loop::kLongTurn;
};

class Runtime {
 public:
  // Fails with the reason when the system refuses descriptors or threads.
  static StatusOr<std::unique_ptr<Runtime>> Create(RuntimeOptions options = {});
  // With parts of the caller's choosing, for tests.
  static StatusOr<std::unique_ptr<Runtime>> Create(RuntimeOptions options, Host::Parts parts);
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  // Cancels what BlockOn and Main left, waits for it, ends the threads.
  ~Runtime();

  Host& host() noexcept { return *host_; }
  [[nodiscard]] std::size_t size() const noexcept { return workers_.size(); }
  Loop& loop(std::size_t index) noexcept;

  // Runs `task` on a loop and waits for its result. The calling thread's Context is the parent of the task's.
  // FAILED_PRECONDITION on a loop, which would wait for itself: co_await the task there. An exception of the task is
  // rethrown. The result is T where T can be a failure, Status for void, else StatusOr<T>.
  template <typename T>
  auto BlockOn(Task<T> task, std::source_location where = std::source_location::current());

  // TaskGroup::Spawn from any thread; `group` must outlive the call's arrival on its loop.
  template <typename T>
  static void Spawn(TaskGroup& group, Task<T> task, std::source_location where = std::source_location::current()) {
    group.loop().Post([&group, task = std::move(task), where]() mutable { group.Spawn(std::move(task), where); });
  }

  // Runs `main` on the first loop and hands SIGTERM, SIGINT and SIGHUP to Host::signals() from the calling thread,
  // which works even while loops hang. The result is an exit code: 0 when the task returned OK, else 1 after a line on
  // stderr. Call it on the main thread and let no other thread of the program accept these signals; the runtime's own
  // threads accept none.
  int Main(Task<Status> main, std::source_location where = std::source_location::current());

 private:
  class Worker;

  // What a blocked thread and the task it waits for share.
  class Waiter {
   public:
    virtual ~Waiter() = default;
    virtual void Notify();
    void Wait();

   private:
    Mutex mutex_;
    CondVar changed_;
    bool done_ FW_GUARDED_BY(mutex_) = false;
  };
  class SignalWaiter;

  explicit Runtime(RuntimeOptions options) noexcept;
  Status Start(Host::Parts parts);
  // Runs `task` on the first loop under a child of `parent`, and notifies when it is gone with all it owned.
  void SpawnRoot(ContextRef parent, Task<void> task, std::source_location where, Waiter& waiter);

  const RuntimeOptions options_;
  std::unique_ptr<Host> host_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<internal::Watchdog> watchdog_;
};

template <typename T>
auto Runtime::BlockOn(Task<T> task, std::source_location where) {
  using Result = internal::FallibleOf<T>;
  if (Loop::current() != nullptr) {
    return Result(FailedPrecondition("BlockOn called on loop " + Loop::current()->name() +
                                     ", which would wait for itself; co_await the task instead"));
  }
  internal::WhenSlot<T> slot;
  Waiter waiter;
  SpawnRoot(ContextRef(Context::current()), internal::RunInto(std::move(task), slot, [] {}), where, waiter);
  waiter.Wait();
  if constexpr (std::is_void_v<T>) {
    slot.Take();
    return Status::Ok();
  } else {
    return Result(slot.Take());
  }
}

}  // namespace flywheel::inline v0
