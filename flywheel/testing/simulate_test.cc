#include "flywheel/testing/simulate.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0::testing {
namespace {

using std::chrono::seconds;

StatusOr<SeedRange> From(std::vector<std::pair<std::string, std::string>> variables) {
  return SeedRange::From(*MakeFixedEnvironment(std::move(variables)), {.first = 5, .count = 7});
}

TEST(SeedRangeTest, TheEnvironmentChoosesWhatTheCodeHasNotSaid) {
  EXPECT_EQ(From({})->first, 5u);
  EXPECT_EQ(From({})->count, 7u);
  EXPECT_EQ(From({{"FLYWHEEL_SEEDS", "5000"}})->first, 1u);
  EXPECT_EQ(From({{"FLYWHEEL_SEEDS", "5000"}})->count, 5000u);
  EXPECT_EQ(From({{"FLYWHEEL_SEED", "17"}, {"FLYWHEEL_SEEDS", "5000"}})->first, 17u);
  EXPECT_EQ(From({{"FLYWHEEL_SEED", "17"}, {"FLYWHEEL_SEEDS", "5000"}})->count, 1u);
  EXPECT_EQ(From({{"FLYWHEEL_STOP_AT", "3"}})->stop_at, 3u);
}

TEST(SeedRangeTest, WhatIsNoPositiveNumberIsRefusedByName) {
  for (const char* const text : {"", "0", "-1", "12x", " 3", "99999999999999999999"}) {
    const auto range = From({{"FLYWHEEL_SEED", text}});
    ASSERT_FALSE(range.ok()) << text;
    EXPECT_TRUE(range.status().message().contains("FLYWHEEL_SEED='" + std::string(text) + "'"))
        << range.status().message();
  }
}

TEST(SimulateTest, EverySeedIsAWorldOfItsOwn) {
  std::vector<std::uint64_t> seeds;
  const Status status = Simulate(
      [&](World& world) {
        seeds.push_back(world.seed());
        EXPECT_EQ(world.steps(), 0u);
        return Status::Ok();
      },
      {.first = 3, .count = 4});
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(seeds, (std::vector<std::uint64_t>{3, 4, 5, 6}));
}

TEST(SimulateTest, TheFirstBrokenPromiseNamesItsSeedAndHowToReplayIt) {
  int runs = 0;
  const Status status = Simulate([&](World& world) {
    ++runs;
    world.RunFor(seconds(1));
    return world.seed() == 9 ? Internal("it broke") : Status::Ok();
  });
  EXPECT_EQ(runs, 9);
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_TRUE(status.message().starts_with("it broke [seed 9, after ")) << status.message();
  EXPECT_TRUE(status.message().contains("FLYWHEEL_SEED=9")) << status.message();
}

TEST(SimulateTest, AScenarioThatIsNotAFunctionOfItsSeedIsFound) {
  int calls = 0;
  const Status status = Simulate([&](World& world) {
    world.Note(std::to_string(++calls));
    return Status::Ok();
  });
  EXPECT_TRUE(status.message().contains("different histories")) << status.message();
  EXPECT_TRUE(status.message().contains("seed 16")) << status.message();
}

TEST(SimulateTest, TheWorldIsTheOneThatTheRuntimeIsTestedIn) {
  const Status status = Simulate([](World& world) -> Status {
    SimHost& host = world.AddHost({.name = "sleeper"});
    const auto sleep = []() -> Task<Status> { co_return co_await Sleep(seconds(5)); };
    const Instant before = world.now();
    FW_RETURN_IF_ERROR(world.Run(host, sleep()));
    return world.now() - before >= seconds(5) ? Status::Ok() : Internal("no virtual time has passed");
  });
  EXPECT_TRUE(status.ok()) << status.message();
}

}  // namespace
}  // namespace flywheel::inline v0::testing
