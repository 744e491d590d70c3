#include "flywheel/base/internal/exponential_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>

namespace flywheel::inline v0::internal {

namespace {

constexpr int kMantissaBits = 52;
constexpr std::uint64_t kMantissaMask = (std::uint64_t{1} << kMantissaBits) - 1;
constexpr int kExponentBias = 1023;
constexpr std::size_t kBorders = std::size_t{1} << ExponentialIndex::kTableScale;

consteval long double SquareRoot(long double value) {
  long double root = value;
  for (int i = 0; i < 64; ++i) root = (root + value / root) / 2;
  return root;
}

// The mantissa of 2^(i / kBorders), rounded down; at the end one that nothing exceeds.
consteval std::array<std::uint64_t, kBorders + 1> MakeBorders() {
  std::array<std::uint64_t, kBorders + 1> borders{};
  for (std::size_t i = 0; i < kBorders; ++i) {
    long double border = 1;
    long double root = 2;
    for (std::size_t bit = kBorders / 2; bit != 0; bit /= 2) {
      root = SquareRoot(root);
      if ((i & bit) != 0) border *= root;
    }
    borders[i] = static_cast<std::uint64_t>((border - 1) * (kMantissaMask + 1));
  }
  borders[kBorders] = kMantissaMask;
  return borders;
}

constexpr auto kBorder = MakeBorders();

constexpr int kLeadingShift = kMantissaBits - ExponentialIndex::kTableScale;

// How many borders are below the first mantissa with these leading bits.
consteval std::array<std::uint8_t, kBorders> MakeFirstGuesses() {
  std::array<std::uint8_t, kBorders> guesses{};
  for (std::size_t i = 0; i < kBorders; ++i) {
    const std::uint64_t mantissa = std::uint64_t{i} << kLeadingShift;
    while (mantissa > kBorder[guesses[i]]) ++guesses[i];
  }
  return guesses;
}

constexpr auto kFirstGuess = MakeFirstGuesses();

// The logarithm is nowhere steeper than 1.45, so that at most two borders have their leading bits in common.
static_assert([] {
  for (std::size_t i = 0; i + 2 < kBorders; ++i) {
    if (kBorder[i] >> kLeadingShift == kBorder[i + 2] >> kLeadingShift) return false;
  }
  return true;
}());

}  // namespace

std::int32_t ExponentialIndex::Of(double value, int scale) noexcept {
  int exponent = -kExponentBias;
  if (value < std::numeric_limits<double>::min()) [[unlikely]] {
    value *= static_cast<double>(std::uint64_t{1} << kMantissaBits);  // subnormal: has no leading one of its own
    exponent -= kMantissaBits;
  }
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t mantissa = bits & kMantissaMask;
  exponent += static_cast<int>(bits >> kMantissaBits);

  // Without a branch, which nothing could predict.
  std::size_t borders = kFirstGuess[mantissa >> kLeadingShift];
  borders += mantissa > kBorder[borders] ? 1 : 0;
  borders += mantissa > kBorder[borders] ? 1 : 0;
  const int index = exponent * (1 << kTableScale) + static_cast<int>(borders) - 1;
  if (scale <= kTableScale) [[likely]]
    return index >> (kTableScale - scale);

  constexpr int kRefinement = 1 << (kFinestScale - kTableScale);
  constexpr int kSteps = 1 << kFinestScale;
  const auto fraction = std::bit_cast<double>(mantissa | std::uint64_t{kExponentBias} << kMantissaBits);
  const int finest = exponent * kSteps + static_cast<int>(std::ceil(std::log2(fraction) * kSteps)) - 1;
  return std::clamp(finest, index * kRefinement, index * kRefinement + kRefinement - 1) >> (kFinestScale - scale);
}

double ExponentialIndex::LowerBound(std::int64_t index, int scale) noexcept {
  const double bound = std::exp2(std::ldexp(static_cast<double>(index), -scale));
  return std::min(bound, std::numeric_limits<double>::max());
}

}  // namespace flywheel::inline v0::internal
