#include "flywheel/base/internal/exponential_index.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace flywheel::inline v0::internal {
namespace {

constexpr int kCoarsest = -10;
constexpr double kSmallest = std::numeric_limits<double>::denorm_min();
constexpr double kLargest = std::numeric_limits<double>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The data model's definition, from long double logarithms.
std::int64_t DefinedIndex(double value, int scale) {
  return static_cast<std::int64_t>(std::ceil(std::ldexp(std::log2(static_cast<long double>(value)), scale))) - 1;
}

TEST(ExponentialIndex, PowersOfTwoEndTheirBucketsAtEveryScale) {
  for (int scale = kCoarsest; scale <= ExponentialIndex::kFinestScale; ++scale) {
    for (int exponent = -1074; exponent <= 1023; ++exponent) {
      const std::int64_t border = std::int64_t{exponent} << 20;
      ASSERT_EQ(ExponentialIndex::Of(std::ldexp(1.0, exponent), scale), (border - 1) >> (20 - scale));
    }
    for (int exponent = -1022; exponent <= 1023; ++exponent) {
      const double above = std::nextafter(std::ldexp(1.0, exponent), kInfinity);
      ASSERT_EQ(ExponentialIndex::Of(above, scale), (std::int64_t{exponent} << 20) >> (20 - scale));
    }
  }
}

TEST(ExponentialIndex, IndexFollowsTheDataModel) {
  // From the definition: base 2 at scale 0, 4 at -1, sqrt(2) at 1.
  EXPECT_EQ(ExponentialIndex::Of(1, 0), -1);
  EXPECT_EQ(ExponentialIndex::Of(1.5, 0), 0);
  EXPECT_EQ(ExponentialIndex::Of(2, 0), 0);
  EXPECT_EQ(ExponentialIndex::Of(4, 0), 1);
  EXPECT_EQ(ExponentialIndex::Of(4.1, 0), 2);
  EXPECT_EQ(ExponentialIndex::Of(4, -1), 0);
  EXPECT_EQ(ExponentialIndex::Of(16.1, -1), 2);
  EXPECT_EQ(ExponentialIndex::Of(1.4, 1), 0);
  EXPECT_EQ(ExponentialIndex::Of(1.42, 1), 1);
  EXPECT_EQ(ExponentialIndex::Of(kLargest, -10), 0);
  EXPECT_EQ(ExponentialIndex::Of(kSmallest, -10), -2);
}

// Any positive finite double; one in eight has only a few bits.
rc::Gen<double> Positive() {
  return rc::gen::apply(
      [](std::uint64_t bits, int kind) {
        if (kind == 0) bits &= 0xfffe'0000'0000'0000;
        bits &= std::numeric_limits<std::int64_t>::max();
        const auto value = std::bit_cast<double>(bits);
        return std::isfinite(value) && value > 0 ? value : 1.0;
      },
      rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange(0, 8));
}

void ExpectScalesToAgree(double value) {
  const std::int32_t finest = ExponentialIndex::Of(value, ExponentialIndex::kFinestScale);
  for (int scale = kCoarsest; scale < ExponentialIndex::kFinestScale; ++scale) {
    ASSERT_EQ(ExponentialIndex::Of(value, scale), finest >> (ExponentialIndex::kFinestScale - scale))
        << value << " at scale " << scale;
  }
}

TEST(ExponentialIndex, ScalesAgreeOnBothSidesOfEveryBorder) {
  for (int border = -1000; border <= 1000; ++border) {
    double value = std::exp2(border / 128.0);
    for (int i = 0; i < 4; ++i) value = std::nextafter(value, 0);
    for (int i = 0; i < 8; ++i) {
      ExpectScalesToAgree(value);
      value = std::nextafter(value, kInfinity);
    }
  }
}

TEST(ExponentialIndex, NeverFallsAsValuesGrow) {
  for (const int scale : {0, 3, 7, 8, 20}) {
    std::int32_t last = std::numeric_limits<std::int32_t>::min();
    for (double value = 0.9; value < 4.5; value *= 1.00001) {
      const std::int32_t index = ExponentialIndex::Of(value, scale);
      ASSERT_GE(index, last);
      last = index;
    }
  }
}

RC_GTEST_PROP(ExponentialIndexProperty, EveryValueIsWhereItsDefinitionSays, ()) {
  const double value = *Positive();
  for (int scale = kCoarsest; scale <= ExponentialIndex::kFinestScale; ++scale) {
    RC_ASSERT(ExponentialIndex::Of(value, scale) == DefinedIndex(value, scale));
  }
}

RC_GTEST_PROP(ExponentialIndexProperty, LowerBoundsAreBelowTheirValues, ()) {
  const double value = *Positive();
  const int scale = *rc::gen::inRange(kCoarsest, ExponentialIndex::kFinestScale + 1);
  const std::int64_t index = ExponentialIndex::Of(value, scale);
  constexpr double kRounding = 1e-12;
  if (value < std::numeric_limits<double>::min()) return;  // bounds of subnormals have too few bits to say
  RC_ASSERT(ExponentialIndex::LowerBound(index, scale) <= value * (1 + kRounding));
  RC_ASSERT(ExponentialIndex::LowerBound(index + 1, scale) >= value * (1 - kRounding));
}

}  // namespace
}  // namespace flywheel::inline v0::internal
