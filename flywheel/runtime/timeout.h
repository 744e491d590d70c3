// Timeout, WithDeadline, Shielded: running a task under another deadline.
//
// When it passes, whatever the task waits for ends with DEADLINE_EXCEEDED and the task unwinds as it sees fit; its own
// result is what comes back, so nothing is cut behind its back. A task that waits for nothing is not stopped.
#pragma once

#include <source_location>
#include <utility>

#include "flywheel/base/mutant.h"
#include "flywheel/runtime/loop.h"
#include "flywheel/runtime/task.h"

namespace flywheel::inline v0 {

template <typename T>
Task<T> WithDeadline(Instant deadline, Task<T> task, std::source_location where = std::source_location::current()) {
  const ContextScope scope(Context::current().Child({.deadline = deadline}, where), ContextScope::EndsWork{});
  co_return co_await std::move(task);
}

template <typename T>
Task<T> Timeout(Duration length, Task<T> task, std::source_location where = std::source_location::current()) {
  // The time begins when this is awaited, as the task does.
  const Instant deadline = SaturatingAdd(thread_slot.loop->now(), length);
  const ContextScope scope(
      Context::current().Child({.deadline = FW_MUTANT("timeout.forgets_deadline") ? kNever : deadline}, where),
      ContextScope::EndsWork{});
  co_return co_await std::move(task);
}

// Runs a task that is not cancelled with its surroundings, for cleaning up; bounded by `length`.
template <typename T>
Task<T> Shielded(Duration length, Task<T> task, std::source_location where = std::source_location::current()) {
  const Instant deadline = SaturatingAdd(thread_slot.loop->now(), length);
  const ContextScope scope(Context::current().Child({.deadline = deadline, .shielded = true}, where),
                           ContextScope::EndsWork{});
  co_return co_await std::move(task);
}

}  // namespace flywheel::inline v0
