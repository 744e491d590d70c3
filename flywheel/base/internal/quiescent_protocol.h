// The lock-free half of QuiescentDomain: who may still hold a node, decided from two words a participant.
//
// This is interval-based reclamation (2GEIBR; Wen, Izraelevitz, Cai, Beadle and Scott, PPoPP 2018) where a reader's
// interval is one turn of its loop. `era` counts publishes. A node is linked not before `birth`, and who loads an
// era >= `retired` no longer finds it. A participant announces `entered`, the era at which its turn began (kParked
// outside one), and `last_read`, the newest era at which it read. A node is kept while some participant has
// entered < retired && birth <= last_read. A stalled participant does not read, so its interval stands still, and what
// is born later is freed over its head: that is what bounds the memory it costs.
// The functions are templates over the memory they run on, because quiescent_model_test.cc runs these very lines under
// every interleaving and every store-buffer delay of a small machine.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

namespace flywheel::inline v0::internal {

struct HardwareMemory {
  template <typename T>
  using Atomic = std::atomic<T>;
  // Any word of the memory tells a simulated one which it is; there is one real one.
  template <typename T>
  static void Fence(const std::atomic<T>& /*word*/) noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
};

// Why a reader that got node X from Read() may use it until its turn ends:
//
//  1. X.birth <= last_read. Publish reads `birth` from era before it links X (release); Read loads X (acquire), then
//     era, and returns X only if that is the era it has announced; era never falls.
//  2. entered < X.retired. Retire makes `retired` by an RMW on era (release) after X was unlinked. Every write of era
//     is an RMW, so a reader that had loaded entered >= retired (acquire) would happen after the unlinking, and its
//     load of the link could not have returned X.
//  3. The reclaimer sees last_read >= X.birth. The announcement is stored before a sequentially consistent fence F1
//     that precedes the load of X; the unlinking happens before the reclaimer's fence F2, which precedes its loads.
//     The load of X is coherence-ordered before the unlinking, so F1 precedes F2 in the order of all such fences
//     ([atomics.order]/4), and the reclaimer's load of last_read cannot miss what was stored before F1.
//  4. The reclaimer sees entered < X.retired, or the turn is over. The value it sees is that of the turn, or an older
//     one that is smaller still, but not an older kParked: leaving the park stores `entered` before a fence F0 that
//     precedes the load of X, as in 3. A newer value was stored (release) when the turn ended and is loaded (acquire):
//     all use of X happens before the reclaimer frees it.
//  5. By 3 and 4 MayHold() is true for X as long as the turn lasts, and Passed() is false.
//
// The two fences of a reader are rare: one where a loop wakes up, one in the first read after a publish. That is why
// the reclaimer does not use membarrier(2), which would interrupt every running loop to save them.

// When a node could be found: linked not before `birth`, not found by who loads an era >= `retired`.
struct QuiescentLifetime {
  std::uint64_t birth = 0;
  std::uint64_t retired = 0;
};

template <typename Memory>
struct QuiescentProtocol {
  template <typename T>
  using Atomic = typename Memory::template Atomic<T>;
  using Era = std::uint64_t;

  static constexpr Era kFirstEra = 1;
  // Later than every era, so that a parked participant has passed whatever is retired.
  static constexpr Era kParked = std::numeric_limits<Era>::max();

  // Written by one participant, read by reclaimers.
  struct Announcement {
    Atomic<Era> entered;    // at first kParked
    Atomic<Era> last_read;  // at first 0
  };

  // What a reclaimer has read of an announcement.
  struct Interval {
    Era entered = kParked;
    Era last_read = 0;

    // No node retired at or before `retired` is in use, whatever its birth.
    [[nodiscard]] bool Passed(Era retired) const { return entered >= retired; }
    [[nodiscard]] bool MayHold(const QuiescentLifetime& node) const {
      return entered < node.retired && node.birth <= last_read;
    }
  };

  static void Unpark(Announcement& mine, const Atomic<Era>& era) {
    mine.entered.store(era.load(std::memory_order_acquire), std::memory_order_relaxed);
    Memory::Fence(era);  // F0
  }
  static void EndTurn(Announcement& mine, const Atomic<Era>& era) {
    mine.entered.store(era.load(std::memory_order_acquire), std::memory_order_release);
  }
  static void Park(Announcement& mine) { mine.entered.store(kParked, std::memory_order_release); }

  // Each retry means that someone published in between.
  template <typename Node>
  [[nodiscard]] static Node* Read(const Atomic<Node*>& link, Announcement& mine, const Atomic<Era>& era) {
    for (;;) {
      Node* const node = link.load(std::memory_order_acquire);
      const Era seen = era.load(std::memory_order_acquire);
      if (seen == mine.last_read.load(std::memory_order_relaxed)) [[likely]]
        return node;
      mine.last_read.store(seen, std::memory_order_relaxed);
      Memory::Fence(era);  // F1
    }
  }

  // Links `fresh`, which is a QuiescentLifetime, and returns what it replaces. One writer of `link` at a time.
  template <typename Node>
  [[nodiscard]] static Node* Publish(Atomic<Node*>& link, Node* fresh, const Atomic<Era>& era) {
    Node* const old = link.load(std::memory_order_relaxed);
    fresh->birth = era.load(std::memory_order_acquire);
    link.store(fresh, std::memory_order_release);
    return old;
  }

  // `node` has been unlinked.
  static void Retire(QuiescentLifetime& node, Atomic<Era>& era) {
    node.retired = era.fetch_add(1, std::memory_order_acq_rel) + 1;
  }

  // Comes between unlinking and Observe.
  static void BeforeObserving(const Atomic<Era>& era) { Memory::Fence(era); }  // F2
  [[nodiscard]] static Interval Observe(const Announcement& theirs) {
    return {.entered = theirs.entered.load(std::memory_order_acquire),
            .last_read = theirs.last_read.load(std::memory_order_acquire)};
  }
};

}  // namespace flywheel::inline v0::internal
