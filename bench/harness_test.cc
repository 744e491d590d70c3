#include "bench/harness.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "bench/allocations.h"
#include "bench/rounds.h"

namespace flywheel::bench {
namespace {

using namespace std::chrono_literals;

// A multiplicative chain: the compiler can neither skip it nor do it in closed form.
std::uint64_t Work64(std::uint64_t operations) {
  std::uint64_t state = 1;
  for (std::uint64_t i = 0; i < operations; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    DoNotOptimize(state);
  }
  return operations;
}

std::uint64_t Allocate(std::uint64_t operations, int times) {
  for (std::uint64_t i = 0; i < operations; ++i) {
    for (int n = 0; n < times; ++n) {
      void* block = std::malloc(24);
      DoNotOptimize(block);
      std::free(block);
    }
  }
  return operations;
}

bool CountsOperations(std::uint64_t operations, std::uint64_t checksum) { return checksum == operations; }

struct Outcome {
  std::vector<Row> rows;
  std::vector<Status> failures;

  [[nodiscard]] std::string error() const { return failures.empty() ? "" : failures.front().ToString(); }
  [[nodiscard]] const Row* Find(std::string_view metric) const {
    const auto row = std::ranges::find(rows, metric, &Row::metric);
    return row == rows.end() ? nullptr : &*row;
  }
};

Outcome Measure(const Comparison& comparison, MeasureOptions options = {.slice = std::chrono::microseconds(200)}) {
  Outcome outcome;
  Bench bench("test.row", options, outcome.rows, outcome.failures);
  bench.Compare(comparison);
  EXPECT_EQ(bench.comparisons(), 1);
  return outcome;
}

TEST(RoundsTest, SidesTakeTurnsSoThatDriftFallsOnAll) {
  using Order = std::vector<std::size_t>;
  EXPECT_EQ(SidesInOrder(0, 2), (Order{0, 1}));
  EXPECT_EQ(SidesInOrder(1, 2), (Order{1, 0}));
  EXPECT_EQ(SidesInOrder(2, 2), (Order{0, 1}));
  EXPECT_EQ(SidesInOrder(0, 3), (Order{0, 1, 2}));
  EXPECT_EQ(SidesInOrder(1, 3), (Order{2, 1, 0}));
  EXPECT_EQ(SidesInOrder(1, 1), (Order{0}));
}

TEST(RoundsTest, MedianOfEvenAndOddCounts) {
  EXPECT_EQ(Median({3}), 3);
  EXPECT_EQ(Median({9, 1, 5}), 5);
  EXPECT_EQ(Median({9, 1, 5, 7}), 6);
}

RC_GTEST_PROP(MedianProperty, HalfOfTheValuesLieOnEachSideWhateverTheOrder, ()) {
  auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<double>>(
      rc::gen::map(rc::gen::inRange(-1000, 1000), [](int number) { return static_cast<double>(number); })));
  const double median = Median(values);
  const auto half = static_cast<std::ptrdiff_t>((values.size() + 1) / 2);
  RC_ASSERT(std::ranges::count_if(values, [&](double value) { return value <= median; }) >= half);
  RC_ASSERT(std::ranges::count_if(values, [&](double value) { return value >= median; }) >= half);
  std::ranges::reverse(values);
  RC_ASSERT(Median(values) == median);
}

TEST(RoundsTest, TheRatioIsTheMedianOverRoundsAndNotTheRatioOfMedians) {
  // The machine becomes ten times slower half-way; in each round ours costs half. Medians of the two columns come from
  // different halves (ours 100, peer 20), so their ratio would be 5.
  const std::vector<Row> rows = MakeRows({"id", "case", "cpu", "ns"}, {{"flywheel", "", {10, 10, 100, 100, 100}},
                                                                       {"peer", "2.0", {20, 20, 20, 200, 200}}});
  ASSERT_EQ(rows.size(), 1U);
  const Row& row = rows.front();
  EXPECT_EQ(row.ours, 100);
  EXPECT_EQ(row.spread, (Spread{10, 100}));
  EXPECT_EQ(row.rounds, 5);
  ASSERT_TRUE(row.peer && row.peer->ratio);
  EXPECT_EQ(row.peer->name, "peer");
  EXPECT_EQ(row.peer->version, "2.0");
  EXPECT_EQ(row.peer->value, 20);
  EXPECT_EQ(*row.peer->ratio, 0.5);
  EXPECT_EQ(row.peer->spread, (Spread{0.5, 5}));
}

TEST(RoundsTest, ARowForEachPeerAndNoRatioAgainstZero) {
  const std::vector<Row> rows =
      MakeRows({"id", "case", "allocs", "calls"}, {{"flywheel", "", {1, 1}}, {"a", "", {0, 0}}, {"b", "", {4, 4}}});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].peer->name, "a");
  EXPECT_FALSE(rows[0].peer->ratio) << "one divided by nothing is not a number to report";
  EXPECT_EQ(rows[1].peer->ratio, 0.25);
}

// Time that passes only where a test says so.
struct VirtualTime {
  Duration wall{};
  Duration cpu{};

  void Pass(Duration time) {
    wall += time;
    cpu += time;
  }
  [[nodiscard]] MeasureOptions Options(int rounds = 9) {
    return {.rounds = rounds,
            .slice = std::chrono::milliseconds(1),
            .clocks = {.wall = [this] { return Instant(wall); },
                       .thread_cpu = [this] { return cpu; },
                       .process_cpu = [this] { return 3 * cpu; }}};
  }
  // A side whose operations take so long.
  [[nodiscard]] Work Taking(Duration time) {
    return [this, time](std::uint64_t operations) {
      Pass(time * static_cast<Duration::rep>(operations));
      return operations;
    };
  }
};

TEST(CompareTest, GivesCpuAndWallTimePerOperation) {
  VirtualTime time;
  Comparison comparison{.scenario = "time",
                        .ours = {.run =
                                     [&](std::uint64_t operations) {
                                       time.wall += 5ns * operations;
                                       return time.Taking(20ns)(operations);
                                     }},
                        .peers = {{.name = "peer", .version = "2.0", .run = time.Taking(80ns)}},
                        .check = CountsOperations};
  const Outcome outcome = Measure(comparison, time.Options());
  ASSERT_EQ(outcome.error(), "");
  const PeerValue peer{.name = "peer", .version = "2.0", .value = 80, .ratio = 0.25, .spread = {0.25, 0.25}};
  EXPECT_EQ(*outcome.Find("cpu"), (Row{.id = "test.row",
                                       .scenario = "time",
                                       .metric = "cpu",
                                       .unit = "ns",
                                       .ours = 20,
                                       .spread = {20, 20},
                                       .rounds = 9,
                                       .peer = peer}));
  EXPECT_EQ(outcome.Find("wall")->ours, 25);

  comparison.billing = Billing::kProcess;
  EXPECT_EQ(Measure(comparison, time.Options()).Find("cpu")->ours, 60) << "the other clock";
}

TEST(CompareTest, TheRealClocksAreTheDefault) {
  const Outcome outcome = Measure({.scenario = "real", .ours = {.run = Work64}, .check = CountsOperations});
  ASSERT_EQ(outcome.error(), "");
  EXPECT_GT(outcome.Find("cpu")->ours, 0.01) << "an operation takes about a nanosecond";
  EXPECT_GT(outcome.Find("wall")->ours, 0.01);
}

TEST(CompareTest, MeasuredRoundsAreAbbaAfterCalibrationAndAWarmUp) {
  VirtualTime time;
  std::string order;
  const auto side = [&](char letter) {
    return [&order, letter, run = time.Taking(1us)](std::uint64_t operations) {
      order += letter;
      return run(operations);
    };
  };
  const Outcome outcome = Measure({.scenario = "order",
                                   .ours = {.run = side('a')},
                                   .peers = {{.name = "b", .run = side('b')}},
                                   .check = CountsOperations},
                                  time.Options(8));
  ASSERT_EQ(outcome.error(), "");
  const std::size_t calibration = order.find_first_of('b');
  EXPECT_GT(calibration, 1U) << "one operation does not fill a slice";
  EXPECT_EQ(order, std::string(calibration, 'a') + std::string(calibration, 'b') + "ab" + "abbaabbaabbaabba");
}

TEST(CompareTest, OperationsGrowUntilTheyFillASliceAndThenStay) {
  VirtualTime time;
  std::vector<std::uint64_t> operations;
  const auto record = [&](std::uint64_t n) {
    operations.push_back(n);
    return time.Taking(100ns)(n);
  };
  const Outcome outcome =
      Measure({.scenario = "grow", .ours = {.run = record}, .check = CountsOperations}, time.Options());
  ASSERT_EQ(outcome.error(), "");
  EXPECT_EQ(operations.front(), 1U);
  EXPECT_TRUE(std::ranges::is_sorted(operations));
  EXPECT_GE(operations.back(), 10'000U) << "100 ns each in a slice of 1 ms";
  EXPECT_LT(operations.back(), 15'000U);
  EXPECT_EQ(std::ranges::count(operations, operations.back()), 1 + 1 + 9) << "calibrated, warmed up, nine rounds";
}

TEST(CompareTest, APauseByANeighbourDoesNotPassForAFullSlice) {
  VirtualTime time;
  std::uint64_t largest = 0;
  const Outcome outcome = Measure({.scenario = "neighbour",
                                   .ours = {.run =
                                                [&](std::uint64_t operations) {
                                                  if (largest == 0) time.wall += 100ms;
                                                  largest = operations;
                                                  return time.Taking(100ns)(operations);
                                                }},
                                   .check = CountsOperations},
                                  time.Options());
  ASSERT_EQ(outcome.error(), "");
  EXPECT_GE(largest, 10'000U);
}

TEST(CompareTest, WorkThatAlwaysWaitsDoesNotGrowForEver) {
  VirtualTime time;
  std::uint64_t largest = 0;
  const Outcome outcome = Measure({.scenario = "waits",
                                   .ours = {.run =
                                                [&](std::uint64_t operations) {
                                                  largest = std::max(largest, operations);
                                                  time.wall += 999us * operations;
                                                  return time.Taking(1us)(operations);
                                                }},
                                   .check = CountsOperations},
                                  time.Options());
  ASSERT_EQ(outcome.error(), "");
  EXPECT_LE(largest, 20U) << "a slice of some milliseconds, not one of a second";
  EXPECT_EQ(outcome.Find("cpu")->ours, 1000);
}

TEST(CompareTest, CountsAllocationsPerOperation) {
  const Outcome outcome = Measure({.scenario = "allocations",
                                   .ours = {.run = [](std::uint64_t n) { return Allocate(n, 1); }},
                                   .peers = {{.name = "twice", .run = [](std::uint64_t n) { return Allocate(n, 2); }}},
                                   .check = CountsOperations});
  ASSERT_EQ(outcome.error(), "");
  const Row* const calls = outcome.Find("allocs");
  const Row* const bytes = outcome.Find("alloc_bytes");
  ASSERT_EQ(calls != nullptr, kCountsAllocations);
  ASSERT_EQ(bytes != nullptr, kCountsAllocations);
  if (calls == nullptr) return;
  EXPECT_EQ(calls->ours, 1);
  EXPECT_EQ(calls->peer->value, 2);
  EXPECT_EQ(calls->peer->ratio, 0.5);
  EXPECT_EQ(bytes->ours, 24);
  EXPECT_EQ(bytes->peer->value, 48);
}

TEST(CompareTest, BillsOtherThreadsOnlyWhereAsked) {
  const auto elsewhere = [](std::uint64_t operations) {
    std::thread([=] { Allocate(operations, 1); }).join();
    return operations;
  };
  Comparison comparison{.scenario = "billing", .ours = {.run = elsewhere}, .check = CountsOperations, .batch = 10'000};
  const Outcome thread = Measure(comparison);
  comparison.billing = Billing::kProcess;
  const Outcome process = Measure(comparison);
  ASSERT_EQ(thread.error() + process.error(), "");
  EXPECT_GT(process.Find("cpu")->ours, thread.Find("cpu")->ours);
  if (!kCountsAllocations) return;
  EXPECT_LT(thread.Find("allocs")->ours, 0.01) << "starting the thread, shared by ten thousand operations";
  EXPECT_NEAR(process.Find("allocs")->ours, 1, 0.01);
}

TEST(CompareTest, OperationsComeInWholeBatches) {
  bool whole = true;
  const Outcome outcome = Measure({.scenario = "batch",
                                   .ours = {.run =
                                                [&](std::uint64_t operations) {
                                                  whole = whole && operations > 0 && operations % 64 == 0;
                                                  return Work64(operations);
                                                }},
                                   .check = CountsOperations,
                                   .batch = 64});
  ASSERT_EQ(outcome.error(), "");
  EXPECT_TRUE(whole);
}

TEST(CompareTest, ASideThatDoesNotDoTheWorkGivesAnErrorAndNoRow) {
  const Work lazy = [](std::uint64_t operations) {
    Work64(operations);
    return operations / 2;
  };
  for (const bool ours_is_lazy : {true, false}) {
    const Outcome outcome = Measure({.scenario = "lazy",
                                     .ours = {.run = ours_is_lazy ? lazy : Work64},
                                     .peers = {{.name = "peer", .run = ours_is_lazy ? Work64 : lazy}},
                                     .check = CountsOperations});
    EXPECT_TRUE(outcome.rows.empty());
    EXPECT_TRUE(outcome.error().contains(ours_is_lazy ? "flywheel did not do the work" : "peer did not do the work"))
        << outcome.error();
  }
}

TEST(CompareTest, ASideThatStopsWorkingHalfWayGivesAnErrorAndNoRow) {
  VirtualTime time;
  int slices = 0;
  const Outcome outcome =
      Measure({.scenario = "tired",
               .ours = {.run = [&](std::uint64_t n) { return ++slices < 12 ? time.Taking(1us)(n) : 0; }},
               .check = CountsOperations},
              time.Options(20));
  EXPECT_EQ(slices, 12);
  EXPECT_TRUE(outcome.rows.empty());
  EXPECT_TRUE(outcome.error().contains("did not do the work")) << outcome.error();
}

TEST(CompareTest, WorkThatTakesNoTimeIsAnError) {
  VirtualTime time;
  const Outcome outcome =
      Measure({.scenario = "elided", .ours = {.run = time.Taking(0ns)}, .check = CountsOperations}, time.Options());
  EXPECT_TRUE(outcome.rows.empty());
  EXPECT_TRUE(outcome.error().contains("removed the work")) << outcome.error();
}

TEST(CompareTest, RefusesAComparisonThatProvesNothing) {
  const Comparison good{.scenario = "s", .ours = {.run = Work64}, .check = CountsOperations};
  Comparison unchecked = good;
  unchecked.check = nullptr;
  EXPECT_TRUE(Measure(unchecked).error().contains("no check"));
  Comparison unnamed = good;
  unnamed.scenario = "two words";
  EXPECT_TRUE(Measure(unnamed).error().contains("blanks"));
  Comparison nothing = good;
  nothing.peers = {{.name = "peer"}};
  EXPECT_TRUE(Measure(nothing).error().contains("nothing to run"));
  Comparison empty = good;
  empty.batch = 0;
  EXPECT_TRUE(Measure(empty).error().contains("batch of 0"));
  EXPECT_TRUE(Measure(good, {.rounds = kMinRounds - 1}).error().contains("6 rounds"));
}

TEST(CompareTest, OnlyCheckRunsEachSideOnceAndMeasuresNothing) {
  std::vector<std::uint64_t> runs;
  const auto side = [&](std::uint64_t operations) {
    runs.push_back(operations);
    return operations;
  };
  const Comparison comparison{.scenario = "s",
                              .ours = {.run = side},
                              .peers = {{.name = "p", .run = side}},
                              .check = CountsOperations,
                              .batch = 5};
  const Outcome outcome = Measure(comparison, {.only_check = true});
  EXPECT_EQ(outcome.error(), "");
  EXPECT_TRUE(outcome.rows.empty());
  EXPECT_EQ(runs, (std::vector<std::uint64_t>{5, 5}));
}

TEST(BackgroundTest, GoesOnBesideItsOwnSideOnlyAndIsNotBilledToTheThread) {
  VirtualTime time;
  std::atomic<int> steps = 0;
  int steps_beside_peer = 0;
  const Side beside{.run =
                        [&](std::uint64_t operations) {
                          const int before = steps;
                          while (steps < before + 3) Work64(100);  // would not end without the background
                          return time.Taking(1us)(operations);
                        },
                    .background = {.period = 100us, .step = [&] {
                                     Allocate(100, 1);
                                     ++steps;
                                   }}};
  const Side alone{.name = "alone", .run = [&](std::uint64_t operations) {
                     const int before = steps;
                     Work64(100'000);
                     steps_beside_peer += steps - before;
                     return time.Taking(1us)(operations);
                   }};
  const Outcome outcome =
      Measure({.scenario = "beside", .ours = beside, .peers = {alone}, .check = CountsOperations}, time.Options());
  ASSERT_EQ(outcome.error(), "");
  EXPECT_GT(steps, 9 * 3);
  EXPECT_EQ(steps_beside_peer, 0);
  if (kCountsAllocations) {
    EXPECT_EQ(outcome.Find("allocs")->ours, 0);
  }
}

TEST(BackgroundTest, ABackgroundThatCannotKeepUpIsAnError) {
  VirtualTime time;
  const Outcome outcome = Measure({.scenario = "starved",
                                   .ours = {.run = time.Taking(1us), .background = {.period = 1ns, .step = [] {}}},
                                   .check = CountsOperations},
                                  time.Options());
  EXPECT_TRUE(outcome.rows.empty());
  EXPECT_TRUE(outcome.error().contains("background got")) << outcome.error();
}

}  // namespace
}  // namespace flywheel::bench
