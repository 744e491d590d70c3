// TimerWheel: arm, cancel and expire in O(1), a million at a time.
//
// A hierarchical timing wheel (Varghese & Lauck 1987, scheme 7): kLevels levels of 64 slots, each level 64 times as
// coarse as the one below, a bit per slot so that the next expiry is found without a scan. A timer lies at the level
// of the highest bit in which its tick differs from the wheel's; when the wheel reaches its slot it moves down.
//
// Unlike most wheels it is exact: the tick (kTickBits, about 1 ms) only sorts timers into slots; a timer fires at the
// first Advance whose time is not before its deadline, and timers that fire together fire in deadline order.
// Timers are intrusive: the owner keeps the node alive while it is armed, its destructor disarms. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "flywheel/base/time.h"

namespace flywheel::inline v0 {

class TimerWheel;

class Timer {
 public:
  using FireFunction = void (*)(Timer& self);

  constexpr explicit Timer(FireFunction on_fire) noexcept : on_fire_(on_fire) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { Disarm(); }

  [[nodiscard]] bool armed() const noexcept { return link_ != nullptr; }
  // In the wheel's time.
  [[nodiscard]] Instant deadline() const noexcept { return deadline_; }
  // Returns whether it was armed.
  bool Disarm() noexcept;

 private:
  friend class TimerWheel;

  FireFunction on_fire_;
  Timer* next_ = nullptr;
  Timer** link_ = nullptr;  // what points here: the slot's head or the previous timer's next_
  TimerWheel* wheel_ = nullptr;
  Instant deadline_;
  std::uint64_t sequence_ = 0;  // orders equal deadlines by arming
  std::uint32_t slot_ = 0;
};

class TimerWheel {
 public:
  explicit TimerWheel(Instant start) noexcept;
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  // Arms or re-arms. A deadline in the past is due at the next Advance.
  void Arm(Timer& timer, Instant deadline) noexcept;
  // Fires everything due at `now`, which must not go back. Callbacks may arm and cancel any timer; what they arm
  // fires at a later Advance, however early its deadline.
  void Advance(Instant now);
  // When to call Advance next; kNever when none is armed. Advancing to it makes progress (a timer fires or descends);
  // the first deadline may lie up to a tick earlier when more than kScanMax timers share its slot.
  [[nodiscard]] Instant NextExpiry() const noexcept;
  [[nodiscard]] std::size_t armed() const noexcept { return armed_; }

 private:
  friend class Timer;

  static constexpr int kTickBits = 20;
  static constexpr int kSlotBits = 6;
  static constexpr std::uint32_t kSlots = 1U << kSlotBits;
  static constexpr int kLevels = 8;  // 20 + 8 * 6 bits: every non-negative Instant
  static constexpr std::uint32_t kFiring = kLevels * kSlots;
  static constexpr int kScanMax = 64;

  static std::uint64_t TickOf(Instant time) noexcept;
  static Instant StartOf(std::uint64_t tick) noexcept;
  void Insert(Timer& timer) noexcept;
  void Link(Timer& timer, std::uint32_t slot) noexcept;
  void Unlink(Timer& timer) noexcept;
  // The first occupied slot in time, and the tick at which it starts; false when the wheel is empty.
  bool FirstSlot(std::uint32_t& slot, std::uint64_t& tick) const noexcept;
  // Moves what is due at `now` from a slot of level 0 to batch_; whether something stays.
  bool Collect(std::uint32_t slot, Instant now);
  void FireBatch();

  std::uint64_t tick_;  // every timer before this tick has fired
  std::uint64_t sequence_ = 0;
  std::size_t armed_ = 0;
  std::array<std::uint64_t, kLevels> occupied_{};
  std::array<Timer*, kLevels * kSlots + 1> heads_{};
  std::vector<Timer*> batch_;
};

inline bool Timer::Disarm() noexcept {
  if (link_ == nullptr) return false;
  wheel_->Unlink(*this);
  --wheel_->armed_;
  return true;
}

}  // namespace flywheel::inline v0
