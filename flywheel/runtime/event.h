// Event: something that happens once, until it is reset.
//
// Any number of tasks of its loop wait for it; Set wakes them all, in the order in which they came, and whoever comes
// later does not wait. Reset concerns only those who come after it. Another thread posts the Set to the loop.
#pragma once

#include "flywheel/base/mutant.h"
#include "flywheel/runtime/suspension.h"

namespace flywheel::inline v0 {

class Event {
 public:
  Event() noexcept = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { FW_CHECK(waiters_.empty() || internal::InCrash()) << "event destroyed while tasks wait for it"; }

  // Home loop. Wakes all who wait, in the order in which they came.
  void Set() noexcept {
    set_ = true;
    while (Suspension* const waiter = waiters_.PopFront()) {
      waiter->Wake();
      if (FW_MUTANT("event.wakes_one")) break;
    }
  }
  void Reset() noexcept { set_ = false; }
  [[nodiscard]] bool is_set() const noexcept { return set_; }

  class [[nodiscard]] Awaiter final : public Suspension {
   public:
    Awaiter(Event& event, std::source_location where) noexcept : Suspension("Event::Wait", where), event_(event) {}
    bool await_ready() noexcept { return CancelledAlready() || event_.set_; }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
      event_.waiters_.PushBack(*this);
      Suspend(handle);
    }
    [[nodiscard]] Status await_resume() const { return WaitStatus(); }

   private:
    Event& event_;
  };

  // OK once the event is set, or the cause if the context is cancelled first.
  Awaiter Wait(std::source_location where = std::source_location::current()) noexcept { return {*this, where}; }

 private:
  internal::List<Suspension, WaitTag> waiters_;
  bool set_ = false;
};

}  // namespace flywheel::inline v0
