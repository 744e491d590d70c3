// Semaphore: bounds how much of something is used at once.
//
// First come, first served, also between large and small requests: a large one at the head holds back smaller ones that
// would fit, or it would starve. Permits return by themselves. A request for more than there ever is waits until it is
// cancelled. One loop.
#pragma once

#include <cstdint>
#include <utility>

#include "flywheel/base/mutant.h"
#include "flywheel/base/status_or.h"
#include "flywheel/runtime/suspension.h"

namespace flywheel::inline v0 {

class Semaphore {
 public:
  explicit Semaphore(std::uint64_t units) noexcept : free_(units) {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;
  ~Semaphore() { FW_CHECK(waiters_.empty() || internal::InCrash()) << "semaphore destroyed while tasks wait for it"; }

  // Gives its units back when it goes.
  class [[nodiscard]] Permit {
   public:
    Permit() noexcept = default;
    Permit(Semaphore& semaphore, std::uint64_t units) noexcept : semaphore_(&semaphore), units_(units) {}
    Permit(Permit&& other) noexcept
        : semaphore_(std::exchange(other.semaphore_, nullptr)), units_(std::exchange(other.units_, 0)) {}
    Permit& operator=(Permit&& other) noexcept {
      std::swap(semaphore_, other.semaphore_);
      std::swap(units_, other.units_);
      return *this;
    }
    ~Permit() {
      if (semaphore_ != nullptr && !internal::InCrash()) semaphore_->Release(units_);
    }

   private:
    Semaphore* semaphore_ = nullptr;
    std::uint64_t units_ = 0;
  };

  class [[nodiscard]] Awaiter final : public Suspension {
   public:
    Awaiter(Semaphore& semaphore, std::uint64_t units, std::source_location where) noexcept
        : Suspension("Semaphore::Acquire", where), semaphore_(semaphore), units_(units) {}
    ~Awaiter() {
      if (granted_ && !internal::InCrash()) semaphore_.Release(units_);
    }
    bool await_ready() noexcept { return CancelledAlready() || (granted_ = semaphore_.Take(units_)); }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
      semaphore_.waiters_.PushBack(*this);
      Suspend(handle);
    }
    [[nodiscard]] StatusOr<Permit> await_resume() {
      if (was_cancelled()) return WaitStatus();
      granted_ = false;
      return Permit(semaphore_, units_);
    }

   private:
    friend class Semaphore;

    // A large request that goes may have held back smaller ones behind it.
    bool Cancelled() noexcept override {
      ListNode<WaitTag>::Unlink();
      if (FW_MUTANT("semaphore.grants_nobody_on_cancel")) return true;
      semaphore_.Grant();
      return true;
    }

    Semaphore& semaphore_;
    std::uint64_t units_;
    bool granted_ = false;
  };

  // Waits for `units`. A request larger than the semaphore ever holds waits until it is cancelled.
  Awaiter Acquire(std::uint64_t units = 1, std::source_location where = std::source_location::current()) noexcept {
    return {*this, units, where};
  }
  // Without waiting, and never before those who wait.
  [[nodiscard]] bool TryAcquire(std::uint64_t units, Permit& permit) noexcept {
    if (!Take(units)) return false;
    permit = Permit(*this, units);
    return true;
  }
  [[nodiscard]] std::uint64_t available() const noexcept { return free_; }

 private:
  bool Take(std::uint64_t units) noexcept {
    if (!waiters_.empty() || free_ < units) return false;
    free_ -= units;
    return true;
  }
  void Release(std::uint64_t units) noexcept {
    free_ += units;
    Grant();
  }
  void Grant() noexcept {
    while (Suspension* const first = waiters_.front()) {
      auto& waiter = static_cast<Awaiter&>(*first);
      if (waiter.units_ > free_) return;
      free_ -= waiter.units_;
      waiter.granted_ = true;
      waiter.ListNode<WaitTag>::Unlink();
      waiter.Wake();
    }
  }

  std::uint64_t free_;
  internal::List<Suspension, WaitTag> waiters_;
};

}  // namespace flywheel::inline v0
