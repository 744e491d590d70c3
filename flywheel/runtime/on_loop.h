// OnLoop: runs a task on another loop of the host and awaits its result here.
//
// A task never migrates: this one has not begun. It starts on `target`, as a root task under a child of the caller's
// context, and is cancelled with the caller and with the target's end, so it may use what the caller owns, as far as
// two threads may. The caller waits for its end, cancelled or not. An exception comes back to the caller.
#pragma once

#include <source_location>
#include <utility>

#include "flywheel/runtime/loop.h"
#include "flywheel/runtime/task.h"
#include "flywheel/runtime/task_group.h"
#include "flywheel/runtime/when.h"

namespace flywheel::inline v0 {

namespace internal {

// The task is cancelled with `parent`, and also with the context in which it is awaited.
Task<void> UnderContext(ContextRef parent, Task<void> task);

// Waits for a task that runs elsewhere; not cancelled, because that task uses what the waiter owns.
class [[nodiscard]] RemoteEnd final : public Suspension {
 public:
  RemoteEnd(Loop& target, Task<void> task, std::source_location where)
      : Suspension("OnLoop", where), target_(target), task_(std::move(task)) {}
  static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle);
  static void await_resume() noexcept {}

 private:
  Loop& target_;
  Task<void> task_;
};

}  // namespace internal

template <typename T>
Task<T> OnLoop(Loop& target, Task<T> task, std::source_location where = std::source_location::current()) {
  if (&target == Loop::current()) co_return co_await std::move(task);
  internal::WhenSlot<T> slot;
  co_await internal::RemoteEnd(target, internal::RunInto(std::move(task), slot, [] {}), where);
  if constexpr (std::is_void_v<T>) {
    slot.Take();
  } else {
    co_return slot.Take();
  }
}

}  // namespace flywheel::inline v0
