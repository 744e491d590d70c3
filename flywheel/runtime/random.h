// Random: the only source of randomness. Each loop has its own; a Host seeds them all from one number, so that a
// simulation with the same seed draws the same numbers.
//
// xoshiro256++ (Blackman & Vigna 2019), seeded by SplitMix64 as its authors advise. Fast and well distributed, and not
// for secrets: keys and nonces come from OpenSSL. Meets std::uniform_random_bit_generator. One thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>

namespace flywheel::inline v0 {

class Random {
 public:
  using result_type = std::uint64_t;

  explicit Random(std::uint64_t seed) noexcept;

  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }
  result_type operator()() noexcept {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in [0, bound), without modulo bias (Lemire 2019); 0 for a bound of 0.
  std::uint64_t Below(std::uint64_t bound) noexcept;
  // Uniform in [0, 1), 53 bits.
  double Unit() noexcept { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }
  bool Chance(double probability) noexcept { return Unit() < probability; }

  // An independent generator, for a part that must not disturb the draws of others.
  Random Fork() noexcept { return Random((*this)()); }

 private:
  std::array<std::uint64_t, 4> state_;
};

// 64 bits from the kernel; what a real Host is seeded with.
std::uint64_t SystemSeed();

}  // namespace flywheel::inline v0
