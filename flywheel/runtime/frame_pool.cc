#include "flywheel/runtime/frame_pool.h"

#include <utility>

#include "flywheel/base/check.h"
#include "flywheel/runtime/internal/parcel.h"

namespace flywheel::inline v0 {

using internal::Parcel;

void FramePool::Return(Parcel& parcel) noexcept {
  parcel.next = returned_.load(std::memory_order_relaxed);
  while (!returned_.compare_exchange_weak(parcel.next, &parcel, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

void FramePool::TakeReturned() noexcept {
  Work* next = returned_.exchange(nullptr, std::memory_order_acquire);
  while (next != nullptr) {
    auto* const parcel = static_cast<Parcel*>(std::exchange(next, next->next));
    parcel->FreeDead();
    delete parcel;  // tidy: taken from the stack of raw pointers
  }
}

void* FramePool::AllocateSlow(std::size_t bytes) {
  FramePool* const pool = thread_slot.frames;
  if (kRecycle && pool != nullptr && bytes <= kPooledBytesMax &&
      pool->returned_.load(std::memory_order_relaxed) != nullptr) {
    pool->TakeReturned();
    if (pool->lists_[ClassOf(bytes)].head != nullptr) return Allocate(bytes);
  }
  // Rounded to the class also without a pool: the block may be freed on a thread that has one.
  const std::size_t rounded = bytes <= kPooledBytesMax ? (ClassOf(bytes) + 1) * kStepBytes : bytes;
  void* const memory = std::malloc(rounded);
  FW_CHECK(memory != nullptr) << "no memory for a frame of " << rounded << " bytes";
  return memory;
}

FramePool::~FramePool() {
  TakeReturned();
  for (FreeList& list : lists_) {
    while (list.head != nullptr) {
      Block* const block = list.head;
      list.head = block->next;
      std::free(block);
    }
  }
}

std::size_t FramePool::cached_bytes() const noexcept {
  std::size_t bytes = 0;
  for (std::size_t index = 0; index < lists_.size(); ++index) bytes += lists_[index].count * (index + 1) * kStepBytes;
  return bytes;
}

}  // namespace flywheel::inline v0
