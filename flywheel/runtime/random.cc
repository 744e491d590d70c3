#include "flywheel/runtime/random.h"

#include <sys/random.h>

#include "flywheel/base/check.h"

namespace flywheel::inline v0 {

Random::Random(std::uint64_t seed) noexcept {
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;  // SplitMix64 (Steele, Lea & Flood 2014)
    std::uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    word = mixed ^ (mixed >> 31);
  }
}

std::uint64_t Random::Below(std::uint64_t bound) noexcept {
  if (bound == 0) return 0;
  auto product = static_cast<unsigned __int128>((*this)()) * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    const std::uint64_t threshold = (0 - bound) % bound;
    while (static_cast<std::uint64_t>(product) < threshold) {
      product = static_cast<unsigned __int128>((*this)()) * bound;
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t SystemSeed() {
  std::uint64_t seed = 0;
  const auto count = ::getrandom(&seed, sizeof(seed), 0);
  FW_CHECK(count == sizeof(seed)) << "getrandom gave " << count << " bytes";
  return seed;
}

}  // namespace flywheel::inline v0
