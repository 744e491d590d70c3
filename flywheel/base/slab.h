// Slab: a reference-counted block of memory for bytes in flight, and SlabPool: where a thread keeps its spare ones.
//
// What a socket reads, a serializer writes and a frame carries lies in slabs; Bytes (bytes.h) is the chain over them
// that everyone uses. Three kinds look alike to a reader: pooled blocks of a few sizes, blocks of any larger size from
// the heap, and external memory that somebody lends together with a function to give it back.
// A pool belongs to one thread, which reaches it through thread_slot.slabs. A block that dies on another thread
// returns to its pool through a lock-free list, and a pool may die before its blocks: slab.cc argues why both are
// safe. Where the slot is null, blocks come from the heap and return to it. What a pool keeps is bounded by
// kSlabCacheBytes; beyond that blocks return to the heap. Under AddressSanitizer spare blocks are poisoned.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "flywheel/base/check.h"
#include "flywheel/base/limit.h"

namespace flywheel::inline v0 {

class SlabPool;
class SlabRef;
namespace internal {
struct SlabHome;
}

inline constexpr Limit kSlabCacheBytes{
    .name = "slab_cache_bytes",
    .value = std::uint64_t{12} << 20,
    .unit = "bytes",
    .reason = "spare blocks of one loop, a third for each size: a thousand small messages or 64 large reads at once"};

// Sizes of pooled blocks, header included. 4 KiB holds a unary message with its frames. 20 KiB is the smallest whole
// number of pages that holds what travels as one unit elsewhere: an HTTP/2 DATA frame (16,384 + 9 bytes, RFC 9113) or a
// TLS record (16,384 + 256 + 5 bytes, RFC 8446). 64 KiB is for bulk, and stays below malloc's threshold for mmap.
inline constexpr std::array<std::size_t, 3> kSlabBlockBytes = {4096, 20480, 65536};

// The header of a block. It is handled through counted references; Bytes and SlabRef are the ones to use.
class alignas(64) Slab {
 public:
  // Gives external memory back; called once, on the thread that drops the last reference, whichever that is.
  using ReleaseFunction = void (*)(void* argument) noexcept;

  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // A block with room for at least `bytes` (see CapacityFor), from the current thread's pool if it has one, else from
  // the heap. Its content is whatever was there. Ends the process if the system has no memory.
  [[nodiscard]] static SlabRef Allocate(std::size_t bytes) noexcept;
  // A read-only block over memory of somebody else, who may reuse it once `release(argument)` has been called.
  [[nodiscard]] static SlabRef External(std::span<const std::byte> memory, ReleaseFunction release,
                                        void* argument) noexcept;
  // The capacity that Allocate(bytes) gives, with or without a pool.
  [[nodiscard]] static constexpr std::size_t CapacityFor(std::size_t bytes) noexcept {
    for (const std::size_t block : kSlabBlockBytes) {
      if (bytes <= block - sizeof(Slab)) return block - sizeof(Slab);
    }
    return bytes;
  }

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  // False for external memory, which nobody here may ever write.
  [[nodiscard]] bool writable() const noexcept { return kind_ != kExternal; }

  // Reference counting without a locked instruction where nobody else can be looking. Whoever counts says how many
  // references it holds itself (`held`), under exclusive access to all of these; then:
  //  1. If the count equals `held`, every reference is the caller's, and no other thread can reach the block: a
  //     reference is only ever made from another one, by somebody who has access to that one.
  //  2. So no other thread changes the count until the caller hands a reference out, and a plain store is enough.
  //     Handing over synchronizes by itself (a queue, a post), so the receiver sees the stored count.
  //  3. The load is an acquire and each drop by another thread a release, so all that former holders did with the
  //     memory happens before the caller writes to it, reuses it or frees it.
  // A caller without exclusive access (Share() of a Bytes that several threads read) uses AddReference().
  void AddReference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void AddReference(std::uint32_t held) noexcept {
    if (HeldOnlyBy(held)) {
      references_.store(held + 1, std::memory_order_relaxed);
    } else {
      AddReference();
    }
  }
  // Drops `count` of the caller's `held` references.
  void Release(std::uint32_t count, std::uint32_t held) noexcept {
    if (HeldOnlyBy(held)) {
      if (count == held) {
        Free();
      } else {
        references_.store(held - count, std::memory_order_relaxed);
      }
    } else {
      const std::uint32_t before = references_.fetch_sub(count, std::memory_order_acq_rel);
      FW_DCHECK(before >= count) << count << " references dropped of a slab that has " << before;
      if (before == count) Free();
    }
  }
  [[nodiscard]] bool HeldOnlyBy(std::uint32_t held) const noexcept {
    return references_.load(std::memory_order_acquire) == held;
  }

 private:
  friend class SlabPool;
  friend struct internal::SlabHome;

  // Values below kSlabBlockBytes.size() are the index of a pooled size.
  static constexpr std::uint8_t kHeap = kSlabBlockBytes.size();
  static constexpr std::uint8_t kExternal = kHeap + 1;

  Slab(std::uint8_t kind, std::byte* data, std::size_t capacity) noexcept
      : kind_(kind), capacity_(capacity), data_(data) {}
  ~Slab() = default;

  static Slab* FromHeap(std::uint8_t kind, std::size_t capacity) noexcept;
  static std::uint8_t KindFor(std::size_t bytes) noexcept;
  void Free() noexcept;
  void ToHeap() noexcept;
  void Poison() const noexcept;
  void Unpoison() const noexcept;

  std::atomic<std::uint32_t> references_{1};
  std::uint8_t kind_;
  std::size_t capacity_;
  std::byte* data_;
  internal::SlabHome* home_ = nullptr;  // of a pooled block: where it returns
  Slab* next_ = nullptr;                // of a spare block
  ReleaseFunction release_ = nullptr;   // of external memory
  void* argument_ = nullptr;
};
static_assert(sizeof(Slab) == 64);

// The most that one pooled block holds.
inline constexpr std::size_t kSlabPooledBytesMax = kSlabBlockBytes.back() - sizeof(Slab);

// One counted reference.
class [[nodiscard]] SlabRef {
 public:
  SlabRef() noexcept = default;
  // Takes over a reference that the caller holds.
  explicit SlabRef(Slab* slab) noexcept : slab_(slab) {}
  SlabRef(SlabRef&& other) noexcept : slab_(std::exchange(other.slab_, nullptr)) {}
  SlabRef& operator=(SlabRef&& other) noexcept {
    if (this != &other) {
      Reset();
      slab_ = std::exchange(other.slab_, nullptr);
    }
    return *this;
  }
  ~SlabRef() { Reset(); }

  // Another reference to the same block. Several threads may call it at once.
  [[nodiscard]] SlabRef Share() const noexcept {
    if (slab_ != nullptr) slab_->AddReference();
    return SlabRef(slab_);
  }
  void Reset() noexcept {
    if (Slab* const slab = std::exchange(slab_, nullptr); slab != nullptr) slab->Release(1, 1);
  }
  // Gives the reference to the caller, who must Release() it.
  [[nodiscard]] Slab* Take() noexcept { return std::exchange(slab_, nullptr); }

  [[nodiscard]] Slab* get() const noexcept { return slab_; }
  Slab* operator->() const noexcept { return slab_; }
  explicit operator bool() const noexcept { return slab_ != nullptr; }

 private:
  Slab* slab_ = nullptr;
};

// Counters since the pool was made, and levels.
struct SlabPoolStats {
  std::uint64_t allocated = 0;      // blocks handed out, of any size
  std::uint64_t recycled = 0;       // of these, spare blocks
  std::uint64_t heap = 0;           // of these, fresh from the heap because no spare block was there
  std::uint64_t oversize = 0;       // of these, larger than the largest pooled size
  std::uint64_t foreign_frees = 0;  // blocks that died on another thread and were collected
  std::uint64_t dropped = 0;        // blocks that died here and went to the heap because of the limit
  std::uint64_t cached_bytes = 0;   // spare now
  std::uint64_t live = 0;           // pooled blocks in use now; dead ones wait for Collect() in this number
};

class SlabPool {
 public:
  // `cached_bytes_max` bounds the spare blocks, and once more those that wait to be collected.
  explicit SlabPool(std::size_t cached_bytes_max = kSlabCacheBytes.value);
  SlabPool(const SlabPool&) = delete;
  SlabPool& operator=(const SlabPool&) = delete;
  // The owner's thread must not have it in its slot any more. Blocks may still be out anywhere.
  ~SlabPool();

  // Owner's thread. As Slab::Allocate, from this pool.
  [[nodiscard]] SlabRef Allocate(std::size_t bytes) noexcept;
  // Owner's thread. Takes in the blocks that died on other threads. Allocate does so when it runs dry; a loop also
  // calls it once a turn. One load when there are none.
  void Collect() noexcept;

  // Any thread; each number is right by itself.
  [[nodiscard]] SlabPoolStats stats() const noexcept;

 private:
  friend class Slab;

  // Written by the owner's thread only, hence without locked instructions; read by any.
  class Counter {
   public:
    void Add(std::uint64_t amount) noexcept { value_.store(get() + amount, std::memory_order_relaxed); }
    void Subtract(std::uint64_t amount) noexcept { value_.store(get() - amount, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

   private:
    std::atomic<std::uint64_t> value_{0};
  };
  struct FreeList {
    Slab* head = nullptr;
    std::size_t bytes = 0;
  };

  void Keep(Slab* slab) noexcept;
  void CollectAll(Slab* list) noexcept;

  // A share for each size, so that spare blocks of a size that went out of use cannot keep the others out.
  const std::size_t list_bytes_max_;
  std::array<FreeList, kSlabBlockBytes.size()> free_;
  internal::SlabHome* home_;
  Counter allocated_, recycled_, heap_, oversize_, foreign_frees_, dropped_, cached_bytes_, live_;
};

}  // namespace flywheel::inline v0
