// Loops, writers and foreign readers on real threads. The model test proves the protocol on a small machine; this one
// runs the product's own types on this machine and is what the sanitizers look at.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "flywheel/base/internal/lifetime_ledger.h"
#include "flywheel/base/quiescent.h"
#include "flywheel/base/snapshot.h"

namespace flywheel::inline v0 {
namespace {

using internal::LifetimeLedger;
using Entry = LifetimeLedger::Entry;

constexpr std::size_t kSnapshots = 3;
constexpr std::size_t kPublishesPerWriter = 10'000;
constexpr std::size_t kWriters = 2;

class Stress {
 public:
  explicit Stress(QuiescentLimits limits) : domain_(limits) {
    for (auto& snapshot : snapshots_) {
      snapshot = std::make_unique<Snapshot<Entry>>(domain_, std::in_place, ledger_, ledger_.NextId());
    }
  }

  void Run(std::size_t loops, std::size_t foreign) {
    std::vector<std::thread> readers;
    for (std::size_t i = 0; i < loops; ++i) readers.emplace_back([this, i] { TurnLoop(i); });
    for (std::size_t i = 0; i < foreign; ++i) readers.emplace_back([this, i] { HoldForeign(i); });
    while (ready_.load() != loops + foreign) std::this_thread::yield();
    std::vector<std::thread> writers;
    for (std::size_t i = 0; i < kWriters; ++i) writers.emplace_back([this, i] { Write(i); });
    for (std::thread& thread : writers) thread.join();
    stop_.store(true);
    for (std::thread& thread : readers) thread.join();

    domain_.Reclaim();
    EXPECT_EQ(domain_.Stats().retired_values, 0u);
    EXPECT_EQ(ledger_.alive(), kSnapshots);
    for (auto& snapshot : snapshots_) snapshot.reset();
    EXPECT_EQ(ledger_.alive(), 0u);
  }

 private:
  void Write(std::size_t seed) {
    std::minstd_rand random(static_cast<unsigned>(seed + 1));
    for (std::size_t i = 0; i < kPublishesPerWriter; ++i) {
      snapshots_[random() % kSnapshots]->Emplace(ledger_, ledger_.NextId());
      if (random() % 8 == 0) WaitForATurn();
      if (random() % 1024 == 0) domain_.Reclaim();
    }
  }

  // Keeps writers from being done before the loops were scheduled.
  void WaitForATurn() {
    const std::uint64_t before = turns_.load(std::memory_order_relaxed);
    while (turns_.load(std::memory_order_relaxed) == before) std::this_thread::yield();
  }

  void TurnLoop(std::size_t seed) {
    QuiescentParticipant loop(domain_, "loop " + std::to_string(seed));
    std::minstd_rand random(static_cast<unsigned>(seed + 100));
    std::array<std::uint64_t, kSnapshots> versions{};
    std::vector<std::pair<Borrowed<Entry>, std::size_t>> borrowed;
    std::vector<Held<Entry>> held;
    ready_.fetch_add(1);
    loop.TurnBegin();
    while (!stop_.load(std::memory_order_relaxed)) {
      for (std::size_t reads = random() % 8; reads != 0; --reads) {
        const std::size_t which = random() % kSnapshots;
        const auto value = snapshots_[which]->Read();
        EXPECT_GE(value.version(), versions[which]);
        versions[which] = value.version();
        borrowed.emplace_back(value, value->id());
        if (random() % 32 == 0) held.push_back(random() % 2 == 0 ? value.Hold() : snapshots_[which]->Hold());
        if (random() % 256 == 0) std::this_thread::yield();
      }
      for (const auto& [value, id] : borrowed) {
        EXPECT_TRUE(ledger_.Alive(id));
        EXPECT_EQ(value->id(), id);
      }
      borrowed.clear();
      if (random() % 4 == 0) {
        loop.Park();
        if (random() % 4 == 0) std::this_thread::yield();
        loop.TurnBegin();
      } else {
        loop.TurnEnd();
      }
      turns_.fetch_add(1, std::memory_order_relaxed);
      for (const Held<Entry>& value : held) EXPECT_TRUE(ledger_.Alive(value->id()));
      if (held.size() > 20) held.clear();
    }
    loop.Park();
  }

  void HoldForeign(std::size_t seed) {
    std::minstd_rand random(static_cast<unsigned>(seed + 200));
    std::array<std::uint64_t, kSnapshots> versions{};
    std::vector<Held<Entry>> held;
    ready_.fetch_add(1);
    while (!stop_.load(std::memory_order_relaxed)) {
      const std::size_t which = random() % kSnapshots;
      held.push_back(snapshots_[which]->Hold());
      EXPECT_GE(held.back().version(), versions[which]);
      versions[which] = held.back().version();
      for (const Held<Entry>& value : held) EXPECT_TRUE(ledger_.Alive(value->id()));
      if (held.size() > random() % 10) held.erase(held.begin() + static_cast<std::ptrdiff_t>(random() % held.size()));
    }
  }

  LifetimeLedger ledger_{kSnapshots + kWriters * kPublishesPerWriter};
  QuiescentDomain domain_;
  std::array<std::unique_ptr<Snapshot<Entry>>, kSnapshots> snapshots_;
  std::atomic<std::size_t> ready_{0};
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> turns_{0};
};

TEST(QuiescentStress, NothingInUseIsFreed) { Stress({}).Run(/*loops=*/3, /*foreign=*/1); }

// Every publish looks at single values, so that births and last reads decide each time.
TEST(QuiescentStress, NothingInUseIsFreedWhenEveryPublishScans) {
  Stress({.retired_values_max = 0}).Run(/*loops=*/3, /*foreign=*/1);
}

}  // namespace
}  // namespace flywheel::inline v0
