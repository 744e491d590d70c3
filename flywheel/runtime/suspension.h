// Suspension: how a coroutine waits.
//
// Every awaitable of this project that really suspends derives from it. It saves the Context and the task record,
// hangs itself into the context's cancel list, and goes through the loop's ready queue when it wakes, where both are
// restored before the coroutine goes on. Nothing is allocated. Whoever wakes it does so on the home loop.
// A frame that is destroyed while it waits takes itself out of every list.
#pragma once

#include <coroutine>
#include <source_location>

#include "flywheel/base/status.h"
#include "flywheel/base/thread_slot.h"
#include "flywheel/runtime/context.h"
#include "flywheel/runtime/internal/list.h"
#include "flywheel/runtime/work.h"

namespace flywheel::inline v0 {

class Loop;

// Awaitables that restore the Context themselves carry this; await_transform bridges all others.
struct NativeAwaitable {};

struct WaitTag;

namespace internal {

// Whether frames go because a simulated host has crashed: then what they refer to may be gone before them, and nobody
// is left who could wait in vain.
bool InCrash() noexcept;

}  // namespace internal

class Suspension : public Work,
                   public internal::CancelNode,
                   public internal::ListNode<WaitTag>,  // of what it waits for
                   public NativeAwaitable {
 public:
  // `what` names the primitive in reports ("Event::Wait"), `where` is the co_await.
  Suspension(const char* what, std::source_location where) noexcept
      : Work(&Suspension::Resume), CancelNode(&Suspension::OnCancel), what_(what), where_(where) {}
  Suspension(const Suspension&) = delete;
  Suspension& operator=(const Suspension&) = delete;

  // Makes the coroutine ready; the second of two wake-ups does nothing.
  void Wake() noexcept;

  [[nodiscard]] const char* what() const noexcept { return what_; }
  [[nodiscard]] std::source_location where() const noexcept { return where_; }

 protected:
  ~Suspension();

  // From await_suspend. With `cancellable` false the waiter sees no cancellation.
  void Suspend(std::coroutine_handle<> handle, bool cancellable = true) noexcept;
  // As Wake, but for the loop's next turn.
  void WakeNextTurn() noexcept;
  // Whether the wait ended because the context was cancelled.
  [[nodiscard]] bool was_cancelled() const noexcept { return cancelled_; }
  // OK, or the cause of the cancellation.
  [[nodiscard]] Status WaitStatus() const { return cancelled_ ? Context::current().status() : Status(); }
  // For await_ready: a cancelled context ends every wait before it begins.
  bool CancelledAlready() noexcept {
    cancelled_ = Context::current().cancelled();
    return cancelled_;
  }

  // Called once when the context is cancelled during the wait: takes back what the wait has set up. False means that
  // the wait cannot be given up (a job runs already) and will end by itself.
  virtual bool Cancelled() noexcept { return true; }

 private:
  enum class State : unsigned char { kIdle, kWaiting, kReady };

  static void Resume(Work& work);
  static void OnCancel(CancelNode& node);

  void AddToContext() noexcept;
  void MarkReady() noexcept;

  const char* what_;
  std::source_location where_;
  std::coroutine_handle<> handle_;
  const Context* context_ = nullptr;
  TaskRecord* task_ = nullptr;
  Loop* loop_ = nullptr;
  std::uint64_t ready_ticks_ = 0;  // when it became ready, if somebody counts
  State state_ = State::kIdle;
  bool cancelled_ = false;
};

}  // namespace flywheel::inline v0
