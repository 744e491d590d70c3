#include "flywheel/base/snapshot.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "flywheel/base/internal/lifetime_ledger.h"
#include "flywheel/base/thread_slot.h"

namespace flywheel::inline v0 {
namespace {

using internal::LifetimeLedger;
using Entry = LifetimeLedger::Entry;

static_assert(sizeof(Borrowed<int, false>) == sizeof(void*));
static_assert(std::is_trivially_copyable_v<Borrowed<std::string, false>>);
static_assert(!std::is_default_constructible_v<Borrowed<int>>);

struct Limits {
  int low = 0;
  int high = 0;
};

class SnapshotTest : public testing::Test {
 protected:
  SnapshotTest() { loop_.TurnBegin(); }
  ~SnapshotTest() override { loop_.Park(); }

  LifetimeLedger ledger_{16};
  QuiescentDomain domain_;
  QuiescentParticipant loop_{domain_, "loop 0"};
};

TEST_F(SnapshotTest, ReadSeesTheNewestValueAndItsVersion) {
  Snapshot<Limits> limits(domain_, Limits{1, 2});
  EXPECT_EQ(limits.Read()->high, 2);
  EXPECT_EQ(limits.Read().version(), 1u);
  EXPECT_EQ(limits.Publish({.low = 3, .high = 4}), 2u);
  EXPECT_EQ(limits.Read()->low, 3);
  EXPECT_EQ((*limits.Read()).high, 4);
  EXPECT_EQ(limits.Read().version(), 2u);
}

TEST_F(SnapshotTest, BorrowedKeepsItsValueWhileNewerOnesArrive) {
  Snapshot<std::string> name(domain_, std::string("first, too long to live inside the string"));
  const auto first = name.Read();
  name.Publish("second, too long to live inside the string");
  name.Publish("third, too long to live inside the string");
  const auto copy = first;
  EXPECT_EQ(copy->substr(0, 5), "first");
  EXPECT_EQ(first.version(), 1u);
  EXPECT_EQ(name.Read()->substr(0, 5), "third");
}

TEST_F(SnapshotTest, ReplacedValuesAreDestroyedWhenTheTurnHasEnded) {
  Snapshot<Entry> snapshot(domain_, std::in_place, ledger_, ledger_.NextId());
  ASSERT_EQ(snapshot.Read()->id(), 0u);
  snapshot.Emplace(ledger_, ledger_.NextId());
  EXPECT_EQ(domain_.Reclaim(), 0u);
  EXPECT_TRUE(ledger_.Alive(0));
  loop_.TurnEnd();
  EXPECT_EQ(domain_.Reclaim(), 1u);
  EXPECT_FALSE(ledger_.Alive(0));
  EXPECT_TRUE(ledger_.Alive(1));
}

TEST_F(SnapshotTest, PublishFreesWhatEarlierTurnsHaveGivenBack) {
  Snapshot<Entry> snapshot(domain_, std::in_place, ledger_, ledger_.NextId());
  for (int i = 1; i < 10; ++i) {
    (void)snapshot.Read();
    snapshot.Emplace(ledger_, ledger_.NextId());
    loop_.TurnEnd();
    EXPECT_LE(ledger_.alive(), 3u);
  }
}

TEST_F(SnapshotTest, HeldOutlivesTurnSnapshotAndDomain) {
  Held<Entry> held;
  EXPECT_FALSE(held);
  {
    QuiescentDomain domain;
    Snapshot<Entry> snapshot(domain, std::in_place, ledger_, ledger_.NextId());
    held = snapshot.Hold();
    snapshot.Emplace(ledger_, ledger_.NextId());
    EXPECT_EQ(domain.Stats().retired_values, 0u) << "the count keeps it, not the domain";
  }
  EXPECT_FALSE(ledger_.Alive(1));
  ASSERT_TRUE(ledger_.Alive(0));
  EXPECT_EQ(held->id(), 0u);
  EXPECT_EQ(held.version(), 1u);
  Held<Entry> copy = held;
  const Held<Entry> moved = std::move(held);
  EXPECT_FALSE(held);  // NOLINT(bugprone-use-after-move): empty is what a moved one is
  copy = Held<Entry>();
  EXPECT_TRUE(ledger_.Alive(0));
  EXPECT_EQ((*moved).id(), 0u);
}

TEST_F(SnapshotTest, LastHeldDestroysTheValueWhereverItIs) {
  Snapshot<Entry> snapshot(domain_, std::in_place, ledger_, ledger_.NextId());
  Held<Entry> held = snapshot.Read().Hold();
  snapshot.Emplace(ledger_, ledger_.NextId());
  loop_.TurnEnd();
  domain_.Reclaim();
  EXPECT_TRUE(ledger_.Alive(0));
  std::thread([held = std::move(held)]() mutable { held = {}; }).join();
  EXPECT_FALSE(ledger_.Alive(0));
}

TEST_F(SnapshotTest, ABorrowHoldsItsOwnValueNotTheNewest) {
  Snapshot<int> snapshot(domain_, 1);
  const auto borrowed = snapshot.Read();
  snapshot.Publish(2);
  EXPECT_EQ(*borrowed.Hold(), 1);
  EXPECT_EQ(*snapshot.Hold(), 2);
}

TEST_F(SnapshotTest, ForeignThreadHoldsAndPublishes) {
  Snapshot<int> snapshot(domain_, 1);
  std::thread([&] {
    ASSERT_EQ(thread_slot.participant, nullptr);
    EXPECT_EQ(*snapshot.Hold(), 1);
    EXPECT_EQ(snapshot.Publish(2), 2u);
    EXPECT_EQ(*snapshot.Hold(), 2);
  }).join();
  EXPECT_EQ(*snapshot.Read(), 2);
}

TEST_F(SnapshotTest, LoopOfAnotherDomainHoldsAsAForeignThread) {
  QuiescentDomain other;
  Snapshot<int> snapshot(other, 7);
  const Held<int> held = snapshot.Hold();
  snapshot.Publish(8);
  EXPECT_EQ(other.Stats().retired_values, 0u);
  EXPECT_EQ(*held, 7);
}

class Policy {
 public:
  virtual ~Policy() = default;
  [[nodiscard]] virtual int Pick() const = 0;
};
class Fixed final : public Policy {
 public:
  Fixed(LifetimeLedger& ledger, int value) : entry_(ledger, ledger.NextId()), value_(value) {}
  [[nodiscard]] int Pick() const override { return value_; }

 private:
  Entry entry_;
  int value_;
};

TEST_F(SnapshotTest, AbstractTypesArePublishedByPointer) {
  {
    Snapshot<Policy> policy(domain_, std::make_unique<Fixed>(ledger_, 1));
    EXPECT_EQ(policy.Read()->Pick(), 1);
    policy.Publish(std::make_unique<Fixed>(ledger_, 2));
    EXPECT_EQ(policy.Read()->Pick(), 2);
  }
  loop_.TurnEnd();
  domain_.Reclaim();
  EXPECT_EQ(ledger_.alive(), 0u);
}

struct Table {
  explicit Table(std::size_t rows) : cells(rows) {}
  [[nodiscard]] std::size_t MemoryBytes() const { return sizeof(*this) + cells.size(); }
  std::vector<char> cells;
};

TEST_F(SnapshotTest, AccountsForWhatAValueSaysItOwns) {
  Snapshot<Table> big(domain_, std::in_place, std::size_t{10'000});
  Snapshot<int> small(domain_, 1);
  (void)big.Read();
  big.Emplace(std::size_t{0});
  EXPECT_GE(domain_.Stats().retired_bytes, 10'000 + sizeof(Table));
  EXPECT_LE(domain_.Stats().retired_bytes, 10'000 + sizeof(Table) + 100);
  small.Publish(2);
  EXPECT_LE(domain_.Stats().retired_bytes, 10'000 + sizeof(Table) + 200);
}

// Destroying one may publish to another and may destroy a third.
struct Chained {
  Chained(QuiescentDomain& domain, Snapshot<int>& log, int value) : log(log), inner(domain, value) {}
  ~Chained() { log.Publish(*inner.Hold()); }
  Snapshot<int>& log;
  Snapshot<int> inner;
};

TEST_F(SnapshotTest, DestructorsMayUseTheDomain) {
  QuiescentDomain domain;
  Snapshot<int> log(domain, 0);
  {
    Snapshot<Chained> snapshot(domain, std::in_place, domain, log, 1);
    snapshot.Emplace(domain, log, 2);
    EXPECT_EQ(*log.Hold(), 1);
  }
  EXPECT_EQ(*log.Hold(), 2);
  EXPECT_EQ(domain.Stats().retired_values, 0u);
}

TEST_F(SnapshotTest, TheEndOfTheDomainFreesSnapshotsInsideWaitingValues) {
  {
    QuiescentDomain domain;
    QuiescentParticipant loop(domain, "loop 0");
    loop.TurnBegin();
    {
      Snapshot<Snapshot<Entry>> outer(domain, std::in_place, domain, std::in_place, ledger_, ledger_.NextId());
      EXPECT_EQ((*outer.Read()->Read()).id(), 0u);
    }
    EXPECT_TRUE(ledger_.Alive(0)) << "borrowed in the open turn";
    loop.Park();
  }
  EXPECT_EQ(ledger_.alive(), 0u);
}

class SnapshotDeathTest : public SnapshotTest {
 protected:
  SnapshotDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  Snapshot<int> snapshot_{domain_, 1};
};

TEST_F(SnapshotDeathTest, BorrowIsRefusedAfterTheTurn) {
  const auto borrowed = snapshot_.Read<true>();
  EXPECT_EQ(*borrowed, 1);
  loop_.TurnBegin();  // in a turn it changes nothing
  EXPECT_EQ(*borrowed, 1);
  loop_.TurnEnd();
  EXPECT_DEATH((void)*borrowed, "used after its turn.*this is loop 0; Hold\\(\\)");
  EXPECT_DEATH((void)borrowed.version(), "used after its turn");
  EXPECT_DEATH((void)borrowed.Hold(), "used after its turn");
}

TEST_F(SnapshotDeathTest, BorrowIsRefusedAfterParkingAndWaking) {
  const auto borrowed = snapshot_.Read<true>();
  loop_.Park();
  EXPECT_DEATH((void)*borrowed, "this is a thread in no turn");
  loop_.TurnBegin();
  EXPECT_DEATH((void)*borrowed, "used after its turn");
}

TEST_F(SnapshotDeathTest, BorrowIsRefusedOnAnotherThread) {
  const auto borrowed = snapshot_.Read<true>();
  EXPECT_DEATH(std::thread([&] { (void)*borrowed; }).join(), "on another thread");
}

TEST_F(SnapshotDeathTest, ReadIsRefusedOutsideATurn) {
  loop_.Park();
  EXPECT_DEATH((void)snapshot_.Read<false>(), "in no turn of a loop; use Hold");
  loop_.TurnBegin();
}

TEST_F(SnapshotDeathTest, ReadIsRefusedOnALoopOfAnotherDomain) {
  QuiescentDomain other;
  Snapshot<int> elsewhere(other, 1);
  EXPECT_DEATH((void)elsewhere.Read<false>(), "'loop 0', which belongs to another QuiescentDomain; use Hold");
}

TEST_F(SnapshotDeathTest, NullIsRefused) {
  EXPECT_DEATH(Snapshot<Policy>(domain_, std::unique_ptr<Policy>()), "null pointer");
}

}  // namespace
}  // namespace flywheel::inline v0
