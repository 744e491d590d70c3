#include "flywheel/base/limit.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "flywheel/base/status.h"

namespace flywheel::inline v0 {
namespace {

constexpr Limit kQueueEvents{
    .name = "watch_queue_events", .value = 4096, .unit = "events", .reason = "a slow reader must not hold memory"};
static_assert(kQueueEvents.Allows(4096) && !kQueueEvents.Allows(4097));

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

TEST(LimitTest, RefusalNamesWhatWhichOneTheLimitAndTheNextStep) {
  const Status status = kQueueEvents.Exceeded(5000, "watch /shop/", "watch a narrower prefix");
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(),
            "watch_queue_events: watch /shop/ asked for 5000 events, the limit is 4096 "
            "(a slow reader must not hold memory); watch a narrower prefix");
}

TEST(LimitTest, LeavesOutAnEmptyReasonAndAnEmptyNextStep) {
  constexpr Limit kBare{.name = "n", .value = 0, .unit = "items", .reason = {}};
  EXPECT_EQ(kBare.Exceeded(1, "x", "").message(), "n: x asked for 1 items, the limit is 0");
}

TEST(LimitTest, IsRefusedAfterItsValueAndNotAtIt) {
  EXPECT_TRUE(kQueueEvents.Allows(0));
  EXPECT_TRUE(kQueueEvents.Allows(4096));
  EXPECT_FALSE(kQueueEvents.Allows(kHuge));
}

TEST(LimitTest, AddsWithoutOverflow) {
  EXPECT_TRUE(kQueueEvents.Allows(4000, 96));
  EXPECT_FALSE(kQueueEvents.Allows(4000, 97));
  EXPECT_FALSE(kQueueEvents.Allows(1, kHuge));
  EXPECT_FALSE(kQueueEvents.Allows(kHuge, 1));
  EXPECT_FALSE(kQueueEvents.Allows(5000, 0));
}

TEST(LimitTest, PrintsTheWholeRangeOfItsType) {
  constexpr Limit kMost{.name = "n", .value = kHuge - 1, .unit = "bytes", .reason = "r"};
  EXPECT_EQ(kMost.Exceeded(kHuge, "x", "stop").message(),
            "n: x asked for 18446744073709551615 bytes, the limit is 18446744073709551614 (r); stop");
}

}  // namespace
}  // namespace flywheel::inline v0
