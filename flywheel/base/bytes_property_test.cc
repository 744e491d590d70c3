#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "flywheel/base/bytes.h"
#include "flywheel/base/internal/bytes_model.h"
#include "flywheel/base/thread_slot.h"

namespace flywheel::inline v0 {
namespace {

// Any sequence of operations on objects that share slabs does what it would do to separate strings.
RC_GTEST_PROP(BytesPropertyTest, BehavesLikeSeparateStrings, ()) {
  const auto length = *rc::gen::inRange(1, 600);
  const auto program = *rc::gen::container<std::vector<std::uint8_t>>(length, rc::gen::arbitrary<std::uint8_t>());
  const std::string failure = internal::BytesModel(program).Run();
  RC_ASSERT(failure == "");
}

// As above with fixed programs, many more of them, the same in every run.
TEST(BytesPropertyTest, BehavesLikeSeparateStringsInThousandsOfFixedPrograms) {
  std::uint64_t state = 20240229;
  const auto next = [&state] {  // SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators)
    std::uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  };
  for (int index = 0; index < 3000; ++index) {
    std::vector<std::uint8_t> program(next() % 400);
    for (std::uint8_t& byte : program) byte = static_cast<std::uint8_t>(next());
    ASSERT_EQ(internal::BytesModel(program).Run(), "") << "program " << index;
  }
}

// Threads append to their own references to one block, read what they share and drop it, in any order.
TEST(BytesThreadTest, SharersOnSeveralThreadsNeverSeeEachOthersWrites) {
  SlabPool pool;
  const std::string head(500, 'h');
  for (int round = 0; round < 100; ++round) {
    thread_slot.slabs = &pool;
    Bytes original(head);
    const auto work = [&head](Bytes mine, char mark) {
      for (int i = 0; i < 20; ++i) {
        mine.Append(std::string(30, mark));
        Bytes copy = mine.Share();
        copy.RemovePrefix(100);
        copy.Prepend(std::string(10, mark));
        Bytes front = mine.Split(head.size());
        ASSERT_TRUE(front == head);
        front.Append(std::move(mine));
        mine = std::move(front);
      }
      ASSERT_TRUE(mine == head + std::string(600, mark));
    };
    std::vector<std::thread> threads;
    for (const char mark : {'a', 'b'}) {
      threads.emplace_back([&work, mark, mine = original.Share()]() mutable { work(std::move(mine), mark); });
    }
    work(std::move(original), 'c');
    for (std::thread& thread : threads) thread.join();
    thread_slot.slabs = nullptr;
    pool.Collect();
    ASSERT_EQ(pool.stats().live, 0) << "round " << round;
  }
}

// Waits for another thread for a moment at full speed, then politely.
template <typename Condition>
void SpinUntil(Condition condition) {
  for (int spins = 0; !condition(); ++spins) {
    if (spins > 10'000) std::this_thread::yield();
  }
}

// As an event that many watchers get: one immutable object, shared from by two threads in the same moment. If Share()
// took the count for its own, as a function with exclusive access may, references would be lost here.
TEST(BytesThreadTest, SeveralThreadsMayShareFromOneConstObject) {
  constexpr int kRounds = 8'000;
  std::atomic<const Bytes*> event{nullptr};
  std::atomic<int> shared{0};
  std::atomic<int> dropped{0};
  std::thread other([&] {
    for (int round = 1; round <= kRounds; ++round) {
      const Bytes* current = nullptr;
      SpinUntil([&] { return (current = event.load(std::memory_order_acquire)) != nullptr; });
      Bytes mine = current->Share();
      shared.store(round);
      SpinUntil([&] { return event.load(std::memory_order_acquire) == nullptr; });
      mine.Clear();
      dropped.store(round);
    }
  });
  int right = 0;
  for (int round = 1; round <= kRounds; ++round) {
    Slab* const watched = Slab::Allocate(1).Take();
    const Bytes bytes = Bytes::FromSlab(SlabRef(watched), 0, 100);
    event.store(&bytes, std::memory_order_release);
    // The other thread needs a while to see it; some of these delays make both share at once.
    for (int delay = 0; delay < round % 256; ++delay) asm volatile("" ::: "memory");
    const Bytes mine = bytes.Share();
    SpinUntil([&] { return shared.load() == round; });
    if (watched->HeldOnlyBy(3)) ++right;
    event.store(nullptr, std::memory_order_release);
    SpinUntil([&] { return dropped.load() == round; });
  }
  other.join();
  EXPECT_EQ(right, kRounds);
}

// One thread reads and hands frames over, another consumes them: every slab dies away from home, and returns.
TEST(BytesThreadTest, BuffersReturnFromTheThreadThatConsumesThem) {
  SlabPool pool;
  thread_slot.slabs = &pool;
  constexpr int kFrames = 5000;
  std::vector<Bytes> frames(64);
  std::atomic<int> produced{0};
  std::atomic<int> consumed{0};
  std::thread consumer([&] {
    for (int i = 0; i < kFrames; ++i) {
      while (produced.load(std::memory_order_acquire) <= i) std::this_thread::yield();
      Bytes frame = std::move(frames[static_cast<std::size_t>(i) % 64]);
      ASSERT_TRUE(frame == std::string(700, static_cast<char>(i)));
      frame.Clear();
      consumed.store(i + 1, std::memory_order_release);
    }
  });
  {
    Bytes input;
    for (int i = 0; i < kFrames; ++i) {
      while (i - consumed.load(std::memory_order_acquire) >= 64) std::this_thread::yield();
      std::memset(input.Prepare(700).data(), static_cast<char>(i), 700);
      input.Commit(700);
      frames[static_cast<std::size_t>(i) % 64] = input.Split(700);
      produced.store(i + 1, std::memory_order_release);
    }
  }
  consumer.join();
  thread_slot.slabs = nullptr;
  pool.Collect();
  EXPECT_EQ(pool.stats().live, 0);
  EXPECT_GT(pool.stats().foreign_frees, 0);
  // At most 64 frames of a fifth of a block each are on their way, and what came back was used again.
  EXPECT_LT(pool.stats().heap, 100);
}

}  // namespace
}  // namespace flywheel::inline v0
