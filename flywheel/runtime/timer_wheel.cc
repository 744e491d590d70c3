#include "flywheel/runtime/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "flywheel/base/check.h"
#include "flywheel/base/mutant.h"

namespace flywheel::inline v0 {

TimerWheel::TimerWheel(Instant start) noexcept : tick_(TickOf(start)) {}

TimerWheel::~TimerWheel() {
  for (Timer*& head : heads_) {
    while (head != nullptr) head->Disarm();
  }
}

std::uint64_t TimerWheel::TickOf(Instant time) noexcept {
  const auto nanoseconds = time.time_since_epoch().count();
  return nanoseconds <= 0 ? 0 : static_cast<std::uint64_t>(nanoseconds) >> kTickBits;
}

Instant TimerWheel::StartOf(std::uint64_t tick) noexcept {
  return Instant(Duration(static_cast<Duration::rep>(tick << kTickBits)));
}

void TimerWheel::Arm(Timer& timer, Instant deadline) noexcept {
  if (timer.armed()) {
    FW_CHECK(timer.wheel_ == this) << "timer is armed on another loop";
    Unlink(timer);
  } else {
    timer.wheel_ = this;
    ++armed_;
  }
  timer.deadline_ = deadline;
  timer.sequence_ = ++sequence_;
  Insert(timer);
}

void TimerWheel::Insert(Timer& timer) noexcept {
  const std::uint64_t tick = std::max(TickOf(timer.deadline_), tick_);
  const std::uint64_t difference = (tick ^ tick_) | 1;
  const int level = (63 - std::countl_zero(difference)) / kSlotBits;
  const auto index = static_cast<std::uint32_t>(tick >> (level * kSlotBits)) & (kSlots - 1);
  Link(timer, static_cast<std::uint32_t>(level) * kSlots + index);
}

void TimerWheel::Link(Timer& timer, std::uint32_t slot) noexcept {
  Timer*& head = heads_[slot];
  timer.slot_ = slot;
  timer.next_ = head;
  timer.link_ = &head;
  if (head != nullptr) head->link_ = &timer.next_;
  head = &timer;
  if (slot != kFiring) occupied_[slot / kSlots] |= std::uint64_t{1} << (slot % kSlots);
}

void TimerWheel::Unlink(Timer& timer) noexcept {
  *timer.link_ = timer.next_;
  if (timer.next_ != nullptr) timer.next_->link_ = timer.link_;
  timer.link_ = nullptr;
  const std::uint32_t slot = timer.slot_;
  if (slot != kFiring && heads_[slot] == nullptr) {
    occupied_[slot / kSlots] &= ~(std::uint64_t{1} << (slot % kSlots));
  }
}

bool TimerWheel::FirstSlot(std::uint32_t& slot, std::uint64_t& tick) const noexcept {
  for (int level = 0; level < kLevels; ++level) {
    const int shift = level * kSlotBits;
    const auto position = static_cast<int>(tick_ >> shift) & static_cast<int>(kSlots - 1);
    // A timer shares all higher bits with tick_, so its slot at this level never lies before the position; the
    // position itself is occupied only at level 0, or where tick_ has just arrived and the slot has to descend.
    const std::uint64_t ahead = occupied_[static_cast<std::size_t>(level)] >> position;
    if (ahead == 0) continue;
    const int index = position + std::countr_zero(ahead);
    slot = static_cast<std::uint32_t>(level * static_cast<int>(kSlots) + index);
    const std::uint64_t above = (shift + kSlotBits >= 64) ? 0 : (tick_ >> (shift + kSlotBits)) << (shift + kSlotBits);
    tick = std::max(above | (static_cast<std::uint64_t>(index) << shift), tick_);
    return true;
  }
  return false;
}

Instant TimerWheel::NextExpiry() const noexcept {
  std::uint32_t slot = 0;
  std::uint64_t tick = 0;
  if (!FirstSlot(slot, tick)) return kNever;
  if (slot >= kSlots) return StartOf(tick);
  Instant first = kNever;
  int scanned = 0;
  for (const Timer* timer = heads_[slot]; timer != nullptr; timer = timer->next_) {
    if (++scanned > kScanMax) break;
    first = std::min(first, timer->deadline_);
  }
  return first;
}

void TimerWheel::Advance(Instant now) {
  const std::uint64_t now_tick = TickOf(now);
  std::uint32_t slot = 0;
  std::uint64_t tick = 0;
  batch_.clear();
  while (FirstSlot(slot, tick) && tick <= now_tick) {
    tick_ = tick;
    if (slot < kSlots) {
      // Something stays only in the slot of the present tick, and then everything else is later.
      if (Collect(slot, now)) break;
      continue;
    }
    while (Timer* const timer = heads_[slot]) {
      Unlink(*timer);
      if (FW_MUTANT("timer_wheel.loses_descending") && timer->next_ != nullptr) continue;
      Insert(*timer);
    }
  }
  tick_ = std::max(tick_, now_tick);
  if (!batch_.empty()) FireBatch();
}

bool TimerWheel::Collect(std::uint32_t slot, Instant now) {
  bool stays = false;
  for (Timer* timer = heads_[slot]; timer != nullptr;) {
    Timer* const next = timer->next_;
    if (timer->deadline_ <= now || FW_MUTANT("timer_wheel.fires_early")) {
      batch_.push_back(timer);
      Unlink(*timer);
      Link(*timer, kFiring);
    } else {
      stays = true;
    }
    timer = next;
  }
  return stays;
}

void TimerWheel::FireBatch() {
  // Latest first, because lists grow at the head. Relinking in order lets a callback cancel what fires after it.
  std::sort(batch_.begin(), batch_.end(), [](const Timer* a, const Timer* b) {
    if (FW_MUTANT("timer_wheel.fires_latest_first")) return a->sequence_ < b->sequence_;
    return a->deadline_ != b->deadline_ ? a->deadline_ > b->deadline_ : a->sequence_ > b->sequence_;
  });
  heads_[kFiring] = nullptr;
  for (Timer* const timer : batch_) Link(*timer, kFiring);
  batch_.clear();
  while (Timer* const timer = heads_[kFiring]) {
    timer->Disarm();
    timer->on_fire_(*timer);
  }
}

}  // namespace flywheel::inline v0
