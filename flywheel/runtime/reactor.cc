#include "flywheel/runtime/reactor.h"

#include "flywheel/base/mutant.h"
#include "flywheel/runtime/loop.h"

namespace flywheel::inline v0 {

Readiness::~Readiness() {
  FW_CHECK((reader_ == nullptr && writer_ == nullptr) || internal::InCrash())
      << "an I/O object was closed while a task waits for it; cancel and join the task first";
  for (Awaiter* const waiter : {reader_, writer_}) {
    if (waiter != nullptr) waiter->readiness_ = nullptr;
  }
}

bool Readiness::Awaiter::MayGoOn() noexcept {
  return thread_slot.loop == nullptr || thread_slot.loop->SpendReadyWait();
}

void Readiness::Signal(Edges edges) noexcept {
  readable_ |= edges.readable;
  writable_ |= edges.writable;
  ended_ |= edges.ended;
  failed_ |= edges.failed;
  if (reader_ != nullptr && readable()) std::exchange(reader_, nullptr)->Wake();
  if (FW_MUTANT("readiness.loses_wakeup") && !edges.readable) return;
  if (writer_ != nullptr && writable()) std::exchange(writer_, nullptr)->Wake();
}

}  // namespace flywheel::inline v0
