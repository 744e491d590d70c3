// Alarm: something that happens at an instant of virtual time; AlarmQueue: all of a world, in order.
//
// An alarm is a member of what it belongs to. It can be moved and taken back, allocates nothing of its own, and dies
// with its owner, so a simulated connection or disk needs no guard against events that come after its death.
// Equal times ring in the order in which they were set, so that the order never depends on where things lie in memory.
// A binary heap (Williams 1964) in which every alarm knows its place: O(log n) for each change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "flywheel/base/time.h"

namespace flywheel::inline v0::sim {

class AlarmQueue;

class Alarm {
 public:
  using RingFunction = void (*)(Alarm& self);

  Alarm(AlarmQueue& queue, RingFunction on_ring) noexcept : queue_(queue), on_ring_(on_ring) {}
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm() { Clear(); }

  // Rings once at `time`, and not at the time that was set before. kNever clears.
  void Set(Instant time);
  void Clear() noexcept;
  [[nodiscard]] bool is_set() const noexcept { return place_ != kNowhere; }
  // kNever when it is not set.
  [[nodiscard]] Instant time() const noexcept;

 private:
  friend class AlarmQueue;
  static constexpr std::size_t kNowhere = ~std::size_t{0};

  AlarmQueue& queue_;
  RingFunction on_ring_;
  std::size_t place_ = kNowhere;
};

// An alarm that calls a member function: `AlarmFor<&Flow::Arrive> arrival_{queue, *this};`
template <auto kMethod>
class AlarmFor;
template <typename Owner, void (Owner::*kMethod)()>
class AlarmFor<kMethod> final : public Alarm {
 public:
  AlarmFor(AlarmQueue& queue, Owner& owner) noexcept
      : Alarm(queue, [](Alarm& self) { (static_cast<AlarmFor&>(self).owner_.*kMethod)(); }), owner_(owner) {}

 private:
  Owner& owner_;
};

class AlarmQueue {
 public:
  // When the first alarm rings; kNever when none is set.
  [[nodiscard]] Instant next() const noexcept { return heap_.empty() ? kNever : heap_.front().time; }
  // There must be one. It is not set any more while it rings.
  void RingFirst();

 private:
  friend class Alarm;
  struct Entry {
    Instant time;
    std::uint64_t sequence;
    Alarm* alarm;
    [[nodiscard]] bool Before(const Entry& other) const noexcept {
      return time != other.time ? time < other.time : sequence < other.sequence;
    }
  };

  void Insert(Alarm& alarm, Instant time);
  void Remove(Alarm& alarm) noexcept;
  void Put(std::size_t place, const Entry& entry) noexcept {
    heap_[place] = entry;
    entry.alarm->place_ = place;
  }
  void Rise(std::size_t place, const Entry& entry) noexcept;
  void Sink(std::size_t place, const Entry& entry) noexcept;

  std::vector<Entry> heap_;
  std::uint64_t sequence_ = 0;
};

inline void Alarm::Clear() noexcept {
  if (is_set()) queue_.Remove(*this);
}
inline Instant Alarm::time() const noexcept { return is_set() ? queue_.heap_[place_].time : kNever; }

}  // namespace flywheel::inline v0::sim
