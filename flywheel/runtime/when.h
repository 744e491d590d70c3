// WhenAll, WhenAny: several tasks at once.
//
// As structured as everything else: neither returns before all its tasks have ended. WhenAny cancels the others once
// the first has ended and waits for them; a task that ignores cancellation delays it. An exception of a task is
// rethrown when all have ended. Each call makes a TaskGroup and one child per task.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "flywheel/runtime/task_group.h"

namespace flywheel::inline v0 {

// What a Task<void> yields here.
template <typename T>
using WhenValue = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <typename T>
struct AnyResult {
  std::size_t index;  // of the task that ended first
  T value;
};

namespace internal {

template <typename T>
struct WhenSlot {
  std::optional<WhenValue<T>> value;
  std::exception_ptr exception;

  WhenValue<T> Take() {
    if (exception != nullptr) std::rethrow_exception(exception);
    return *std::move(value);
  }
};

template <typename T, typename OnEnd>
Task<void> RunInto(Task<T> task, WhenSlot<T>& slot, OnEnd on_end) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
      slot.value.emplace();
    } else {
      slot.value.emplace(co_await std::move(task));
    }
  } catch (...) {
    slot.exception = std::current_exception();
  }
  on_end();
}

}  // namespace internal

template <typename... Ts>
Task<std::tuple<WhenValue<Ts>...>> WhenAll(Task<Ts>... tasks) {
  std::tuple<internal::WhenSlot<Ts>...> slots;
  TaskGroup group;
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    (group.Spawn(internal::RunInto(std::move(tasks), std::get<Index>(slots), [] {})), ...);
  }(std::index_sequence_for<Ts...>{});
  (co_await group.Join()).IgnoreError();
  co_return std::apply([](auto&... slot) { return std::tuple<WhenValue<Ts>...>(slot.Take()...); }, slots);
}

template <typename T>
Task<std::vector<WhenValue<T>>> WhenAll(std::vector<Task<T>> tasks) {
  std::vector<internal::WhenSlot<T>> slots(tasks.size());
  TaskGroup group;
  for (std::size_t index = 0; index < tasks.size(); ++index) {
    group.Spawn(internal::RunInto(std::move(tasks[index]), slots[index], [] {}));
  }
  (co_await group.Join()).IgnoreError();
  std::vector<WhenValue<T>> values;
  values.reserve(slots.size());
  for (auto& slot : slots) values.push_back(slot.Take());
  co_return values;
}

// At least one task.
template <typename T>
Task<AnyResult<WhenValue<T>>> WhenAny(std::vector<Task<T>> tasks) {
  FW_CHECK(!tasks.empty()) << "WhenAny of no task would never end";
  std::vector<internal::WhenSlot<T>> slots(tasks.size());
  std::optional<std::size_t> first;
  TaskGroup group;
  for (std::size_t index = 0; index < tasks.size(); ++index) {
    group.Spawn(internal::RunInto(std::move(tasks[index]), slots[index], [&group, &first, index] {
      if (first.has_value()) return;
      first = index;
      group.Cancel(Cancelled("another task of WhenAny was first"));
    }));
  }
  (co_await group.Join()).IgnoreError();
  co_return AnyResult<WhenValue<T>>{.index = *first, .value = slots[*first].Take()};
}

// The value is in the alternative of the task that ended first.
template <typename... Ts>
  requires(sizeof...(Ts) > 0)
Task<std::variant<WhenValue<Ts>...>> WhenAny(Task<Ts>... tasks) {
  using Result = std::variant<WhenValue<Ts>...>;
  std::tuple<internal::WhenSlot<Ts>...> slots;
  std::optional<std::size_t> first;
  TaskGroup group;
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    (group.Spawn(internal::RunInto(std::move(tasks), std::get<Index>(slots),
                                   [&group, &first] {
                                     if (first.has_value()) return;
                                     first = Index;
                                     group.Cancel(Cancelled("another task of WhenAny was first"));
                                   })),
     ...);
  }(std::index_sequence_for<Ts...>{});
  (co_await group.Join()).IgnoreError();
  std::optional<Result> result;
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    ((*first == Index ? void(result.emplace(std::in_place_index<Index>, std::get<Index>(slots).Take())) : void()), ...);
  }(std::index_sequence_for<Ts...>{});
  co_return *std::move(result);
}

}  // namespace flywheel::inline v0
