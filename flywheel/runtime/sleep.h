// Sleep, SleepUntil, Yield: giving up the loop for a time, or for one turn.
//
// All on the loop's clock, which in a simulation is virtual, so that no test has to wait. None blocks the thread, and
// each ends early with the cause when its Context is cancelled.
#pragma once

#include "flywheel/runtime/loop.h"
#include "flywheel/runtime/suspension.h"

namespace flywheel::inline v0 {

class [[nodiscard]] SleepAwaiter final : public Suspension {
 public:
  SleepAwaiter(Instant until, std::source_location where) noexcept : Suspension("Sleep", where), until_(until) {}
  bool await_ready() noexcept { return CancelledAlready(); }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    Suspend(handle);
    thread_slot.loop->ArmTimer(timer_, until_);
  }
  [[nodiscard]] Status await_resume() const { return WaitStatus(); }

 private:
  struct WakeTimer : Timer {
    explicit WakeTimer(SleepAwaiter* owner) noexcept
        : Timer([](Timer& timer) { static_cast<WakeTimer&>(timer).sleeper->Wake(); }), sleeper(owner) {}
    SleepAwaiter* sleeper;
  };

  bool Cancelled() noexcept override {
    timer_.Disarm();
    return true;
  }

  Instant until_;
  WakeTimer timer_{this};
};

// OK after `length` on the loop's clock (extended by long turns, see Loop), or the cause if the context is cancelled
// first. A length of zero or less waits for the next turn.
inline SleepAwaiter Sleep(Duration length, std::source_location where = std::source_location::current()) noexcept {
  // Outside a loop the wait itself says what is wrong.
  const Loop* const loop = thread_slot.loop;
  return {loop != nullptr ? SaturatingAdd(loop->now(), length) : kNever, where};
}
inline SleepAwaiter SleepUntil(Instant until, std::source_location where = std::source_location::current()) noexcept {
  return {until, where};
}

class [[nodiscard]] YieldAwaiter final : public Suspension {
 public:
  explicit YieldAwaiter(std::source_location where) noexcept : Suspension("Yield", where) {}
  bool await_ready() noexcept { return CancelledAlready(); }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    Suspend(handle);
    WakeNextTurn();
  }
  [[nodiscard]] Status await_resume() const { return WaitStatus(); }
};

// Lets the loop end its turn: sockets are read, timers fire, other work runs.
inline YieldAwaiter Yield(std::source_location where = std::source_location::current()) noexcept {
  return YieldAwaiter(where);
}

}  // namespace flywheel::inline v0
