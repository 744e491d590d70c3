#include "flywheel/runtime/frame_pool.h"

#include "flywheel/base/check.h"

namespace flywheel::inline v0 {

void* FramePool::AllocateSlow(std::size_t bytes) {
  // Rounded to the class also without a pool: the block may be freed on a thread that has one.
  const std::size_t rounded = bytes <= kPooledBytesMax ? (ClassOf(bytes) + 1) * kStepBytes : bytes;
  void* const memory = std::malloc(rounded);
  FW_CHECK(memory != nullptr) << "no memory for a frame of " << rounded << " bytes";
  return memory;
}

FramePool::~FramePool() {
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
