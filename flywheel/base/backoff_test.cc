#include "flywheel/base/backoff.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "flywheel/base/status.h"

namespace flywheel::inline v0 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();
constexpr Instant kStart{seconds(1000)};

TEST(BackoffPolicyTest, IsAValueWithValidDefaults) {
  const BackoffPolicy policy;
  EXPECT_EQ(policy.initial, milliseconds(100));
  EXPECT_EQ(policy.max, seconds(2));
  EXPECT_EQ(policy.multiplier, 2.0);
  EXPECT_TRUE(policy.Validate().ok());
  EXPECT_EQ(policy, (BackoffPolicy{.initial = milliseconds(100)}));
  EXPECT_NE(policy, (BackoffPolicy{.max = seconds(3)}));
}

TEST(BackoffPolicyTest, RefusalsNameTheFieldAndWhatToSet) {
  const auto message = [](const BackoffPolicy& policy) { return std::string(policy.Validate().message()); };
  EXPECT_EQ(message({.initial = Duration(0)}), "backoff: initial is 0ns; set a time above 0");
  EXPECT_EQ(message({.initial = Duration(-1)}), "backoff: initial is -1ns; set a time above 0");
  EXPECT_EQ(message({.initial = seconds(1), .max = milliseconds(999)}),
            "backoff: max is 999000000ns, less than initial, which is 1000000000ns; set max to at least initial");
  for (const double multiplier : {0.999, 0.0, -2.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(BackoffPolicy{.multiplier = multiplier}.Validate().code(), StatusCode::kInvalidArgument) << multiplier;
  }
  EXPECT_TRUE((BackoffPolicy{.initial = seconds(1), .max = seconds(1), .multiplier = 1.0}.Validate().ok()));
}

TEST(BackoffDeathTest, RefusesAnInvalidPolicy) {
  EXPECT_DEATH(Backoff({.multiplier = 0.5}), "INVALID_ARGUMENT: backoff: multiplier is 0.5");
}

TEST(BackoffTest, TheCapDoublesUntilItIsTheMaximum) {
  Backoff backoff;
  for (const int expected : {100, 200, 400, 800, 1600, 2000, 2000, 2000}) {
    EXPECT_EQ(backoff.cap(), milliseconds(expected));
    EXPECT_EQ(backoff.Next(kLargest, kStart, kNever), milliseconds(expected)) << "the largest word gives the cap";
  }
  EXPECT_EQ(backoff.Next(0, kStart, kNever), Duration::zero()) << "and the smallest no wait at all";
}

TEST(BackoffTest, CountsWaitsAndStartsAgainAfterReset) {
  Backoff backoff;
  for (std::uint64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(backoff.attempts(), i);
    ASSERT_TRUE(backoff.Next(1, kStart, kNever));
  }
  EXPECT_EQ(backoff.cap(), milliseconds(1600));
  backoff.Reset();
  EXPECT_EQ(backoff.attempts(), 0);
  EXPECT_EQ(backoff.cap(), milliseconds(100));
}

TEST(BackoffTest, GivesNoWaitThatReachesTheDeadline) {
  Backoff backoff({.initial = milliseconds(100), .max = milliseconds(100)});
  EXPECT_EQ(backoff.Next(kLargest, kStart, kStart + milliseconds(100)), std::nullopt) << "nothing left after it";
  EXPECT_EQ(backoff.attempts(), 0) << "a wait that is refused is none";
  EXPECT_EQ(backoff.cap(), milliseconds(100));
  EXPECT_EQ(backoff.Next(kLargest, kStart, kStart + milliseconds(100) + Duration(1)), milliseconds(100));
  EXPECT_EQ(backoff.Next(0, kStart, kStart), std::nullopt);
  EXPECT_EQ(backoff.Next(0, kStart, kStart - seconds(1)), std::nullopt);
  EXPECT_EQ(backoff.Next(kLargest, kNever - Duration(1), kNever), milliseconds(100)) << "no deadline at any time";
  EXPECT_EQ(backoff.Next(kLargest, kNever - Duration(1), kNever - Duration(1)), std::nullopt);
}

TEST(BackoffTest, NothingOverflowsAtAnyAttempt) {
  const BackoffPolicy extreme{.initial = Duration(1), .max = Duration::max(), .multiplier = 1e300};
  Backoff fast(extreme);
  for (int i = 0; i < 1000; ++i) ASSERT_GE(*fast.Next(kLargest, kStart, kNever), Duration::zero());
  EXPECT_EQ(fast.cap(), Duration::max());
  EXPECT_EQ(fast.Next(kLargest, kStart, kNever), Duration::max());
  Backoff slow({.initial = Duration(1), .max = Duration::max(), .multiplier = 1.5});
  for (int i = 0; i < 1000; ++i) ASSERT_GE(*slow.Next(kLargest, kStart, kNever), Duration::zero());
  EXPECT_EQ(slow.cap(), Duration::max()) << "grows from one nanosecond, too";
}

TEST(BackoffTest, AMultiplierOfOneKeepsTheCap) {
  for (const Duration cap : {Duration(1), Duration((std::int64_t{1} << 53) + 1), Duration::max() - Duration(1)}) {
    Backoff backoff({.initial = cap, .max = Duration::max(), .multiplier = 1.0});
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(backoff.Next(1, kStart, kNever));
    EXPECT_GE(backoff.cap(), cap);
    EXPECT_LE(backoff.cap() - cap, Duration(1024)) << "up to the precision of a double";
  }
}

// Full jitter is uniform: over 100 equal bins of [0, cap] chi-square with 99 degrees of freedom stays below 148.2 in
// 999 of 1000 cases; the seed is fixed.
TEST(BackoffTest, WaitsAreUniformOverTheWholeCap) {
  constexpr int kWaits = 100'000;
  constexpr std::size_t kBins = 100;
  std::mt19937_64 random(7);
  const BackoffPolicy constant{.initial = seconds(1), .max = seconds(1)};
  Backoff backoff(constant);
  std::array<double, kBins> bins{};
  double sum = 0;
  for (int i = 0; i < kWaits; ++i) {
    const double share = std::chrono::duration<double>(*backoff.Next(random(), kStart, kNever)).count();
    sum += share;
    ++bins[std::min(kBins - 1, static_cast<std::size_t>(share * kBins))];
  }
  EXPECT_NEAR(sum / kWaits, 0.5, 0.004);  // four standard errors
  const double expected = static_cast<double>(kWaits) / kBins;
  double chi_square = 0;
  for (const double bin : bins) chi_square += (bin - expected) * (bin - expected) / expected;
  EXPECT_LT(chi_square, 148.2);
  EXPECT_GT(chi_square, 61.1) << "and it is not too even either";
}

RC_GTEST_PROP(BackoffPropertyTest, StaysWithinTheCapTheMaximumAndTheDeadline, ()) {
  const auto initial = *rc::gen::inRange<std::int64_t>(1, std::int64_t{1} << 40);
  const auto max = *rc::gen::inRange<std::int64_t>(initial, std::int64_t{1} << 50);
  const double multiplier = 1.0 + *rc::gen::inRange(0, 100) / 10.0;
  const auto randoms = *rc::gen::arbitrary<std::vector<std::uint64_t>>();
  const Instant deadline = kStart + Duration(*rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 52));
  Backoff backoff({.initial = Duration(initial), .max = Duration(max), .multiplier = multiplier});
  Instant now = kStart;
  Duration last_cap(0);
  std::uint64_t given = 0;
  for (const std::uint64_t random : randoms) {
    const Duration cap = backoff.cap();
    RC_ASSERT(cap >= last_cap);
    RC_ASSERT(cap >= Duration(initial) && cap <= Duration(max));
    const std::optional<Duration> wait = backoff.Next(random, now, deadline);
    if (!wait) {
      RC_ASSERT(backoff.cap() == cap);
      RC_ASSERT(now + cap >= deadline);
      break;
    }
    ++given;
    RC_ASSERT(*wait >= Duration::zero() && *wait <= cap);
    RC_ASSERT(now + *wait < deadline);
    now += *wait;
    last_cap = cap;
  }
  RC_ASSERT(backoff.attempts() == given);
}

}  // namespace
}  // namespace flywheel::inline v0
