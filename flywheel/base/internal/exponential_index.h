// Which bucket of a base-2 exponential histogram a value belongs to.
//
// A bucket at scale s is a run of 2^(20-s) buckets of scale 20, so indices at different scales must agree to the bit,
// or a histogram would depend on the order in which it was filled. Up to kTableScale an index comes from a table of
// borders, without a logarithm; above, log2 refines it inside the bucket that the table gives. Borders are irrational
// but for powers of two, which are exact; a value within a few units in the last place of another may be on its wrong
// side, the same one on every machine up to kTableScale.
#pragma once

#include <cstdint>

namespace flywheel::inline v0::internal {

struct ExponentialIndex {
  static constexpr int kFinestScale = 20;
  static constexpr int kTableScale = 7;

  // The i for which base^i < value <= base^(i+1), with base = 2^(2^-scale). `value` is positive and finite, `scale` at
  // most kFinestScale.
  [[nodiscard]] static std::int32_t Of(double value, int scale) noexcept;

  // base^index, or the largest double if that is less.
  [[nodiscard]] static double LowerBound(std::int64_t index, int scale) noexcept;
};

}  // namespace flywheel::inline v0::internal
