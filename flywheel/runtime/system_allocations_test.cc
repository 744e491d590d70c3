#include "flywheel/runtime/internal/system_allocations.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <vector>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FW_SANITIZER_ALLOCATES
#endif
#endif

namespace {

constinit std::atomic<std::uint64_t> allocations{0};  // malloc has no object to count in

}  // namespace

extern "C" {

#ifdef FW_SANITIZER_ALLOCATES

// The sanitizers bring their own malloc and call this from it.
void __sanitizer_malloc_hook(const volatile void*, std::size_t);  // tidy: as the sanitizers declare it
// tidy: as the sanitizers declare it
void __sanitizer_malloc_hook(const volatile void*, std::size_t) { allocations.fetch_add(1, std::memory_order_relaxed); }

#else

// glibc's own entry points. free() needs no replacement: the blocks are glibc's.
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);

// Visible to the dynamic linker although the tree is built hidden, so that libstdc++ calls it too.
[[gnu::visibility("default")]] void* malloc(std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}
[[gnu::visibility("default")]] void* calloc(std::size_t count, std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, size);
}
[[gnu::visibility("default")]] void* realloc(void* block, std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(block, size);
}

#endif

}  // extern "C"

namespace flywheel::inline v0::internal {

std::uint64_t SystemAllocations() noexcept { return allocations.load(std::memory_order_relaxed); }

namespace {

TEST(SystemAllocationsTest, CountsMallocAndOperatorNew) {
  const std::uint64_t before = SystemAllocations();
  std::vector<std::unique_ptr<int>> numbers;
  numbers.push_back(std::make_unique<int>(1));
  EXPECT_EQ(SystemAllocations(), before + 2);
  void* const block = std::malloc(100);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(SystemAllocations(), before + 3);
  std::free(block);
}

}  // namespace
}  // namespace flywheel::inline v0::internal
