#include "flywheel/runtime/frame_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "flywheel/runtime/internal/system_allocations.h"

namespace flywheel::inline v0 {
namespace {

// Makes a pool the thread's own, as a loop does for its turn.
class UsePool {
 public:
  explicit UsePool(FramePool* pool) : before_(std::exchange(thread_slot.frames, pool)) {}
  UsePool(const UsePool&) = delete;
  UsePool& operator=(const UsePool&) = delete;
  ~UsePool() { thread_slot.frames = before_; }

 private:
  FramePool* before_;
};

TEST(FramePoolTest, RecyclesBlocksOfAClassLastInFirstOut) {
  if (!internal::kFramesAreRecycled) GTEST_SKIP() << "frames are not recycled under AddressSanitizer";
  FramePool pool;
  const UsePool use(&pool);
  void* const a = FramePool::Allocate(65);
  void* const b = FramePool::Allocate(128);
  EXPECT_NE(a, b);
  FramePool::Free(a, 65);
  FramePool::Free(b, 128);
  EXPECT_EQ(pool.cached_bytes(), 256u);
  EXPECT_EQ(FramePool::Allocate(100), b);  // of the class of 65 to 128 bytes
  EXPECT_EQ(FramePool::Allocate(65), a);
  EXPECT_EQ(pool.cached_bytes(), 0u);
  FramePool::Free(a, 65);
  void* const other = FramePool::Allocate(64);
  EXPECT_NE(other, a);
  FramePool::Free(other, 64);
  FramePool::Free(b, 100);
}

TEST(FramePoolTest, EverySizeIsWritable) {
  FramePool pool;
  const UsePool use(&pool);
  for (int round = 0; round < 2; ++round) {
    std::vector<std::pair<void*, std::size_t>> blocks;
    for (std::size_t bytes = 1; bytes <= FramePool::kPooledBytesMax + 100; bytes += 7) {
      void* const block = FramePool::Allocate(bytes);
      std::memset(block, static_cast<int>(bytes & 0xff), bytes);
      blocks.emplace_back(block, bytes);
    }
    for (const auto& [block, bytes] : blocks) {
      EXPECT_EQ(static_cast<unsigned char*>(block)[bytes - 1], bytes & 0xff);
      FramePool::Free(block, bytes);
    }
  }
}

TEST(FramePoolTest, KeepsNoMoreThanItsLimit) {
  if (!internal::kFramesAreRecycled) GTEST_SKIP() << "frames are not recycled under AddressSanitizer";
  FramePool pool;
  const UsePool use(&pool);
  constexpr std::size_t kBytes = 1024;
  std::vector<void*> blocks(2 * FramePool::kCachedBytesMax / kBytes);
  for (void*& block : blocks) block = FramePool::Allocate(kBytes);
  for (void* const block : blocks) FramePool::Free(block, kBytes);
  EXPECT_EQ(pool.cached_bytes(), FramePool::kCachedBytesMax);
  // Large ones are rare and go back at once.
  FramePool::Free(FramePool::Allocate(FramePool::kPooledBytesMax + 1), FramePool::kPooledBytesMax + 1);
  EXPECT_EQ(pool.cached_bytes(), FramePool::kCachedBytesMax);
}

TEST(FramePoolTest, BlocksCrossThreadsAndOutliveTheirPool) {
  auto pool = std::make_unique<FramePool>();
  void* mine = nullptr;
  void* another = nullptr;
  {
    const UsePool use(pool.get());
    mine = FramePool::Allocate(200);
    another = FramePool::Allocate(200);
  }
  pool.reset();
  std::thread([&] {
    FramePool second;
    const UsePool use(&second);
    void* const foreign = FramePool::Allocate(50);
    FramePool::Free(mine, 200);
    if (internal::kFramesAreRecycled) EXPECT_EQ(FramePool::Allocate(193), mine);
    if (!internal::kFramesAreRecycled) mine = FramePool::Allocate(193);
    FramePool::Free(foreign, 50);
  }).join();
  FramePool::Free(mine, 193);  // without a pool
  FramePool::Free(another, 200);
}

}  // namespace
}  // namespace flywheel::inline v0
