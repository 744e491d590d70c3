#include "flywheel/runtime/sim/alarm.h"

namespace flywheel::inline v0::sim {

void Alarm::Set(Instant time) {
  Clear();
  if (time != kNever) queue_.Insert(*this, time);
}

void AlarmQueue::Insert(Alarm& alarm, Instant time) {
  heap_.emplace_back();
  Rise(heap_.size() - 1, {.time = time, .sequence = sequence_++, .alarm = &alarm});
}

void AlarmQueue::Remove(Alarm& alarm) noexcept {
  const std::size_t place = alarm.place_;
  alarm.place_ = Alarm::kNowhere;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  // What was last may belong above the gap as well as below it.
  if (place > 0 && last.Before(heap_[(place - 1) / 2])) {
    Rise(place, last);
  } else {
    Sink(place, last);
  }
}

void AlarmQueue::RingFirst() {
  Alarm& alarm = *heap_.front().alarm;
  Remove(alarm);
  alarm.on_ring_(alarm);
}

void AlarmQueue::Rise(std::size_t place, const Entry& entry) noexcept {
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (!entry.Before(heap_[parent])) break;
    Put(place, heap_[parent]);
    place = parent;
  }
  Put(place, entry);
}

void AlarmQueue::Sink(std::size_t place, const Entry& entry) noexcept {
  for (;;) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].Before(heap_[child])) ++child;
    if (!heap_[child].Before(entry)) break;
    Put(place, heap_[child]);
    place = child;
  }
  Put(place, entry);
}

}  // namespace flywheel::inline v0::sim
