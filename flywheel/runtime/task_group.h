// TaskGroup: structured concurrency. There is no detach.
//
// A child runs concurrently with whoever spawned it, on the same loop, under the group's context, and cannot outlive
// the group: Join waits for all, and a group destroyed before its children have ended aborts, naming where they were
// spawned. The first child that fails cancels its siblings and is what Join returns (as errgroup and Trio do); a
// Task<void> cannot fail. Cancelling whatever the group was made under cancels the children; Join itself always waits
// for them, because they may use what the joiner owns. Children that do not heed a cancellation are reported by name.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <source_location>
#include <string>
#include <utility>

#include "flywheel/runtime/loop.h"
#include "flywheel/runtime/task.h"

namespace flywheel::inline v0 {

namespace internal {
class ChildFrame;
}

class TaskGroup {
 public:
  // Children that live this long after their cancellation are reported, once, with where they were spawned, their age
  // and what they wait for.
  static constexpr Duration kStuckAfter = std::chrono::seconds(10);

  // Under the current context, on the current loop.
  explicit TaskGroup(std::source_location where = std::source_location::current())
      : TaskGroup(Context::current(), where) {}
  // Under `parent`, on the current loop.
  explicit TaskGroup(const Context& parent, std::source_location where = std::source_location::current());
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  // Starts `task` later in this turn. Home loop; other threads use Runtime::Spawn.
  void Spawn(Task<void> task, std::source_location where = std::source_location::current());
  void Spawn(Task<Status> task, std::source_location where = std::source_location::current());

  // Cancels the children; they end as they see fit.
  void Cancel(Status cause) { context_->Cancel(std::move(cause)); }

  class [[nodiscard]] JoinAwaiter final : public Suspension {
   public:
    JoinAwaiter(TaskGroup& group, std::source_location where) noexcept
        : Suspension("TaskGroup::Join", where), group_(group) {}
    bool await_ready() const noexcept { return group_.live_ == 0; }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
      group_.joiners_.PushBack(*this);
      Suspend(handle, /*cancellable=*/false);
    }
    [[nodiscard]] Status await_resume() const { return group_.status_; }

   private:
    TaskGroup& group_;
  };

  // Ends when no child lives any more; the status is the first failure of a child.
  JoinAwaiter Join(std::source_location where = std::source_location::current()) noexcept { return {*this, where}; }

  // Join for those who cannot wait for ever: cancels the children after `grace`, and then waits for them.
  Task<Status> Drain(Duration grace, std::source_location where = std::source_location::current());

  [[nodiscard]] std::size_t size() const noexcept { return live_; }
  [[nodiscard]] const Context& context() const noexcept { return *context_; }
  [[nodiscard]] Loop& loop() const noexcept { return loop_; }

 private:
  friend class internal::ChildFrame;
  // Cancellation arms the timer, which finds out whether it was heeded.
  struct StuckWatch : internal::CancelNode, Timer {
    explicit StuckWatch(TaskGroup& owner) noexcept
        : CancelNode(&TaskGroup::OnCancel), Timer(&TaskGroup::OnStuck), group(owner) {}
    TaskGroup& group;
  };

  static void OnCancel(internal::CancelNode& node);
  static void OnStuck(Timer& timer);
  // A line each.
  [[nodiscard]] std::string DescribeChildren() const;
  void DestroyChildren() noexcept;
  void ChildEnded(const Status& status) noexcept;

  Loop& loop_;
  ContextRef context_;
  std::size_t live_ = 0;
  Status status_;
  internal::List<Suspension, WaitTag> joiners_;
  StuckWatch stuck_watch_;
};

// Runs `body(group)` and joins the group on every way out; a body that fails or throws cancels the children first.
template <std::invocable<TaskGroup&> Body>
Task<Status> WithTaskGroup(Body body) {
  TaskGroup group;
  Status status;
  std::exception_ptr exception;
  try {
    status = co_await body(group);
  } catch (...) {
    exception = std::current_exception();
    status = Cancelled("the body of the task group threw");
  }
  if (!status.ok()) group.Cancel(status);
  const Status joined = co_await group.Join();
  if (exception != nullptr) std::rethrow_exception(exception);
  co_return status.ok() ? joined : status;
}

}  // namespace flywheel::inline v0
