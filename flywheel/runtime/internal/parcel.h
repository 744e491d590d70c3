// Parcel: work on its way from one loop to another, and the dead blocks of that work on the way back.
//
// What a turn posts to another loop travels as arrays of pointers and not as a list through the blocks themselves: the
// blocks lie in the other core's cache, and a list makes the receiver wait for one of them after the other, where an
// array lets it ask for several at once. (Measured: a burst of 256 messages took about 100 ns each as a list.) The same
// holds on the way back, so a parcel returns to its loop with the blocks that its functions lived in.
// A parcel is made and freed by the loop that posts; in between it belongs to whoever holds it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "flywheel/base/thread_slot.h"
#include "flywheel/runtime/frame_pool.h"
#include "flywheel/runtime/work.h"

namespace flywheel::inline v0::internal {

struct Parcel final : Work, FramePooled {
  static constexpr std::size_t kEntries = 62;  // 1 KiB in all
  static constexpr std::size_t kAhead = 8;     // cache lines asked for before they are needed

  explicit Parcel(Loop& owner) noexcept : Work(&Parcel::Mark), origin(owner) {}

  [[nodiscard]] static bool Is(const Work& work) noexcept { return work.run == &Parcel::Mark; }

  void Add(Work& work) noexcept { entries[count++].memory = &work; }
  void AddDead(void* memory, std::size_t bytes) noexcept { entries[count++] = {.memory = memory, .bytes = bytes}; }
  [[nodiscard]] bool full() const noexcept { return count == kEntries; }

  // Frees the dead blocks it holds, into the pool of the current thread.
  void FreeDead() noexcept {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i + kAhead < count) __builtin_prefetch(entries[i + kAhead].memory, 1);
      FramePool::Free(entries[i].memory, entries[i].bytes);
    }
    count = 0;
  }
  // Appends the work to `queue` in the order in which it was added, and leaves the parcel empty.
  std::uint32_t Unpack(WorkQueue& queue) noexcept {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i + kAhead < count) __builtin_prefetch(entries[i + kAhead].memory, 1);
      queue.Push(*static_cast<Work*>(entries[i].memory));
    }
    return std::exchange(count, 0);
  }

  struct Entry {
    void* memory;
    std::size_t bytes;  // of a dead block
  };

  Loop& origin;
  std::uint32_t count = 0;
  std::array<Entry, kEntries> entries;  // the first `count` hold something

 private:
  // Never runs: its address is how a parcel is told from other work.
  static void Mark(Work&) { FW_CHECK(false) << "a parcel was run instead of unpacked"; }
};

}  // namespace flywheel::inline v0::internal
