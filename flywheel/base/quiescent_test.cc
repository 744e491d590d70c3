#include "flywheel/base/quiescent.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "flywheel/base/internal/lifetime_ledger.h"
#include "flywheel/base/snapshot.h"
#include "flywheel/base/thread_slot.h"

namespace flywheel::inline v0 {
namespace {

using internal::LifetimeLedger;
using Entry = LifetimeLedger::Entry;

// Several loops on one thread, as in a simulation: makes one of them the thread's.
void SwitchTo(QuiescentParticipant* loop) { thread_slot.participant = loop; }

TEST(Quiescent, ParkedLoopsCountAsPassed) {
  LifetimeLedger ledger(2);
  QuiescentDomain domain;
  QuiescentParticipant loop(domain, "loop 0");
  Snapshot<Entry> snapshot(domain, std::in_place, ledger, ledger.NextId());
  snapshot.Emplace(ledger, ledger.NextId());
  EXPECT_FALSE(ledger.Alive(0)) << "no loop is in a turn";
  EXPECT_EQ(domain.Stats().freed_values, 1u);
}

TEST(Quiescent, WaitsForTheSlowestLoop) {
  LifetimeLedger ledger(2);
  QuiescentDomain domain;
  QuiescentParticipant fast(domain, "fast");
  QuiescentParticipant slow(domain, "slow");
  Snapshot<Entry> snapshot(domain, std::in_place, ledger, ledger.NextId());
  for (QuiescentParticipant* loop : {&fast, &slow}) {
    loop->TurnBegin();
    (void)snapshot.Read();
  }
  snapshot.Emplace(ledger, ledger.NextId());
  fast.TurnEnd();
  fast.TurnEnd();
  EXPECT_EQ(domain.Reclaim(), 0u);
  EXPECT_TRUE(ledger.Alive(0));
  slow.TurnEnd();
  EXPECT_EQ(domain.Reclaim(), 1u);
  EXPECT_FALSE(ledger.Alive(0));
  fast.Park();
  slow.Park();
}

TEST(Quiescent, ATurnKeepsNothingThatItHasNotRead) {
  LifetimeLedger ledger(2);
  QuiescentDomain domain;
  QuiescentParticipant loop(domain, "loop 0");
  loop.TurnBegin();
  Snapshot<Entry> snapshot(domain, std::in_place, ledger, ledger.NextId());
  snapshot.Emplace(ledger, ledger.NextId());
  EXPECT_EQ(domain.Reclaim(), 1u);
  EXPECT_TRUE(domain.Stalls().empty());
  loop.Park();
}

TEST(Quiescent, CrossingALimitLooksAtSingleValues) {
  QuiescentDomain domain({.retired_values_max = 10, .retired_bytes_max = SIZE_MAX});
  QuiescentParticipant loop(domain, "loop 0");
  Snapshot<int> snapshot(domain, 0);
  loop.TurnBegin();
  const auto borrowed = snapshot.Read();
  for (int i = 1; i <= 10; ++i) snapshot.Publish(i);
  EXPECT_EQ(domain.Stats().retired_values, 10u);
  EXPECT_EQ(domain.Stats().scans, 0u);
  snapshot.Publish(11);
  EXPECT_EQ(domain.Stats().retired_values, 2u) << "all but what is borrowed, and what came next";
  EXPECT_EQ(domain.Stats().scans, 1u);
  EXPECT_EQ(domain.Stats().scans_over_limit, 0u);
  EXPECT_EQ(domain.Stats().retired_values_peak, 11u);
  EXPECT_EQ(*borrowed, 0);
  loop.Park();
}

struct Payload {
  explicit Payload(std::size_t bytes) : text(bytes, 'x') {}
  [[nodiscard]] std::size_t MemoryBytes() const { return sizeof(*this) + text.capacity(); }
  std::string text;
};

TEST(Quiescent, BytesAreALimitToo) {
  QuiescentDomain domain({.retired_values_max = SIZE_MAX, .retired_bytes_max = 100'000});
  QuiescentParticipant loop(domain, "loop 0");
  Snapshot<Payload> snapshot(domain, std::in_place, std::size_t{40'000});
  loop.TurnBegin();
  (void)snapshot.Read();
  for (int i = 0; i < 100; ++i) snapshot.Emplace(std::size_t{40'000});
  // Two values are really held, and twice these is more than the limit.
  EXPECT_LE(domain.Stats().retired_bytes, 2 * 2 * 41'000u);
  EXPECT_LE(domain.Stats().retired_bytes_peak, 2 * 2 * 41'000u + 41'000u);
  EXPECT_GT(domain.Stats().retired_bytes_peak, 100'000u);
  EXPECT_GT(domain.Stats().scans, 10u);
  loop.Park();
}

TEST(Quiescent, WhatOpenTurnsReallyHoldStaysAboveTheLimitAndIsReported) {
  constexpr std::uint64_t kBorrowed = 1000;
  QuiescentDomain domain({.retired_values_max = 10});
  QuiescentParticipant loop(domain, "loop 0");
  Snapshot<std::uint64_t> snapshot(domain, 0u);
  loop.TurnBegin();
  std::vector<Borrowed<std::uint64_t>> borrowed;
  for (std::uint64_t i = 0; i < kBorrowed; ++i) {
    borrowed.push_back(snapshot.Read());
    snapshot.Publish(i + 1);
  }
  for (std::uint64_t i = 0; i < kBorrowed; ++i) EXPECT_EQ(*borrowed[i], i);
  const QuiescentStats stats = domain.Stats();
  EXPECT_EQ(stats.retired_values, kBorrowed);
  EXPECT_GE(stats.scans_over_limit, 1u);
  EXPECT_LE(stats.scans, 10u) << "looking at all of them for each publish would be quadratic";
  ASSERT_EQ(domain.Stalls().size(), 1u);
  EXPECT_EQ(domain.Stalls()[0].values, kBorrowed);

  // The threshold falls with what waits.
  loop.TurnEnd();
  (void)snapshot.Read();
  for (int i = 0; i < 1000; ++i) snapshot.Publish(0u);
  EXPECT_LE(domain.Stats().retired_values, 10u);
  loop.Park();
}

TEST(Quiescent, StallsAreNamedLongestFirst) {
  QuiescentDomain domain;
  QuiescentParticipant a(domain, "a");
  QuiescentParticipant b(domain, "b");
  QuiescentParticipant idle(domain, "idle");
  Snapshot<int> snapshot(domain, 0);
  b.TurnBegin();
  (void)snapshot.Read();
  for (int i = 0; i < 5; ++i) snapshot.Publish(i);
  a.TurnBegin();
  (void)snapshot.Read();
  for (int i = 0; i < 3; ++i) snapshot.Publish(i);
  const std::vector<QuiescentStall> stalls = domain.Stalls();
  ASSERT_EQ(stalls.size(), 2u);
  EXPECT_EQ(stalls[0].participant, "b");
  EXPECT_EQ(stalls[0].eras_behind, 8u);
  EXPECT_EQ(stalls[0].values, 2u) << "what it read, and what came next";
  EXPECT_EQ(stalls[1].participant, "a");
  EXPECT_EQ(stalls[1].eras_behind, 3u);
  EXPECT_EQ(stalls[1].values, 2u);
  EXPECT_NE(stalls[0].ToString().find("'b' has been in one turn for 8 publishes and keeps 2 of"), std::string::npos)
      << stalls[0].ToString();
  EXPECT_EQ(domain.Stats().participants, 3u);
  a.Park();
  b.Park();
}

// A 10 kHz writer and a loop that is stalled for 10 s are 100,000 publishes into one turn.
TEST(Quiescent, AStalledLoopCostsBoundedReportedMemory) {
  constexpr std::size_t kPublishes = 100'000;
  constexpr std::size_t kPayload = 512;
  constexpr QuiescentLimits kLimits{.retired_values_max = 200, .retired_bytes_max = 64 << 10};
  struct Value {
    Value(LifetimeLedger& ledger, std::size_t id) : entry(ledger, id), payload(kPayload) {}
    [[nodiscard]] std::size_t MemoryBytes() const { return sizeof(*this) - sizeof(payload) + payload.MemoryBytes(); }
    Entry entry;
    Payload payload;
  };
  LifetimeLedger ledger(kPublishes + 1);
  QuiescentDomain domain(kLimits);
  QuiescentParticipant stalled(domain, "loop 1");
  QuiescentParticipant busy(domain, "loop 2");
  Snapshot<Value> snapshot(domain, std::in_place, ledger, ledger.NextId());

  stalled.TurnBegin();
  const auto borrowed = snapshot.Read();
  std::atomic<bool> stop{false};
  std::atomic<int> waiting{2};
  std::vector<std::thread> foreign;
  for (int i = 0; i < 2; ++i) {
    foreign.emplace_back([&] {
      std::uint64_t last = 0;
      waiting.fetch_sub(1);
      while (!stop.load(std::memory_order_relaxed)) {
        const Held<Value> held = snapshot.Hold();
        EXPECT_GE(held.version(), last);
        EXPECT_TRUE(ledger.Alive(held->entry.id()));
        EXPECT_EQ(held->payload.text.size(), kPayload);
        last = held.version();
      }
    });
  }
  while (waiting.load() != 0) std::this_thread::yield();

  std::size_t most_alive = 0;
  for (std::size_t i = 1; i <= kPublishes; ++i) {
    const std::uint64_t version = snapshot.Emplace(ledger, ledger.NextId());
    SwitchTo(&busy);
    busy.TurnBegin();
    ASSERT_EQ(snapshot.Read().version(), version) << "another loop sees it at once";
    ASSERT_EQ(snapshot.Read()->entry.id(), i);
    if (i % 3 == 0) {
      busy.Park();
    } else {
      busy.TurnEnd();
    }
    if (i % 1000 == 0) most_alive = std::max(most_alive, ledger.alive());
  }
  // 64 KiB of values of 0.7 KiB are fewer than 200; then the borrowed, the newest, and two that are held.
  EXPECT_LE(most_alive, 200u + 4);
  const QuiescentStats stats = domain.Stats();
  EXPECT_LE(stats.retired_bytes_peak, kLimits.retired_bytes_max + kPayload + 200);
  EXPECT_LE(stats.retired_values_peak, kLimits.retired_values_max + 1);
  EXPECT_GT(stats.retired_values_peak, 50u) << "the bound was never tried";

  busy.Park();
  domain.Reclaim();
  EXPECT_EQ(domain.Stats().retired_values, 2u) << "what it read, and what came next";
  const std::vector<QuiescentStall> stalls = domain.Stalls();
  ASSERT_EQ(stalls.size(), 1u);
  EXPECT_EQ(stalls[0].participant, "loop 1");
  EXPECT_EQ(stalls[0].eras_behind, kPublishes);
  EXPECT_EQ(stalls[0].values, 2u);
  EXPECT_GE(stalls[0].bytes, 2 * kPayload);

  SwitchTo(&stalled);
  EXPECT_EQ(borrowed->entry.id(), 0u) << "what the stalled loop borrowed is still there";
  stalled.Park();
  stop.store(true);
  for (std::thread& thread : foreign) thread.join();
  domain.Reclaim();
  EXPECT_EQ(domain.Stats().retired_values, 0u);
  EXPECT_EQ(domain.Stats().retired_bytes, 0u);
  EXPECT_EQ(ledger.alive(), 1u);
}

// Loops, snapshots and a reference model of who holds what, driven by random operations.
class World {
 public:
  static constexpr std::size_t kLoops = 3;
  static constexpr std::size_t kSnapshots = 2;
  static constexpr std::size_t kLimit = 4;

  explicit World(std::size_t operations) : ledger_(operations + kSnapshots) {
    for (std::size_t i = 0; i < kLoops; ++i) loops_.push_back(std::make_unique<Loop>(domain_, std::to_string(i)));
    for (std::size_t i = 0; i < kSnapshots; ++i) {
      const std::size_t id = ledger_.NextId();
      snapshots_.push_back(std::make_unique<Snapshot<Entry>>(domain_, std::in_place, ledger_, id));
      current_.push_back(id);
      births_[id] = era_;
    }
  }

  void Publish(std::size_t which) {
    const std::size_t id = ledger_.NextId();
    births_[id] = era_;
    const std::size_t old = std::exchange(current_[which], id);
    retired_[old] = ++era_;
    snapshots_[which]->Emplace(ledger_, id);
  }
  void TurnBegin(std::size_t which) {
    Loop& loop = *loops_[which];
    loop.participant.TurnBegin();
    if (!loop.entered) loop.entered = era_;
  }
  void TurnEnd(std::size_t which) {
    Loop& loop = *loops_[which];
    if (!loop.entered) return;
    loop.borrowed.clear();
    loop.participant.TurnEnd();
    loop.entered = era_;
  }
  void Park(std::size_t which) {
    Loop& loop = *loops_[which];
    loop.borrowed.clear();
    loop.participant.Park();
    loop.entered.reset();
  }
  void Read(std::size_t which, std::size_t from) {
    Loop& loop = *loops_[which];
    if (!loop.entered) return;
    SwitchTo(&loop.participant);
    loop.borrowed.push_back(snapshots_[from]->Read());
    loop.last_read = era_;
    RC_ASSERT(loop.borrowed.back()->id() == current_[from]);
  }
  void Hold(std::size_t which, std::size_t from) {
    Loop& loop = *loops_[which];
    SwitchTo(loop.entered ? &loop.participant : nullptr);
    held_.push_back(snapshots_[from]->Hold());
    if (loop.entered) loop.last_read = era_;
    RC_ASSERT(held_.back()->id() == current_[from]);
  }
  void HoldBorrowed(std::size_t which) {
    Loop& loop = *loops_[which];
    SwitchTo(&loop.participant);
    if (!loop.borrowed.empty()) held_.push_back(loop.borrowed.front().Hold());
  }
  void Release() {
    if (!held_.empty()) held_.erase(held_.begin());
  }

  // What must live, lives; what waits is bounded.
  void Check() {
    for (const std::size_t id : current_) RC_ASSERT(ledger_.Alive(id));
    for (const Held<Entry>& held : held_) RC_ASSERT(ledger_.Alive(held->id()));
    for (const auto& loop : loops_) {
      SwitchTo(&loop->participant);
      for (const auto& borrowed : loop->borrowed) RC_ASSERT(ledger_.Alive(borrowed->id()));
    }
    const std::size_t holdable = Holdable().size();
    most_holdable_ = std::max(most_holdable_, holdable);
    const QuiescentStats stats = domain_.Stats();
    RC_ASSERT(stats.era == era_);
    RC_ASSERT(stats.retired_values <= std::max(kLimit, 2 * most_holdable_));
    RC_ASSERT(stats.retired_values + stats.freed_values == retired_.size());
  }
  // Exactly what may be held is left. (A value that was freed as nobody could hold it may fall into the interval of a
  // turn that goes on reading; it does not come back.)
  void Reclaim() {
    std::set<std::size_t> expected = Holdable();
    std::erase_if(expected, [&](std::size_t id) { return !ledger_.Alive(id); });
    const std::size_t holdable = expected.size();
    domain_.Reclaim();
    expected.insert(current_.begin(), current_.end());
    for (const Held<Entry>& held : held_) expected.insert(held->id());
    for (const auto& [id, birth] : births_) RC_ASSERT(ledger_.Alive(id) == expected.contains(id));
    RC_ASSERT(domain_.Stats().retired_values <= holdable);  // less those that only a Held keeps
  }
  void End() {
    for (std::size_t i = 0; i < kLoops; ++i) Park(i);
    Reclaim();
    held_.clear();
    snapshots_.clear();
    RC_ASSERT(ledger_.alive() == 0u);
  }

 private:
  struct Loop {
    Loop(QuiescentDomain& domain, std::string name) : participant(domain, std::move(name)) {}
    ~Loop() { participant.Park(); }
    QuiescentParticipant participant;
    std::vector<Borrowed<Entry>> borrowed;
    std::optional<std::uint64_t> entered;
    std::uint64_t last_read = 0;
  };

  // Retired values that were current at some time between the beginning and the last read of an open turn. What was
  // published in the era of that read counts as read.
  std::set<std::size_t> Holdable() const {
    std::set<std::size_t> ids;
    for (const auto& [id, retired] : retired_) {
      for (const auto& loop : loops_) {
        if (loop->entered && *loop->entered < retired && births_.at(id) <= loop->last_read) ids.insert(id);
      }
    }
    return ids;
  }

  LifetimeLedger ledger_;
  QuiescentDomain domain_{{.retired_values_max = kLimit}};
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::unique_ptr<Snapshot<Entry>>> snapshots_;
  std::vector<Held<Entry>> held_;

  std::uint64_t era_ = 1;
  std::vector<std::size_t> current_;
  std::map<std::size_t, std::uint64_t> births_;
  std::map<std::size_t, std::uint64_t> retired_;
  std::size_t most_holdable_ = 0;
};

RC_GTEST_PROP(QuiescentProperty, FreesExactlyWhatNobodyCanHold, ()) {
  using Operation = std::tuple<int, std::size_t, std::size_t>;
  const auto operations = *rc::gen::container<std::vector<Operation>>(rc::gen::tuple(
      rc::gen::weightedElement<int>({{6, 0}, {3, 1}, {2, 2}, {1, 3}, {6, 4}, {1, 5}, {1, 6}, {2, 7}, {1, 8}}),
      rc::gen::inRange<std::size_t>(0, World::kLoops), rc::gen::inRange<std::size_t>(0, 2)));
  World world(operations.size());
  for (const auto& [kind, loop, snapshot] : operations) {
    switch (kind) {
      case 0:
        world.Publish(snapshot);
        break;
      case 1:
        world.TurnBegin(loop);
        break;
      case 2:
        world.TurnEnd(loop);
        break;
      case 3:
        world.Park(loop);
        break;
      case 4:
        world.Read(loop, snapshot);
        break;
      case 5:
        world.Hold(loop, snapshot);
        break;
      case 6:
        world.HoldBorrowed(loop);
        break;
      case 7:
        world.Release();
        break;
      default:
        world.Reclaim();
        break;
    }
    world.Check();
  }
  world.End();
}

TEST(QuiescentDeathTest, RefusesToEndInTheWrongOrder) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto domain = std::make_unique<QuiescentDomain>();
        const QuiescentParticipant loop(*domain, "loop 0");
        domain.reset();
      },
      "destroyed before participant 'loop 0'");
  EXPECT_DEATH(
      {
        auto domain = std::make_unique<QuiescentDomain>();
        const Snapshot<int> snapshot(*domain, 1);
        domain.reset();
      },
      "destroyed before 1 of its snapshots");
  QuiescentDomain domain;
  EXPECT_DEATH(
      {
        QuiescentParticipant loop(domain, "loop 0");
        loop.TurnBegin();
      },
      "'loop 0' is destroyed in a turn; Park\\(\\) it first");
  QuiescentParticipant loop(domain, "loop 0");
  EXPECT_DEATH(loop.TurnEnd(), "TurnEnd of parked participant 'loop 0'");
}

}  // namespace
}  // namespace flywheel::inline v0
