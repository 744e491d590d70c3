// The litmus tests that tell machines apart: what this model must be able to do, and what it must not.
#include "flywheel/base/internal/store_buffer_model.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <vector>

namespace flywheel::inline v0::internal {
namespace {

using Atomic = ModelMemory::Atomic<std::uint64_t>;

// Two threads with words x and y, what each has seen, and a way to say that an outcome was reached.
struct Litmus {
  StoreBufferModel machine;
  Atomic x{machine, 0};
  Atomic y{machine, 0};
  Atomic seen{machine, 0};
  std::size_t cell = machine.AddWord(0);

  void Reached() {
    machine.Free(cell);
    machine.Use(cell);
  }
};

std::uint64_t Load(const Atomic& word) { return word.load(std::memory_order_relaxed); }
void Store(Atomic& word, std::uint64_t value) { word.store(value, std::memory_order_relaxed); }

// "SB": each writes its own word and reads the other's. Can both read what was there before?
bool BothMissEachOther(bool fences) {
  Litmus l;
  const auto one = [&] {
    Store(l.x, 1);
    if (fences) l.machine.Fence();
    Store(l.seen, Load(l.y) + 1);
  };
  const auto other = [&] {
    Store(l.y, 1);
    if (fences) l.machine.Fence();
    const bool missed = Load(l.x) == 0;
    if (missed && Load(l.seen) == 1) l.Reached();
  };
  return l.machine.Explore({one, other}).violated;
}

TEST(StoreBufferModel, StoresAreLateWithoutFences) { EXPECT_TRUE(BothMissEachOther(/*fences=*/false)); }

TEST(StoreBufferModel, StoresAreNotLateWithFences) { EXPECT_FALSE(BothMissEachOther(/*fences=*/true)); }

// "MP": who sees the flag sees what was written before it.
TEST(StoreBufferModel, StoresStayInOrder) {
  Litmus l;
  const auto writer = [&] {
    Store(l.x, 1);
    Store(l.y, 1);
  };
  const auto reader = [&] {
    if (Load(l.y) == 1 && Load(l.x) == 0) l.Reached();
  };
  EXPECT_FALSE(l.machine.Explore({writer, reader}).violated);
}

TEST(StoreBufferModel, LoadsMayComeBeforeAnyStore) {
  Litmus l;
  const auto writer = [&] {
    Store(l.x, 1);
    Store(l.y, 1);
  };
  const auto reader = [&] {
    const std::uint64_t first = Load(l.x);
    if (first == 0 && Load(l.y) == 1) l.Reached();
  };
  EXPECT_TRUE(l.machine.Explore({writer, reader}).violated);
}

TEST(StoreBufferModel, AThreadSeesItsOwnStores) {
  Litmus l;
  const auto thread = [&] {
    Store(l.x, 1);
    Store(l.x, 2);
    if (Load(l.x) != 2) l.Reached();
  };
  const StoreBufferModel::Result result = l.machine.Explore({thread});
  EXPECT_FALSE(result.violated);
  EXPECT_EQ(result.ends, 3u) << "with two, one and no stores in the buffer";
}

TEST(StoreBufferModel, ReadModifyWritesAreAtomicAndDrain) {
  Litmus l;
  const auto adder = [&] {
    Store(l.y, 1);
    const std::uint64_t before = l.x.fetch_add(1, std::memory_order_relaxed);
    if (before == 1 && (Load(l.x) != 2 || Load(l.y) != 1)) l.Reached();
  };
  EXPECT_FALSE(l.machine.Explore({adder, adder}).violated);
  // A load and a store in its place lose an addition.
  Litmus lossy;
  const auto loser = [&] {
    Store(lossy.x, Load(lossy.x) + 1);
    lossy.machine.Fence();
    if (lossy.seen.fetch_add(1, std::memory_order_relaxed) == 1 && Load(lossy.x) == 1) lossy.Reached();
  };
  EXPECT_TRUE(lossy.machine.Explore({loser, loser}).violated);
}

TEST(StoreBufferModel, UseIsFineUntilTheCellIsFreed) {
  Litmus l;
  const auto user = [&] {
    l.machine.Use(l.cell);
    Store(l.x, 1);
  };
  const auto owner = [&] {
    if (Load(l.x) == 1) l.machine.Free(l.cell);
  };
  EXPECT_FALSE(l.machine.Explore({user, owner}).violated);
  Litmus wrong;
  const auto early = [&] {
    Store(wrong.x, 1);
    wrong.machine.Use(wrong.cell);
  };
  const auto prompt = [&] {
    if (Load(wrong.x) == 1) wrong.machine.Free(wrong.cell);
  };
  EXPECT_TRUE(wrong.machine.Explore({early, prompt}).violated);
}

TEST(StoreBufferModel, AFenceCanBeLeftOut) {
  Litmus l;
  const auto writer = [&] {
    Store(l.x, 1);
    l.machine.Fence();
    if (Load(l.y) == 0) l.machine.Free(l.cell);
  };
  const auto user = [&] {
    Store(l.y, 1);
    l.machine.Fence();
    if (Load(l.x) == 0) l.machine.Use(l.cell);
  };
  EXPECT_FALSE(l.machine.Explore({writer, user}).violated);
  EXPECT_TRUE(l.machine.Explore({writer, user}, StoreBufferModel::WithoutFence{.thread = 0, .ordinal = 0}).violated);
  EXPECT_TRUE(l.machine.Explore({writer, user}, StoreBufferModel::WithoutFence{.thread = 1, .ordinal = 0}).violated);
  EXPECT_FALSE(l.machine.Explore({writer, user}, StoreBufferModel::WithoutFence{.thread = 1, .ordinal = 1}).violated);
}

}  // namespace
}  // namespace flywheel::inline v0::internal
