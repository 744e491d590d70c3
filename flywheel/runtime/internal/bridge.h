// Bridge: awaiting something that knows nothing of loops and Contexts.
//
// A foreign awaitable may resume its coroutine on any thread, at any time. It gets a small coroutine of ours to
// resume; that one keeps the result and sends the waiting task home, where the Suspension restores its Context. The
// wait sees no cancellation, because a foreign operation cannot be told to stop.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "flywheel/runtime/frame_pool.h"
#include "flywheel/runtime/suspension.h"

namespace flywheel::inline v0::internal {

// Sends a wait home from whatever thread the foreign operation ended on.
void WakeFromAnywhere(Loop& home, Suspension& waiter) noexcept;

template <typename Awaitable>
decltype(auto) AwaiterOf(Awaitable&& awaitable) {
  if constexpr (requires { std::forward<Awaitable>(awaitable).operator co_await(); }) {
    return std::forward<Awaitable>(awaitable).operator co_await();
  } else if constexpr (requires { operator co_await(std::forward<Awaitable>(awaitable)); }) {
    return operator co_await(std::forward<Awaitable>(awaitable));
  } else {
    return std::forward<Awaitable>(awaitable);
  }
}

template <typename Awaitable>
using AwaitResult = decltype(AwaiterOf(std::declval<Awaitable>()).await_resume());

// The coroutine that the foreign awaitable resumes: ends by calling `done`.
class BridgeFrame {
 public:
  struct promise_type : FramePooled {
    BridgeFrame get_return_object() noexcept {
      return BridgeFrame(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
      static bool await_ready() noexcept { return false; }
      // The task may go on, and destroy this frame, before WakeFromAnywhere returns.
      static void await_suspend(std::coroutine_handle<promise_type> handle) noexcept {
        promise_type& promise = handle.promise();
        WakeFromAnywhere(*promise.home, *promise.waiter);
      }
      static void await_resume() noexcept {}
    };
    static Final final_suspend() noexcept { return {}; }
    static void return_void() noexcept {}
    [[noreturn]] static void unhandled_exception() noexcept { std::terminate(); }

    Loop* home = nullptr;
    Suspension* waiter = nullptr;
  };

  BridgeFrame(BridgeFrame&& other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
  BridgeFrame& operator=(BridgeFrame&&) = delete;
  ~BridgeFrame() {
    if (handle) handle.destroy();
  }

  std::coroutine_handle<promise_type> handle;

 private:
  explicit BridgeFrame(std::coroutine_handle<promise_type> made) noexcept : handle(made) {}
};

template <typename Awaitable>
class [[nodiscard]] Bridge final : public Suspension {
 public:
  using Result = AwaitResult<Awaitable>;

  explicit Bridge(Awaitable&& awaitable, std::source_location where = std::source_location::current()) noexcept
      : Suspension("awaitable of another library", where),
        awaitable_(std::forward<Awaitable>(awaitable)),
        frame_(Run(*this)) {}

  static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    Suspend(handle, /*cancellable=*/false);
    frame_.handle.promise().home = thread_slot.loop;
    frame_.handle.promise().waiter = this;
    frame_.handle.resume();
  }
  [[nodiscard]] Result await_resume() {
    if (exception_ != nullptr) std::rethrow_exception(exception_);
    if constexpr (std::is_reference_v<Result>) {
      return static_cast<Result>(**result_);
    } else if constexpr (!std::is_void_v<Result>) {
      return *std::move(result_);
    }
  }

 private:
  struct Nothing {};
  using Stored = std::conditional_t<
      std::is_void_v<Result>, Nothing,
      std::conditional_t<std::is_reference_v<Result>, std::remove_reference_t<Result>*, std::remove_cv_t<Result>>>;

  static BridgeFrame Run(Bridge& self) {
    try {
      if constexpr (std::is_void_v<Result>) {
        co_await std::forward<Awaitable>(self.awaitable_);
      } else if constexpr (std::is_reference_v<Result>) {
        Result result = co_await std::forward<Awaitable>(self.awaitable_);
        self.result_.emplace(std::addressof(result));
      } else {
        self.result_.emplace(co_await std::forward<Awaitable>(self.awaitable_));
      }
    } catch (...) {
      self.exception_ = std::current_exception();
    }
  }

  Awaitable&& awaitable_;
  std::optional<Stored> result_;
  std::exception_ptr exception_;
  BridgeFrame frame_;
};

template <typename Awaitable>
Bridge(Awaitable&&) -> Bridge<Awaitable>;
template <typename Awaitable>
Bridge(Awaitable&&, std::source_location) -> Bridge<Awaitable>;

}  // namespace flywheel::inline v0::internal
