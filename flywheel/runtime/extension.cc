#include "flywheel/runtime/extension.h"

#include <utility>

namespace flywheel::inline v0 {

Extension& Extensions::Make(std::size_t index, Factory factory, void* owner) {
  // Made without the lock, because making it may ask for another; of two who make the same at once, one is kept.
  std::unique_ptr<Extension> made = factory(owner);
  const MutexLock lock(mutex_);
  if (Extension* const found = slots_[index].load(std::memory_order_relaxed); found != nullptr) return *found;
  made_.push_back(std::move(made));
  slots_[index].store(made_.back().get(), std::memory_order_release);
  return *made_.back();
}

Extensions::~Extensions() {
  while (!made_.empty()) made_.pop_back();
}

}  // namespace flywheel::inline v0
