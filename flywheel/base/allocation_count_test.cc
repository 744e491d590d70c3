#include "flywheel/base/internal/allocation_count.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FW_SANITIZER_ALLOCATES
#endif
#endif

namespace {

constinit std::atomic<std::uint64_t> allocations{0};  // operator new has no object to count in

}  // namespace

#ifdef FW_SANITIZER_ALLOCATES

// The sanitizers bring their own operator new and call this from it.
extern "C" void __sanitizer_malloc_hook(const volatile void*, std::size_t);   // tidy: the signature is theirs
extern "C" void __sanitizer_malloc_hook(const volatile void*, std::size_t) {  // tidy: the signature is theirs
  allocations.fetch_add(1, std::memory_order_relaxed);
}

#else

namespace {

void* Allocate(std::size_t size, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (size == 0) size = 1;
  void* memory = nullptr;
  if (alignment <= alignof(std::max_align_t)) {
    memory = std::malloc(size);
  } else if (::posix_memalign(&memory, alignment, size) != 0) {
    memory = nullptr;
  }
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return Allocate(size, 1); }
void* operator new[](std::size_t size) { return Allocate(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

#endif

namespace flywheel::inline v0::internal {

std::uint64_t AllocationCount() noexcept { return allocations.load(std::memory_order_relaxed); }

namespace {

struct alignas(64) Wide {
  char bytes[64];
};

// The optimizer may leave out an allocation that nobody can see.
void Escape(const void* memory) { asm volatile("" : : "g"(memory) : "memory"); }

TEST(AllocationCountTest, SeesEveryWayToAllocate) {
  const std::uint64_t before = AllocationCount();
  const auto one = std::make_unique<int>(1);
  const auto many = std::make_unique<int[]>(100);
  const auto wide = std::make_unique<Wide>();
  const auto wides = std::make_unique<Wide[]>(3);
  const std::string text(100, 'x');
  const std::vector<int> numbers(10);
  for (const void* memory : {static_cast<const void*>(one.get()), static_cast<const void*>(many.get()),
                             static_cast<const void*>(wide.get()), static_cast<const void*>(wides.get()),
                             static_cast<const void*>(text.data()), static_cast<const void*>(numbers.data())}) {
    Escape(memory);
  }
  EXPECT_EQ(AllocationCount() - before, 6);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(wide.get()) % 64, 0);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(wides.get()) % 64, 0);
}

TEST(AllocationCountTest, StaysWhereItIsOtherwise) {
  const std::uint64_t before = AllocationCount();
  const std::string small = "on the stack";
  EXPECT_EQ(AllocationCount(), before) << small;
}

}  // namespace
}  // namespace flywheel::inline v0::internal
