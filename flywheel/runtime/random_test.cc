#include "flywheel/runtime/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "flywheel/runtime/host.h"

namespace flywheel::inline v0 {
namespace {

static_assert(std::uniform_random_bit_generator<Random>);

// Of the published xoshiro256++ seeded by SplitMix64, as other implementations print them for seed 0.
TEST(RandomTest, DrawsThePublishedNumbers) {
  Random random(0);
  for (const std::uint64_t expected :
       {std::uint64_t{5987356902031041503}, std::uint64_t{7051070477665621255}, std::uint64_t{6633766593972829180},
        std::uint64_t{211316841551650330}, std::uint64_t{9136120204379184874}, std::uint64_t{379361710973160858},
        std::uint64_t{15813423377499357806U}, std::uint64_t{15596884590815070553U}}) {
    EXPECT_EQ(random(), expected);
  }
}

TEST(RandomTest, SameSeedSameNumbersOtherSeedOthers) {
  Random a(7);
  Random b(7);
  Random c(8);
  int equal = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t drawn = a();
    EXPECT_EQ(drawn, b());
    equal += drawn == c() ? 1 : 0;
  }
  EXPECT_EQ(equal, 0);
}

TEST(RandomTest, BelowStaysBelowAndIsUniform) {
  Random random(1);
  EXPECT_EQ(random.Below(0), 0u);
  EXPECT_EQ(random.Below(1), 0u);
  constexpr int kDraws = 70'000;
  std::array<int, 7> counts{};
  for (int i = 0; i < kDraws; ++i) ++counts.at(random.Below(7));
  // Chi-squared with 6 degrees of freedom: 22.5 is passed once in a thousand, and the seed is fixed.
  double chi = 0;
  for (const int count : counts) chi += std::pow(count - kDraws / 7.0, 2) / (kDraws / 7.0);
  EXPECT_LT(chi, 22.5);
  // A bound just over half of the range is where taking the remainder would be twice as likely below.
  constexpr std::uint64_t kHuge = (std::uint64_t{1} << 63) + (std::uint64_t{1} << 61);
  int low = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t drawn = random.Below(kHuge);
    EXPECT_LT(drawn, kHuge);
    low += drawn < kHuge / 2 ? 1 : 0;
  }
  EXPECT_NEAR(low, 5000, 200);
}

TEST(RandomTest, UnitAndChance) {
  Random random(2);
  double sum = 0;
  int heads = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double unit = random.Unit();
    EXPECT_GE(unit, 0.0);
    EXPECT_LT(unit, 1.0);
    sum += unit;
    heads += random.Chance(0.25) ? 1 : 0;
    EXPECT_FALSE(random.Chance(0));
    EXPECT_TRUE(random.Chance(1));
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.01);
  EXPECT_NEAR(heads, 2500, 150);
}

TEST(RandomTest, ForksAreIndependent) {
  Random parent(3);
  Random a = parent.Fork();
  Random b = parent.Fork();
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 100; ++i) seen.insert({a(), b(), parent()});
  EXPECT_EQ(seen.size(), 300u);
}

TEST(RandomTest, GeneratorsOfAHostDifferAndRepeatWithItsSeed) {
  const auto draw = [](std::uint64_t seed) {
    Host::Parts parts = Host::SystemParts("test");
    parts.seed = seed;
    Host host(std::move(parts));
    std::vector<std::uint64_t> drawn;
    for (int i = 0; i < 3; ++i) drawn.push_back(host.NewRandom()());
    return drawn;
  };
  EXPECT_EQ(draw(5), draw(5));
  EXPECT_NE(draw(5), draw(6));
  const std::vector<std::uint64_t> drawn = draw(5);
  EXPECT_EQ(std::set<std::uint64_t>(drawn.begin(), drawn.end()).size(), 3u);
}

TEST(RandomTest, SystemSeedsDiffer) { EXPECT_NE(SystemSeed(), SystemSeed()); }

}  // namespace
}  // namespace flywheel::inline v0
