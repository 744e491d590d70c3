// Task<T>: the coroutine type.
//
// Lazy (runs when awaited), movable, awaited once. The frame comes from the loop's FramePool; awaiting transfers
// symmetrically into the child and back, so a chain of any length uses no stack. Tasks stay on the loop on which they
// run. The Context needs no work here: a child starts under its parent's, every Suspension saves and restores it, and
// scopes nest, so that it is right after each co_await. Awaitables of other libraries may resume on any thread; they
// are bridged back to the home loop (internal/bridge.h).
// An exception leaves through the co_await of the parent; what spawned the outermost task turns it into INTERNAL.
// Destroying a task that has not finished destroys its frame, and with it whatever it waits in.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "flywheel/base/check.h"
#include "flywheel/runtime/frame_pool.h"
#include "flywheel/runtime/internal/bridge.h"
#include "flywheel/runtime/suspension.h"

namespace flywheel::inline v0 {

template <typename T = void>
class Task;

namespace internal {

class TaskPromiseBase {
 public:
  static void* operator new(std::size_t bytes) { return FramePool::Allocate(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { FramePool::Free(frame, bytes); }

  struct FinalAwaiter {
    static bool await_ready() noexcept { return false; }
    template <typename Promise>
    static std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> handle) noexcept {
      return handle.promise().continuation_;
    }
    static void await_resume() noexcept {}
  };

  static std::suspend_always initial_suspend() noexcept { return {}; }
  static FinalAwaiter final_suspend() noexcept { return {}; }

  template <typename Awaitable>
  static decltype(auto) await_transform(Awaitable&& awaitable) {
    if constexpr (std::derived_from<std::remove_cvref_t<Awaitable>, NativeAwaitable>) {
      return static_cast<Awaitable&&>(awaitable);
    } else {
      return Bridge(std::forward<Awaitable>(awaitable));
    }
  }

  void set_continuation(std::coroutine_handle<> continuation) noexcept { continuation_ = continuation; }

 private:
  std::coroutine_handle<> continuation_;
};

template <typename T>
class TaskPromise final : public TaskPromiseBase {
 public:
  TaskPromise() noexcept {}
  TaskPromise(const TaskPromise&) = delete;
  TaskPromise& operator=(const TaskPromise&) = delete;
  ~TaskPromise() {
    if (state_ == State::kValue) std::destroy_at(&value_);
    if (state_ == State::kException) std::destroy_at(&exception_);
  }

  Task<T> get_return_object() noexcept;

  template <typename U = T>
    requires std::constructible_from<T, U&&>
  void return_value(U&& value) {
    std::construct_at(&value_, std::forward<U>(value));
    state_ = State::kValue;
  }
  void unhandled_exception() noexcept {
    // A local's destructor may throw after co_return.
    if (state_ == State::kValue) std::destroy_at(&value_);
    std::construct_at(&exception_, std::current_exception());
    state_ = State::kException;
  }
  T TakeResult() {
    if (state_ == State::kException) [[unlikely]]
      std::rethrow_exception(exception_);
    FW_DCHECK(state_ == State::kValue) << "task has no result";
    return static_cast<T&&>(value_);
  }

 private:
  enum class State : unsigned char { kEmpty, kValue, kException };

  State state_ = State::kEmpty;
  union {
    T value_;
    std::exception_ptr exception_;
  };
};

template <typename T>
class TaskPromise<T&> final : public TaskPromiseBase {
 public:
  Task<T&> get_return_object() noexcept;
  void return_value(T& value) noexcept { value_ = std::addressof(value); }
  void unhandled_exception() noexcept { exception_ = std::current_exception(); }
  T& TakeResult() {
    if (exception_ != nullptr) [[unlikely]]
      std::rethrow_exception(exception_);
    return *value_;
  }

 private:
  T* value_ = nullptr;
  std::exception_ptr exception_;
};

template <>
class TaskPromise<void> final : public TaskPromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  static void return_void() noexcept {}
  void unhandled_exception() noexcept { exception_ = std::current_exception(); }
  void TakeResult() {
    if (exception_ != nullptr) [[unlikely]]
      std::rethrow_exception(exception_);
  }

 private:
  std::exception_ptr exception_;
};

}  // namespace internal

template <typename T>
class [[nodiscard]] Task : public NativeAwaitable {
 public:
  using promise_type = internal::TaskPromise<T>;
  using value_type = T;

  Task() noexcept = default;
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  // Whether there is a coroutine to await.
  [[nodiscard]] bool valid() const noexcept { return handle_ != nullptr; }

  class Awaiter : public NativeAwaitable {
   public:
    explicit Awaiter(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
    static bool await_ready() noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> parent) noexcept {
      handle_.promise().set_continuation(parent);
      return handle_;
    }
    [[nodiscard]] T await_resume() { return handle_.promise().TakeResult(); }

   private:
    std::coroutine_handle<promise_type> handle_;
  };

  // A task is awaited once and only as an rvalue: `co_await Work()` or `co_await std::move(task)`.
  Awaiter operator co_await() && noexcept {
    FW_DCHECK(handle_ && !handle_.done()) << "awaited a task that is empty or was awaited before";
    return Awaiter(handle_);
  }

 private:
  friend class internal::TaskPromise<T>;
  explicit Task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

namespace internal {

template <typename T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}
template <typename T>
Task<T&> TaskPromise<T&>::get_return_object() noexcept {
  return Task<T&>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace internal
}  // namespace flywheel::inline v0
