// Queue<T>: a bounded FIFO between tasks of one loop. Push waits while it is full, Pop while it is empty; values are
// handed to waiters in the order in which they came, so nobody starves. After Close what is inside can still be
// taken, then Pop and Push fail with UNAVAILABLE. Other threads post to the loop.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "flywheel/base/mutant.h"
#include "flywheel/base/status_or.h"
#include "flywheel/runtime/suspension.h"

namespace flywheel::inline v0 {

template <typename T>
class Queue {
 public:
  // `capacity` is at least 1.
  explicit Queue(std::size_t capacity) : capacity_(capacity) { FW_CHECK(capacity > 0) << "a queue holds at least 1"; }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  ~Queue() {
    FW_CHECK((poppers_.empty() && pushers_.empty()) || internal::InCrash())
        << "queue destroyed while tasks wait for it; Close it and join them";
  }

  class [[nodiscard]] PopAwaiter final : public Suspension {
   public:
    PopAwaiter(Queue& queue, std::source_location where) noexcept : Suspension("Queue::Pop", where), queue_(queue) {}
    bool await_ready() {
      if (CancelledAlready() || (value_ = queue_.TryPop()).has_value()) return true;
      return queue_.closed_;
    }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
      queue_.poppers_.PushBack(*this);
      Suspend(handle);
    }
    [[nodiscard]] StatusOr<T> await_resume() {
      if (was_cancelled()) return WaitStatus();
      if (!value_.has_value()) return ClosedStatus();
      return StatusOr<T>(std::in_place, *std::move(value_));
    }

   private:
    friend class Queue;
    Queue& queue_;
    std::optional<T> value_;
  };

  class [[nodiscard]] PushAwaiter final : public Suspension {
   public:
    PushAwaiter(Queue& queue, T value, std::source_location where)
        : Suspension("Queue::Push", where), queue_(queue), value_(std::move(value)) {}
    bool await_ready() { return CancelledAlready() || queue_.closed_ || (accepted_ = queue_.TryPush(value_)); }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
      queue_.pushers_.PushBack(*this);
      Suspend(handle);
    }
    [[nodiscard]] Status await_resume() const {
      if (accepted_) return Status::Ok();
      return was_cancelled() ? WaitStatus() : ClosedStatus();
    }

   private:
    friend class Queue;
    Queue& queue_;
    T value_;
    bool accepted_ = false;
  };

  // The oldest value; UNAVAILABLE when the queue is closed and empty; the cause if the context is cancelled first.
  PopAwaiter Pop(std::source_location where = std::source_location::current()) noexcept { return {*this, where}; }
  // OK once the value is inside or taken.
  PushAwaiter Push(T value, std::source_location where = std::source_location::current()) {
    return {*this, std::move(value), where};
  }
  // Moves from `value` and returns true if there is room now and nobody waits with an earlier one.
  [[nodiscard]] bool TryPush(T& value) {
    if (closed_) return false;
    if (Suspension* const first = poppers_.PopFront()) {
      auto& popper = static_cast<PopAwaiter&>(*first);
      popper.value_.emplace(std::move(value));
      popper.Wake();
      return true;
    }
    if (values_.size() >= capacity_) return false;
    values_.push_back(std::move(value));
    return true;
  }
  [[nodiscard]] std::optional<T> TryPop() {
    if (values_.empty()) return std::nullopt;
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    if (Suspension* const first = pushers_.PopFront()) {
      auto& pusher = static_cast<PushAwaiter&>(*first);
      if (!FW_MUTANT("queue.loses_waiting_value")) values_.push_back(std::move(pusher.value_));
      pusher.accepted_ = true;
      pusher.Wake();
    }
    return value;
  }
  void Close() noexcept {
    closed_ = true;
    while (Suspension* const popper = poppers_.PopFront()) popper->Wake();
    while (Suspension* const pusher = pushers_.PopFront()) pusher->Wake();
  }

  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool closed() const noexcept { return closed_; }

 private:
  static Status ClosedStatus() { return Unavailable("queue is closed"); }

  const std::size_t capacity_;
  bool closed_ = false;
  std::deque<T> values_;
  internal::List<Suspension, WaitTag> poppers_;
  internal::List<Suspension, WaitTag> pushers_;
};

}  // namespace flywheel::inline v0
