// Draining: how work learns that the process wants to end.
//
// Whoever waits for new work wants to stop at once, work in flight wants to finish. So draining is an event of the
// Context, not a cancellation, and each place says which of the two it is. Outside a host there is nothing to drain:
// the event is null there and UntilDraining must not be used.
#pragma once

#include <utility>

#include "flywheel/runtime/when.h"

namespace flywheel::inline v0 {

// Runs `task` and cancels it with UNAVAILABLE when the drain of its surroundings begins. For waiting for new work,
// which is to stop at once; work in flight goes on without it.
template <typename T>
Task<T> UntilDraining(Task<T> task) {
  internal::WhenSlot<T> slot;
  TaskGroup group;
  auto watch = [](TaskGroup& watched) -> Task<void> {
    if ((co_await Context::current().draining()->Wait()).ok()) watched.Cancel(Unavailable("draining"));
  };
  group.Spawn(watch(group));
  group.Spawn(internal::RunInto(std::move(task), slot, [&group] { group.Cancel(Cancelled("the task has ended")); }));
  (co_await group.Join()).IgnoreError();
  if constexpr (std::is_void_v<T>) {
    slot.Take();
  } else {
    co_return slot.Take();
  }
}

}  // namespace flywheel::inline v0
