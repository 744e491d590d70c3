// FramePool: where coroutine frames and small blocks of one loop come from and return to.
//
// A child task lives for nanoseconds, so its frame must not visit the system allocator: sizes are rounded up to
// classes of kStepBytes and each class keeps a bounded stack of free blocks. A block remembers nothing: every one is
// a plain heap block of its class's size, so one that was made on a foreign thread may be recycled here and the other
// way round, and a pool may die before the blocks it handed out.
// Blocks that travel one way, as posted functions do, are handed back in parcels (Return), so that neither side has to
// ask the system allocator for each.
// At the limit (kCachedBytesMax per class) a returned block goes back to the heap. Under AddressSanitizer nothing is
// recycled, so that use of a dead frame is seen.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "flywheel/base/thread_slot.h"

namespace flywheel::inline v0 {

struct Work;

namespace internal {
struct Parcel;
}

class FramePool {
 public:
  static constexpr std::size_t kStepBytes = 64;
  static constexpr std::size_t kPooledBytesMax = 2048;     // larger frames are rare and go to the heap
  static constexpr std::size_t kCachedBytesMax = 1 << 20;  // per class; 1 MiB holds the frames of a busy loop

  FramePool() noexcept = default;
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;
  ~FramePool();

  // From the current thread's pool if there is one, else from the heap. Aborts when the system has no memory.
  [[nodiscard]] static void* Allocate(std::size_t bytes) {
    FramePool* const pool = thread_slot.frames;
    if (pool != nullptr && bytes <= kPooledBytesMax) [[likely]] {
      FreeList& list = pool->lists_[ClassOf(bytes)];
      if (Block* const block = list.head; block != nullptr) [[likely]] {
        list.head = block->next;
        --list.count;
        return block;
      }
    }
    return AllocateSlow(bytes);
  }
  // `bytes` as given to Allocate; any thread.
  static void Free(void* memory, std::size_t bytes) noexcept {
    FramePool* const pool = thread_slot.frames;
    if (kRecycle && pool != nullptr && bytes <= kPooledBytesMax) [[likely]] {
      const std::size_t index = ClassOf(bytes);
      FreeList& list = pool->lists_[index];
      if (list.count < kCachedBytesMax / ((index + 1) * kStepBytes)) [[likely]] {
        auto* const block = static_cast<Block*>(memory);
        block->next = list.head;
        list.head = block;
        ++list.count;
        return;
      }
    }
    std::free(memory);
  }

  // Whether blocks of this size are kept.
  [[nodiscard]] static constexpr bool Recycles(std::size_t bytes) noexcept {
    return kRecycle && bytes <= kPooledBytesMax;
  }

  // Hands a parcel of dead blocks, and the parcel itself, to the pool they came from; any thread, while that pool
  // lives. Lock-free: a push-only stack that the owner takes whole when a free list is empty (the argument is
  // WorkInbox's).
  void Return(internal::Parcel& parcel) noexcept;

  [[nodiscard]] std::size_t cached_bytes() const noexcept;

 private:
  struct Block {
    Block* next;
  };
  struct FreeList {
    Block* head = nullptr;
    std::size_t count = 0;
  };

#if defined(__SANITIZE_ADDRESS__) || (defined(__has_feature) && __has_feature(address_sanitizer))
  static constexpr bool kRecycle = false;
#else
  static constexpr bool kRecycle = true;
#endif

  static constexpr std::size_t ClassOf(std::size_t bytes) noexcept { return (bytes - 1) / kStepBytes; }
  static void* AllocateSlow(std::size_t bytes);
  void TakeReturned() noexcept;

  std::atomic<Work*> returned_{nullptr};  // parcels
  std::array<FreeList, kPooledBytesMax / kStepBytes> lists_;
};

// Base of small objects that live and die on loops; the derived type's size selects the class, so it must be final
// or have a virtual destructor.
struct FramePooled {
  static void* operator new(std::size_t bytes) { return FramePool::Allocate(bytes); }
  static void operator delete(void* memory, std::size_t bytes) noexcept { FramePool::Free(memory, bytes); }
};

}  // namespace flywheel::inline v0
