// Gate: lets work in until it is closed, and tells when the last has left.
//
// For objects that must outlive the calls inside them: Enter at the start of a call, co_await Close() before
// destruction. It counts and nothing else, so entering costs an increment; there is no limit on how many are inside.
// One loop.
#pragma once

#include <cstddef>
#include <utility>

#include "flywheel/base/status_or.h"
#include "flywheel/runtime/suspension.h"

namespace flywheel::inline v0 {

class Gate {
 public:
  Gate() noexcept = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() {
    FW_CHECK(inside_ == 0 || internal::InCrash())
        << "gate destroyed with " << inside_ << " still inside; co_await Close() first";
  }

  class [[nodiscard]] Pass {
   public:
    explicit Pass(Gate& gate) noexcept : gate_(&gate) { ++gate.inside_; }
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~Pass() {
      if (gate_ != nullptr && !internal::InCrash()) gate_->Leave();
    }

   private:
    Gate* gate_;
  };

  // UNAVAILABLE once the gate is closed.
  StatusOr<Pass> Enter() {
    if (closed_) return Unavailable("gate is closed: its owner is shutting down");
    return Pass(*this);
  }
  [[nodiscard]] std::size_t inside() const noexcept { return inside_; }
  [[nodiscard]] bool closed() const noexcept { return closed_; }

  class [[nodiscard]] Awaiter final : public Suspension {
   public:
    Awaiter(Gate& gate, std::source_location where) noexcept : Suspension("Gate::Close", where), gate_(gate) {}
    bool await_ready() const noexcept { return gate_.inside_ == 0; }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
      gate_.closers_.PushBack(*this);
      Suspend(handle, /*cancellable=*/false);
    }
    static void await_resume() noexcept {}

   private:
    Gate& gate_;
  };

  // Refuses newcomers at once; the await ends when the last has left, cancelled or not: what is inside uses the owner.
  Awaiter Close(std::source_location where = std::source_location::current()) noexcept {
    closed_ = true;
    return {*this, where};
  }

 private:
  void Leave() noexcept {
    if (--inside_ != 0) return;
    while (Suspension* const closer = closers_.PopFront()) closer->Wake();
  }

  std::size_t inside_ = 0;
  bool closed_ = false;
  internal::List<Suspension, WaitTag> closers_;
};

}  // namespace flywheel::inline v0
