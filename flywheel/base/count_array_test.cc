#include "flywheel/base/internal/count_array.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace flywheel::inline v0::internal {
namespace {

std::vector<std::uint64_t> ToVector(const CountArray& counts) {
  std::vector<std::uint64_t> values;
  for (std::size_t i = 0; i < counts.size(); ++i) values.push_back(counts[i]);
  return values;
}

TEST(CountArray, WidensOnlyAsFarAsItMust) {
  CountArray counts;
  EXPECT_EQ(counts.HeapBytes(), 0u);
  counts.Extend(0, 100);
  counts.Add(7, 255);
  EXPECT_LE(counts.HeapBytes(), 128u);
  counts.Add(7, 1);
  EXPECT_GE(counts.HeapBytes(), 200u);
  EXPECT_LE(counts.HeapBytes(), 256u);
  counts.Add(7, 65'535);
  EXPECT_EQ(counts[7], 65'791u);
  EXPECT_LE(counts.HeapBytes(), 512u);
  counts.Add(7, std::uint64_t{1} << 40);
  EXPECT_EQ(counts[7], (std::uint64_t{1} << 40) + 65'791);
  EXPECT_EQ(counts[6], 0u);
  EXPECT_EQ(counts.size(), 100u);
}

TEST(CountArray, StaysAtTheLargestCount) {
  CountArray counts;
  counts.Extend(0, 2);
  counts.Add(0, std::numeric_limits<std::uint64_t>::max() - 1);
  counts.Add(0, 5);
  EXPECT_EQ(counts[0], std::numeric_limits<std::uint64_t>::max());
  counts.Add(1, 5);
  counts.Fold(1, 0);
  EXPECT_EQ(counts[0], std::numeric_limits<std::uint64_t>::max());
}

TEST(CountArray, EqualityIgnoresWidth) {
  CountArray a;
  CountArray b;
  a.Extend(0, 3);
  b.Extend(0, 3);
  a.Add(1, 200);
  a.Add(1, 200);
  a.Add(0, 70'000);
  b.Add(1, 400);
  EXPECT_FALSE(a == b);
  b.Add(0, 70'000);
  EXPECT_TRUE(a == b);
  b.Extend(0, 1);
  EXPECT_FALSE(a == b);
}

// Against a plain vector.
RC_GTEST_PROP(CountArrayProperty, BehavesAsAVectorOfNumbers, ()) {
  CountArray counts;
  std::vector<std::uint64_t> model;
  const auto steps = *rc::gen::inRange(0, 60);
  for (int step = 0; step < steps; ++step) {
    switch (*rc::gen::inRange(0, 4)) {
      case 0: {
        const auto front = *rc::gen::inRange<std::size_t>(0, 10);
        const auto back = *rc::gen::inRange<std::size_t>(0, 10);
        counts.Extend(front, back);
        model.insert(model.begin(), front, 0);
        model.resize(model.size() + back);
        break;
      }
      case 1: {
        const auto shift = *rc::gen::inRange(0, 4);
        const auto missing = *rc::gen::inRange<std::size_t>(0, std::size_t{1} << shift);
        counts.Fold(shift, missing);
        std::vector<std::uint64_t> folded;
        for (std::size_t i = 0; i < model.size(); ++i) {
          const std::size_t group = (i + missing) >> shift;
          if (folded.size() <= group) folded.resize(group + 1);
          folded[group] += model[i];
        }
        model = folded;
        break;
      }
      default: {
        if (model.empty()) break;
        const auto i = *rc::gen::inRange<std::size_t>(0, model.size());
        const auto amount = std::uint64_t{1} << *rc::gen::inRange(0, 40);
        counts.Add(i, amount);
        model[i] += amount;
      }
    }
    RC_ASSERT(ToVector(counts) == model);
  }
}

}  // namespace
}  // namespace flywheel::inline v0::internal
