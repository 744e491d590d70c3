// The lines of quiescent_protocol.h under every interleaving and every store-buffer delay of a few small scenarios.
// As many tests break one of those lines, or leave out one fence, and demand that the same scenarios notice: a step of
// the argument that nothing misses would be a step that does not matter.
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <vector>

#include "flywheel/base/internal/quiescent_protocol.h"
#include "flywheel/base/internal/store_buffer_model.h"

namespace flywheel::inline v0::internal {
namespace {

using Correct = QuiescentProtocol<ModelMemory>;
using Era = Correct::Era;

// The machine's threads, and the order of their fences.
constexpr std::size_t kReader = 0;
constexpr std::size_t kWriter = 1;

struct Node : QuiescentLifetime {
  explicit Node(StoreBufferModel& machine) : cell(machine.AddWord(1)) {}
  std::size_t cell;  // what Use and Free are about
};

// By which of the two rules of QuiescentDomain::Collect the writer frees. What has Passed is never what MayHold, so
// kMayHold frees all that kPassed does.
enum class Rule { kPassed, kMayHold };

template <typename Protocol>
struct World {
  StoreBufferModel machine;
  std::array<Node, 3> nodes{Node(machine), Node(machine), Node(machine)};
  typename Protocol::template Atomic<Era> era{machine, Protocol::kFirstEra};
  typename Protocol::template Atomic<Node*> link{machine, &nodes[0]};
  typename Protocol::Announcement reader{.entered{machine, Protocol::kParked}, .last_read{machine, 0}};

  World() { nodes[0].birth = Protocol::kFirstEra; }

  const Node* Read() { return Protocol::Read(link, reader, era); }
  // The last use of a borrow is the one that finds out: what is freed stays so.
  void Use(const Node* node) { machine.Use(node->cell); }

  // Replaces the value `times` times, and after each tries to free all that was replaced so far.
  auto Writer(std::size_t times, Rule rule) {
    return [this, times, rule] {
      std::vector<Node*> waiting;
      for (std::size_t i = 1; i <= times; ++i) {
        if constexpr (requires { Protocol::PublishAndRetire(link, &nodes[i], era); }) {
          waiting.push_back(Protocol::PublishAndRetire(link, &nodes[i], era));
        } else {
          waiting.push_back(Protocol::Publish(link, &nodes[i], era));
          Protocol::Retire(*waiting.back(), era);
        }
        Protocol::BeforeObserving(era);
        const auto seen = Protocol::Observe(reader);
        std::erase_if(waiting, [&](const Node* node) {
          const bool free = rule == Rule::kPassed ? seen.Passed(node->retired) : !seen.MayHold(*node);
          if (free) machine.Free(node->cell);
          return free;
        });
      }
    };
  }
};

using Result = StoreBufferModel::Result;
using WithoutFence = StoreBufferModel::WithoutFence;

// A loop wakes up, reads twice in a turn, goes on to another turn without waiting, reads, and parks.
template <typename Protocol>
Result ReadInTwoTurns(Rule rule, std::optional<WithoutFence> without = std::nullopt) {
  World<Protocol> world;
  const auto reader = [&] {
    Protocol::Unpark(world.reader, world.era);
    const Node* const first = world.Read();
    const Node* const second = world.Read();
    world.Use(first);
    world.Use(second);
    Protocol::EndTurn(world.reader, world.era);
    const Node* const third = world.Read();
    world.Use(third);
    Protocol::Park(world.reader);
  };
  return world.machine.Explore({reader, world.Writer(2, rule)}, without);
}

// A loop parks between two reads, the second of which may find the era that the first has announced.
template <typename Protocol>
Result ParkBetweenReads(Rule rule, std::optional<WithoutFence> without = std::nullopt) {
  World<Protocol> world;
  const auto reader = [&] {
    for (int turn = 0; turn < 2; ++turn) {
      Protocol::Unpark(world.reader, world.era);
      const Node* const node = world.Read();
      world.Use(node);
      Protocol::Park(world.reader);
    }
  };
  return world.machine.Explore({reader, world.Writer(2, rule)}, without);
}

// The era moves because of publishes elsewhere in the domain.
template <typename Protocol>
Result OthersPublish(Rule rule, std::optional<WithoutFence> without = std::nullopt) {
  World<Protocol> world;
  const auto reader = [&] {
    Protocol::Unpark(world.reader, world.era);
    const Node* const node = world.Read();
    world.Use(node);
    Protocol::Park(world.reader);
  };
  const auto other = [&] { world.era.fetch_add(1, std::memory_order_acq_rel); };
  return world.machine.Explore({reader, world.Writer(2, rule), other}, without);
}

TEST(QuiescentModel, NothingBorrowedIsFreedWhateverTheInterleaving) {
  for (const Result& result : {ReadInTwoTurns<Correct>(Rule::kMayHold), ParkBetweenReads<Correct>(Rule::kMayHold),
                               OthersPublish<Correct>(Rule::kMayHold)}) {
    EXPECT_FALSE(result.violated);
    EXPECT_GT(result.ends, 100u) << "the threads hardly met";
  }
}

TEST(QuiescentModel, WhatHasPassedIsNotHeld) {
  const std::array<Era, 4> eras{0, 1, 2, Correct::kParked};
  for (const Era entered : eras) {
    for (const Era last_read : eras) {
      for (const Era birth : eras) {
        for (const Era retired : eras) {
          const Correct::Interval turn{.entered = entered, .last_read = last_read};
          EXPECT_FALSE(turn.Passed(retired) && turn.MayHold({.birth = birth, .retired = retired}));
        }
      }
    }
  }
}

TEST(QuiescentModel, NeedsTheFenceWhenALoopWakesUp) {
  // The second fence of ParkBetweenReads' second turn does not exist when the era has not moved.
  EXPECT_TRUE(ParkBetweenReads<Correct>(Rule::kPassed, WithoutFence{kReader, 2}).violated);
  EXPECT_TRUE(ParkBetweenReads<Correct>(Rule::kMayHold, WithoutFence{kReader, 2}).violated);
}

TEST(QuiescentModel, NeedsTheFenceAfterAnnouncingARead) {
  EXPECT_TRUE(ReadInTwoTurns<Correct>(Rule::kMayHold, WithoutFence{kReader, 1}).violated);
}

// Between a publish and its own look the read-modify-write of Retire drains the writer's buffer on this machine; what
// needs the fence is Reclaim(), which looks at what others have retired.
struct RetiresWithoutReadModifyWrite : Correct {
  static void Retire(QuiescentLifetime& node, Atomic<Era>& era) {
    node.retired = era.load(std::memory_order_relaxed) + 1;
    era.store(node.retired, std::memory_order_release);
  }
};

TEST(QuiescentModel, NeedsTheFenceOfTheReclaimer) {
  using Relaxed = RetiresWithoutReadModifyWrite;
  EXPECT_FALSE(ParkBetweenReads<Relaxed>(Rule::kPassed).violated);
  EXPECT_TRUE(ParkBetweenReads<Relaxed>(Rule::kPassed, WithoutFence{kWriter, 0}).violated);
}

struct ReadsWithoutLookingAgain : Correct {
  template <typename N>
  static N* Read(const Atomic<N*>& link, Announcement& mine, const Atomic<Era>& era) {
    mine.last_read.store(era.load(std::memory_order_acquire), std::memory_order_relaxed);
    ModelMemory::Fence(era);
    return link.load(std::memory_order_acquire);
  }
};

struct ReadsWithoutAnnouncing : Correct {
  template <typename N>
  static N* Read(const Atomic<N*>& link, Announcement&, const Atomic<Era>&) {
    return link.load(std::memory_order_acquire);
  }
};

// Returns what it had loaded before it announced.
struct AnnouncesAfterLoading : Correct {
  template <typename N>
  static N* Read(const Atomic<N*>& link, Announcement& mine, const Atomic<Era>& era) {
    N* const node = link.load(std::memory_order_acquire);
    mine.last_read.store(era.load(std::memory_order_acquire), std::memory_order_relaxed);
    ModelMemory::Fence(era);
    return node;
  }
};

struct LooksAtTheEraFirst : Correct {
  template <typename N>
  static N* Read(const Atomic<N*>& link, Announcement& mine, const Atomic<Era>& era) {
    for (;;) {
      const Era seen = era.load(std::memory_order_acquire);
      N* const node = link.load(std::memory_order_acquire);
      if (seen == mine.last_read.load(std::memory_order_relaxed)) return node;
      mine.last_read.store(seen, std::memory_order_relaxed);
      ModelMemory::Fence(era);
    }
  }
};

TEST(QuiescentModel, CatchesReadsThatSkipAStep) {
  // The first and the last show only where the era moves between a publish and its retirement.
  EXPECT_TRUE(OthersPublish<ReadsWithoutLookingAgain>(Rule::kMayHold).violated);
  EXPECT_TRUE(OthersPublish<ReadsWithoutAnnouncing>(Rule::kMayHold).violated);
  EXPECT_TRUE(OthersPublish<AnnouncesAfterLoading>(Rule::kMayHold).violated);
  EXPECT_TRUE(OthersPublish<LooksAtTheEraFirst>(Rule::kMayHold).violated);
}

struct StampsBirthAfterLinking : Correct {
  static Node* Publish(Atomic<Node*>& link, Node* fresh, const Atomic<Era>& era) {
    Node* const old = link.load(std::memory_order_relaxed);
    link.store(fresh, std::memory_order_release);
    fresh->birth = era.load(std::memory_order_acquire);
    return old;
  }
};

struct RetiresBeforeUnlinking : Correct {
  static Node* PublishAndRetire(Atomic<Node*>& link, Node* fresh, Atomic<Era>& era) {
    Node* const old = link.load(std::memory_order_relaxed);
    Retire(*old, era);
    fresh->birth = era.load(std::memory_order_acquire);
    link.store(fresh, std::memory_order_release);
    return old;
  }
};

struct RetiresOneEraEarly : Correct {
  static void Retire(QuiescentLifetime& node, Atomic<Era>& era) {
    node.retired = era.fetch_add(1, std::memory_order_acq_rel);
  }
};

TEST(QuiescentModel, CatchesWrongLifetimes) {
  // A birth stamped late is too late only if another publish comes between.
  EXPECT_TRUE(OthersPublish<StampsBirthAfterLinking>(Rule::kMayHold).violated);
  for (const Rule rule : {Rule::kPassed, Rule::kMayHold}) {
    EXPECT_TRUE(OthersPublish<RetiresBeforeUnlinking>(rule).violated);
    EXPECT_TRUE(OthersPublish<RetiresOneEraEarly>(rule).violated);
  }
}

// What a reclaimer may get wrong: a variant of Interval each.
template <typename Rules>
struct WithRules : Correct {
  static Rules Observe(const Announcement& theirs) {
    const Interval seen = Correct::Observe(theirs);
    return {{.entered = seen.entered, .last_read = seen.last_read}};
  }
};
struct PassesTheLastEra : Correct::Interval {
  bool Passed(Era retired) const { return entered + 1 >= retired; }
  bool MayHold(const QuiescentLifetime& node) const { return entered + 1 < node.retired && node.birth <= last_read; }
};
struct DoubtsTheLastBirth : Correct::Interval {
  bool MayHold(const QuiescentLifetime& node) const { return entered < node.retired && node.birth < last_read; }
};
struct LooksAtReadsOnly : Correct::Interval {
  bool MayHold(const QuiescentLifetime& node) const { return node.birth <= last_read && last_read < node.retired; }
};

TEST(QuiescentModel, CatchesWrongRules) {
  EXPECT_TRUE(OthersPublish<WithRules<PassesTheLastEra>>(Rule::kPassed).violated);
  EXPECT_TRUE(OthersPublish<WithRules<PassesTheLastEra>>(Rule::kMayHold).violated);
  EXPECT_TRUE(OthersPublish<WithRules<DoubtsTheLastBirth>>(Rule::kMayHold).violated);
  EXPECT_TRUE(ReadInTwoTurns<WithRules<LooksAtReadsOnly>>(Rule::kMayHold).violated);
}

struct EndsTurnWithoutLookingAtTheEra : Correct {
  static void EndTurn(Announcement& mine, const Atomic<Era>&) { Park(mine); }
};

TEST(QuiescentModel, CatchesATurnThatEndsAsIfParked) {
  // The next read would be unprotected: TurnEnd, unlike Park, is not followed by the fence of waking up.
  EXPECT_TRUE(ReadInTwoTurns<EndsTurnWithoutLookingAtTheEra>(Rule::kPassed).violated);
}

}  // namespace
}  // namespace flywheel::inline v0::internal
