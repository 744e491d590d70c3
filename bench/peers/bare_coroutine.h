// The floor under runtime.await: the least that a lazy coroutine with symmetric transfer can cost with this compiler.
//
// Written here, to be compared with and for nothing else: no exceptions, no limits, no Context, no checks, a free list
// of one size. What remains is a call, a transfer into the child and back, and the destruction of its frame, all
// through pointers, because the child is defined in another translation unit.
#pragma once

#include <coroutine>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "flywheel/runtime/frame_pool.h"

namespace flywheel::bench::peers {

class BareTask {
 public:
  struct promise_type : FramePooled {
    BareTask get_return_object() noexcept { return BareTask(std::coroutine_handle<promise_type>::from_promise(*this)); }
    struct Final {
      static bool await_ready() noexcept { return false; }
      static std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> handle) noexcept {
        return handle.promise().parent;
      }
      static void await_resume() noexcept {}
    };
    static std::suspend_always initial_suspend() noexcept { return {}; }
    static Final final_suspend() noexcept { return {}; }
    static void unhandled_exception() noexcept { std::abort(); }
    void return_value(std::uint64_t result) noexcept { value = result; }

    std::coroutine_handle<> parent = std::noop_coroutine();
    std::uint64_t value = 0;
  };
  struct Awaiter {
    static bool await_ready() noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> parent) const noexcept {
      child.promise().parent = parent;
      return child;
    }
    [[nodiscard]] std::uint64_t await_resume() const noexcept { return child.promise().value; }
    std::coroutine_handle<promise_type> child;
  };

  BareTask(BareTask&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  BareTask& operator=(BareTask&&) = delete;
  ~BareTask() {
    if (handle_) handle_.destroy();
  }
  Awaiter operator co_await() && noexcept { return {handle_}; }
  // Runs to the end, which is where it first suspends.
  std::uint64_t Run() {
    handle_.resume();
    return handle_.promise().value;
  }

 private:
  explicit BareTask(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

BareTask BareChild(std::uint64_t value);

// As AsioAwait (asio_peers.h).
std::uint64_t BareAwait(std::uint64_t operations);

}  // namespace flywheel::bench::peers
