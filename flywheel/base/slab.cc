#include "flywheel/base/slab.h"

#include <algorithm>
#include <memory>
#include <new>

#include "flywheel/base/check.h"
#include "flywheel/base/thread_slot.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(address, size) (static_cast<void>(address), static_cast<void>(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) (static_cast<void>(address), static_cast<void>(size))
#endif

namespace flywheel::inline v0 {
namespace internal {

// What a pool shares with the threads on which its blocks die. It outlives the pool and every block of it.
//
// `returned` is a stack of dead blocks, pushed by any thread, taken whole by the owner, closed when the pool dies.
// `balance` counts what the stack cannot: blocks that went past it.
//  1. Each pooled block that was handed out dies once, and then is exactly one of: kept by the owner's thread (never
//     here), pushed, or passed by (stack full or closed), which subtracts one from `balance`.
//  2. While the pool lives it adds nothing to `balance`, so `balance` <= 0 and nobody deletes the home: passing by
//     deletes only on reaching zero from above.
//  3. The dying pool first closes the stack with an exchange. A push is a compare-exchange against the head it has
//     seen, so it came entirely before (the pool takes that block in), or it fails, sees the closing and passes by.
//     No block is pushed afterwards and lost.
//  4. It then adds `live`, the number of blocks handed out and neither kept nor taken from the stack. By 1 these are
//     the ones passing by, before or after this addition. So the sum of all changes is zero, and is reached once: by
//     the last of them, who deletes the home. Everyone else has finished with the home by then, because changing
//     `balance` is the last thing each of them does with it, and acq_rel orders those uses before the deletion.
//  5. A block's content: the pushing thread's release and the taking exchange's acquire order all uses by the dead
//     block's readers (they dropped their references with a release, see Slab::Release) before its reuse.
//  6. No ABA: a push writes the head it compares against into the block; if the head is popped and pushed again in
//     between, that value is right again. Pops take the whole stack and compare nothing.
struct alignas(64) SlabHome {
  explicit SlabHome(std::size_t bytes_max) noexcept : returned_bytes_max(bytes_max) {}

  Slab* closed() noexcept { return reinterpret_cast<Slab*>(this); }

  void Return(Slab* slab) noexcept {
    const std::size_t bytes = kSlabBlockBytes[slab->kind_];
    // Reserved before the push: the bound holds even if the owner never looks.
    if (returned_bytes.fetch_add(bytes, std::memory_order_relaxed) + bytes <= returned_bytes_max) {
      slab->Poison();
      Slab* head = returned.load(std::memory_order_relaxed);
      while (head != closed()) {
        slab->next_ = head;
        if (returned.compare_exchange_weak(head, slab, std::memory_order_release, std::memory_order_relaxed)) return;
      }
      slab->Unpoison();
    } else {
      returned_bytes.fetch_sub(bytes, std::memory_order_relaxed);
    }
    slab->ToHeap();
    Settle(-1);
  }

  void Settle(std::int64_t change) noexcept {
    if (balance.fetch_add(change, std::memory_order_acq_rel) + change == 0) delete this;  // tidy: owned by its count
  }

  std::atomic<Slab*> returned{nullptr};
  std::atomic<std::size_t> returned_bytes{0};
  std::atomic<std::int64_t> balance{0};
  const std::size_t returned_bytes_max;
};

}  // namespace internal

SlabRef Slab::Allocate(std::size_t bytes) noexcept {
  if (SlabPool* const pool = thread_slot.slabs; pool != nullptr) return pool->Allocate(bytes);
  return SlabRef(FromHeap(KindFor(bytes), CapacityFor(bytes)));
}

SlabRef Slab::External(std::span<const std::byte> memory, ReleaseFunction release, void* argument) noexcept {
  FW_CHECK(release != nullptr) << "external memory of " << memory.size() << " bytes without a way to give it back";
  void* const place = ::operator new(sizeof(Slab), std::align_val_t{alignof(Slab)});  // tidy: the count owns it
  // Never written through: writable() is false.
  auto* const data = const_cast<std::byte*>(memory.data());
  Slab* const slab = ::new (place) Slab(kExternal, data, memory.size());
  slab->release_ = release;
  slab->argument_ = argument;
  return SlabRef(slab);
}

Slab* Slab::FromHeap(std::uint8_t kind, std::size_t capacity) noexcept {
  FW_CHECK(capacity <= PTRDIFF_MAX - sizeof(Slab)) << "a slab of " << capacity << " bytes cannot exist";
  // tidy: the count owns it; header and data are one allocation
  auto* const place = static_cast<std::byte*>(::operator new(sizeof(Slab) + capacity, std::align_val_t{alignof(Slab)}));
  return ::new (place) Slab(kind, place + sizeof(Slab), capacity);
}

std::uint8_t Slab::KindFor(std::size_t bytes) noexcept {
  std::uint8_t kind = 0;
  while (kind < kHeap && bytes > kSlabBlockBytes[kind] - sizeof(Slab)) ++kind;
  return kind;
}

void Slab::Free() noexcept {
  references_.store(0, std::memory_order_relaxed);  // so that a second Release() is noticed
  if (home_ == nullptr) {
    if (kind_ == kExternal) release_(argument_);
    ToHeap();
  } else if (SlabPool* const pool = thread_slot.slabs; pool != nullptr && pool->home_ == home_) {
    pool->live_.Subtract(1);
    pool->Keep(this);
  } else {
    home_->Return(this);
  }
}

void Slab::ToHeap() noexcept {
  this->~Slab();
  ::operator delete(this, std::align_val_t{alignof(Slab)});  // tidy: owned by its count
}

void Slab::Poison() const noexcept { ASAN_POISON_MEMORY_REGION(data_, capacity_); }
void Slab::Unpoison() const noexcept { ASAN_UNPOISON_MEMORY_REGION(data_, capacity_); }

SlabPool::SlabPool(std::size_t cached_bytes_max)
    : list_bytes_max_(cached_bytes_max / kSlabBlockBytes.size()),
      home_(std::make_unique<internal::SlabHome>(cached_bytes_max).release()) {}

SlabPool::~SlabPool() {
  FW_CHECK(thread_slot.slabs != this) << "a pool dies while its thread still has it";
  Slab* const list = home_->returned.exchange(home_->closed(), std::memory_order_acq_rel);
  CollectAll(list);
  for (FreeList& spare : free_) {
    while (Slab* const slab = spare.head) {
      spare.head = slab->next_;
      slab->Unpoison();
      slab->ToHeap();
    }
  }
  home_->Settle(static_cast<std::int64_t>(live_.get()));
}

SlabRef SlabPool::Allocate(std::size_t bytes) noexcept {
  allocated_.Add(1);
  const std::uint8_t kind = Slab::KindFor(bytes);
  if (kind == Slab::kHeap) [[unlikely]] {
    oversize_.Add(1);
    return SlabRef(Slab::FromHeap(kind, bytes));
  }
  live_.Add(1);
  FreeList& spare = free_[kind];
  if (spare.head == nullptr) Collect();
  if (Slab* const slab = spare.head; slab != nullptr) [[likely]] {
    spare.head = slab->next_;
    spare.bytes -= kSlabBlockBytes[kind];
    cached_bytes_.Subtract(kSlabBlockBytes[kind]);
    recycled_.Add(1);
    slab->Unpoison();
    slab->references_.store(1, std::memory_order_relaxed);
    return SlabRef(slab);
  }
  heap_.Add(1);
  Slab* const slab = Slab::FromHeap(kind, kSlabBlockBytes[kind] - sizeof(Slab));
  slab->home_ = home_;
  return SlabRef(slab);
}

void SlabPool::Collect() noexcept {
  // Only the owner makes the head null, so a head that is not cannot vanish before the exchange.
  if (home_->returned.load(std::memory_order_relaxed) == nullptr) return;
  CollectAll(home_->returned.exchange(nullptr, std::memory_order_acquire));
}

void SlabPool::CollectAll(Slab* list) noexcept {
  std::size_t bytes = 0;
  std::uint64_t count = 0;
  while (list != nullptr) {
    Slab* const slab = std::exchange(list, list->next_);
    bytes += kSlabBlockBytes[slab->kind_];
    ++count;
    Keep(slab);
  }
  home_->returned_bytes.fetch_sub(bytes, std::memory_order_relaxed);
  foreign_frees_.Add(count);
  live_.Subtract(count);
}

void SlabPool::Keep(Slab* slab) noexcept {
  FreeList& spare = free_[slab->kind_];
  const std::size_t bytes = kSlabBlockBytes[slab->kind_];
  if (spare.bytes + bytes > list_bytes_max_) {
    dropped_.Add(1);
    slab->Unpoison();
    slab->ToHeap();
    return;
  }
  slab->Poison();
  slab->next_ = spare.head;
  spare.head = slab;
  spare.bytes += bytes;
  cached_bytes_.Add(bytes);
}

SlabPoolStats SlabPool::stats() const noexcept {
  // Blocks that passed the stack by are no longer in use, and `balance` holds minus their number.
  const std::int64_t passed = -home_->balance.load(std::memory_order_relaxed);
  const std::uint64_t live = live_.get();
  return {.allocated = allocated_.get(),
          .recycled = recycled_.get(),
          .heap = heap_.get(),
          .oversize = oversize_.get(),
          .foreign_frees = foreign_frees_.get() + static_cast<std::uint64_t>(passed),
          .dropped = dropped_.get() + static_cast<std::uint64_t>(passed),
          .cached_bytes = cached_bytes_.get(),
          .live = live - std::min(live, static_cast<std::uint64_t>(passed))};
}

}  // namespace flywheel::inline v0
