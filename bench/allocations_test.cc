#include "bench/allocations.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "bench/harness.h"

namespace flywheel::bench {
namespace {

// What `work` allocates on this thread. The pointers it makes go through DoNotOptimize: clang removes a malloc whose
// block is not used.
template <typename Work>
Allocations CountOf(Work work) {
  const Allocations before = ThreadAllocations();
  work();
  return ThreadAllocations() - before;
}

void Release(void* block) {
  DoNotOptimize(block);
  std::free(block);
}

#ifndef FW_BENCH_SANITIZED

TEST(AllocationsTest, CountsEachFunctionOfTheMallocFamilyOnceWithItsBytes) {
  EXPECT_EQ(CountOf([] { Release(std::malloc(10)); }), (Allocations{1, 10}));
  EXPECT_EQ(CountOf([] { Release(std::calloc(3, 7)); }), (Allocations{1, 21}));
  EXPECT_EQ(CountOf([] { Release(std::aligned_alloc(64, 128)); }), (Allocations{1, 128}));
  EXPECT_EQ(CountOf([] { Release(memalign(64, 100)); }), (Allocations{1, 100}));
  EXPECT_EQ(CountOf([] { Release(valloc(40)); }), (Allocations{1, 40}));
  EXPECT_EQ(CountOf([] { Release(pvalloc(50)); }), (Allocations{1, 50}));
  EXPECT_EQ(CountOf([] {
              void* block = nullptr;
              ASSERT_EQ(posix_memalign(&block, 32, 60), 0);
              ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % 32, 0U);
              Release(block);
            }),
            (Allocations{1, 60}));
  EXPECT_EQ(CountOf([] {
              void* block = std::malloc(10);
              DoNotOptimize(block);
              Release(std::realloc(block, 4000));
            }),
            (Allocations{2, 4010}));
}

TEST(AllocationsTest, RefusedAllocationsKeepTheirErrors) {
  void* block = nullptr;
  EXPECT_EQ(posix_memalign(&block, 24, 60), EINVAL) << "not a power of two";
  EXPECT_EQ(posix_memalign(&block, 1, 60), EINVAL) << "smaller than a pointer";
  std::size_t half_of_everything = SIZE_MAX / 2 + 2;
  DoNotOptimize(half_of_everything);
  EXPECT_EQ(std::calloc(half_of_everything, 2), nullptr) << "the product overflows";
}

TEST(AllocationsTest, CountsOperatorNew) {
  EXPECT_EQ(CountOf([] {
              auto number = std::make_unique<std::uint64_t>(1);
              DoNotOptimize(number);
            }),
            (Allocations{1, 8}));
  struct alignas(256) Wide {
    char bytes[256];
  };
  EXPECT_EQ(CountOf([] {
              auto wide = std::make_unique<Wide>();
              DoNotOptimize(wide);
            }),
            (Allocations{1, 256}));
}

TEST(AllocationsTest, CountsCallsFromInsideSharedLibraries) {
  EXPECT_EQ(CountOf([] { Release(strdup("sixteen letters!")); }), (Allocations{1, 17})) << "libc.so";
  EXPECT_GE(CountOf([] {
              std::FILE* file = std::fopen("/dev/null", "r");
              ASSERT_NE(file, nullptr);
              std::fclose(file);
            }).calls,
            1U)
      << "libc.so, its own structures";
  EXPECT_EQ(CountOf([] {
              std::string text;
              text.reserve(100);  // basic_string<char> is instantiated in libstdc++.so
              DoNotOptimize(text);
            }),
            (Allocations{1, 101}))
      << "libstdc++.so";
}

TEST(AllocationsTest, AThreadSeesItsOwnCallsAndTheProcessSeesAllOfThemAfterTheThreadHasEnded) {
  const Allocations mine_before = ThreadAllocations();
  const Allocations all_before = ProcessAllocations();
  Allocations theirs;
  std::thread other([&] {
    theirs = CountOf([] {
      for (int i = 0; i < 1000; ++i) Release(std::malloc(3));
    });
  });
  other.join();
  EXPECT_EQ(theirs, (Allocations{1000, 3000}));
  const std::uint64_t mine = (ThreadAllocations() - mine_before).calls;
  EXPECT_LT(mine, 10U) << "starting a thread allocates a little, but not what the thread does";
  EXPECT_GE((ProcessAllocations() - all_before).calls, 1000U + mine);
}

TEST(AllocationsTest, NothingIsLostWhenThreadsOutnumberTheirLines) {
  const Allocations before = ProcessAllocations();
  constexpr std::size_t kThreads = kCountedThreads + 50;
  for (std::size_t i = 0; i < kThreads; ++i) {
    std::thread([] { Release(std::malloc(1 << 20)); }).join();
  }
  const Allocations after = ProcessAllocations() - before;
  EXPECT_GE(after.calls, kThreads);
  EXPECT_GE(after.bytes, kThreads << 20);
}

#else

TEST(AllocationsTest, SanitizedBuildsKeepTheirOwnAllocatorAndCountNothing) {
  EXPECT_FALSE(kCountsAllocations);
  EXPECT_EQ(CountOf([] { Release(std::malloc(10)); }), Allocations());
  EXPECT_EQ(ProcessAllocations(), Allocations());
}

#endif

}  // namespace
}  // namespace flywheel::bench
