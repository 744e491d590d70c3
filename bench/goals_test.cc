#include "bench/goals.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "bench/report.h"

namespace flywheel::bench {
namespace {

Row MakeRow(std::string id, double ours, std::optional<PeerValue> peer = std::nullopt) {
  return {.id = std::move(id),
          .scenario = "c",
          .metric = "cpu",
          .unit = "ns",
          .ours = ours,
          .spread = {},
          .rounds = 9,
          .peer = std::move(peer)};
}

PeerValue Peer(std::string name, double ratio) {
  return {.name = std::move(name), .version = "1", .value = 1, .ratio = ratio, .spread = {}};
}

Outcome OnlyOutcome(std::string_view goal, const Row& row) {
  const StatusOr<Goals> goals = Goals::Parse(goal, "goals");
  EXPECT_TRUE(goals.ok()) << goals.status().ToString();
  const std::vector<Verdict> verdicts = goals->Judge(row);
  EXPECT_EQ(verdicts.size(), 1U) << goal;
  return verdicts.empty() ? Outcome::kMissed : verdicts.front().outcome;
}

std::size_t Applying(std::string_view goal, const Row& row) {
  const StatusOr<Goals> goals = Goals::Parse(goal, "goals");
  EXPECT_TRUE(goals.ok()) << goals.status().ToString();
  return goals->Judge(row).size();
}

TEST(BoundTest, ReadsNumbersFractionsAndUnits) {
  const Bound half = Bound::Parse("<=1/2").value();
  EXPECT_TRUE(half.at_most);
  EXPECT_DOUBLE_EQ(half.value, 0.5);
  EXPECT_EQ(half.unit, "");
  const Bound triple = Bound::Parse(">=3x").value();
  EXPECT_FALSE(triple.at_most);
  EXPECT_DOUBLE_EQ(triple.value, 3);
  EXPECT_EQ(triple.unit, "") << "x is how a ratio is said";
  const Bound time = Bound::Parse("<=2.5ns").value();
  EXPECT_DOUBLE_EQ(time.value, 2.5);
  EXPECT_EQ(time.unit, "ns");
}

TEST(BoundTest, RefusesWhatItCannotMean) {
  for (const char* bad : {"", "25ns", "<25ns", "<=", "<=ns", "<=-1", "<=nan", "<=1/0", "<=1/", "<=1e3ns", "<=25 ns"}) {
    EXPECT_FALSE(Bound::Parse(bad).ok()) << bad;
  }
}

TEST(BoundTest, TheLimitItselfHolds) {
  EXPECT_TRUE(Bound::Parse("<=25ns")->Holds(25));
  EXPECT_FALSE(Bound::Parse("<=25ns")->Holds(25.01));
  EXPECT_TRUE(Bound::Parse(">=3x")->Holds(3));
  EXPECT_FALSE(Bound::Parse(">=3x")->Holds(2.99));
}

RC_GTEST_PROP(BoundProperty, ReadsWhatItWouldWriteAndNothingWithAnyCharacterMore, ()) {
  const int hundredths = *rc::gen::inRange(0, 10'000'000);
  const bool at_most = *rc::gen::arbitrary<bool>();
  const auto unit = *rc::gen::element<std::string>("", "ns", "us", "calls", "B", "B/s");
  const std::string number =
      std::to_string(hundredths / 100) + "." + std::to_string(hundredths % 100 / 10) + std::to_string(hundredths % 10);
  const std::string text = (at_most ? "<=" : ">=") + number + unit;
  const StatusOr<Bound> bound = Bound::Parse(text);
  RC_ASSERT(bound.ok());
  RC_ASSERT(bound->at_most == at_most);
  RC_ASSERT(bound->unit == unit);
  RC_ASSERT(std::abs(bound->value - hundredths / 100.0) < 1e-9);
  const auto extra = *rc::gen::element(' ', '-', '+', ';', '\t', '%');
  const auto at = *rc::gen::inRange<std::size_t>(0, text.size() + 1);
  std::string broken = text;
  broken.insert(at, 1, extra);
  RC_ASSERT(!Bound::Parse(broken).ok());
}

TEST(GoalsTest, JudgesOursAgainstMustAndAim) {
  constexpr const char* kGoal = "runtime.await * cpu ours <=25ns <=15ns";
  EXPECT_EQ(OnlyOutcome(kGoal, MakeRow("runtime.await", 30)), Outcome::kMissed);
  EXPECT_EQ(OnlyOutcome(kGoal, MakeRow("runtime.await", 25)), Outcome::kMet);
  EXPECT_EQ(OnlyOutcome(kGoal, MakeRow("runtime.await", 15)), Outcome::kAimReached);
}

TEST(GoalsTest, ARatioCanBeAskedForInEitherDirection) {
  // ours/peer = 0.25: a quarter, that is four times cheaper.
  const Row row = MakeRow("runtime.spawn", 100, Peer("asio", 0.25));
  EXPECT_EQ(OnlyOutcome("runtime.spawn * cpu asio/ours >=4x >=10x", row), Outcome::kMet);
  EXPECT_EQ(OnlyOutcome("runtime.spawn * cpu asio/ours >=5x -", row), Outcome::kMissed);
  EXPECT_EQ(OnlyOutcome("runtime.spawn * cpu ours/asio <=1/2 <=1/4", row), Outcome::kAimReached);
  EXPECT_EQ(OnlyOutcome("runtime.spawn * cpu ours/asio <=1/5 -", row), Outcome::kMissed);
}

TEST(GoalsTest, AppliesOnlyToTheRowItNames) {
  const Row row = MakeRow("echo.cpu", 5000, Peer("raw_epoll", 1.05));
  EXPECT_EQ(Applying("echo.cpu * cpu ours/raw_epoll <=1.1 -", row), 1U);
  EXPECT_EQ(Applying("echo.cpu c cpu ours/raw_epoll <=1.1 -", row), 1U);
  EXPECT_EQ(Applying("echo.cpu d cpu ours/raw_epoll <=1.1 -", row), 0U) << "another case";
  EXPECT_EQ(Applying("echo.cpu * wall ours/raw_epoll <=1.1 -", row), 0U) << "another metric";
  EXPECT_EQ(Applying("echo.cpu * cpu ours/asio <=1.1 -", row), 0U) << "another peer";
  EXPECT_EQ(Applying("echo * cpu ours/raw_epoll <=1.1 -", row), 0U) << "an id is matched whole";
  EXPECT_EQ(Applying("echo.cpu * cpu ours/raw_epoll <=1.1 -", MakeRow("echo.cpu", 5000)), 0U) << "no peer was measured";
}

TEST(GoalsTest, AGoalInAnotherUnitThanTheRowSaysSoInsteadOfComparing) {
  EXPECT_EQ(OnlyOutcome("runtime.await * cpu ours <=25us -", MakeRow("runtime.await", 1)), Outcome::kWrongUnit);
  EXPECT_EQ(OnlyOutcome("runtime.await * cpu ours <=25 -", MakeRow("runtime.await", 1)), Outcome::kWrongUnit);
  EXPECT_EQ(OnlyOutcome("runtime.await * cpu ours/a <=2ns -", MakeRow("runtime.await", 1, Peer("a", 1))),
            Outcome::kWrongUnit);
}

TEST(GoalsTest, AMalformedLineIsAnErrorThatNamesIt) {
  const auto error = [](std::string_view text) {
    const StatusOr<Goals> goals = Goals::Parse(text, "goals.txt");
    return goals.ok() ? "" : std::string(goals.status().message());
  };
  EXPECT_TRUE(error("# only\n\n  # comments\n").empty());
  EXPECT_TRUE(error("\nid * cpu ours <=1ns\n").starts_with("goals.txt:2: ")) << "a column is missing";
  EXPECT_TRUE(error("id * cpu ours <=1ns - -").contains("after the 6 columns"));
  for (const char* subject : {"theirs", "a/b", "ours/", "/ours", "ours/ours", "ours/a/b"}) {
    EXPECT_TRUE(error("id * cpu " + std::string(subject) + " <=1 -").contains("subject")) << subject;
  }
  EXPECT_TRUE(error("id * cpu ours <=1ns <=2ns").contains("stricter")) << "an aim that is easier than the must";
  EXPECT_TRUE(error("id * cpu ours <=2ns >=1ns").contains("stricter")) << "an aim in the other direction";
  EXPECT_TRUE(error("id * cpu ours <=2ns <=1us").contains("stricter")) << "an aim in another unit";
  EXPECT_TRUE(error("id * cpu ours <=1ns -\nid * cpu ours <=2ns -").contains("twice"));
}

TEST(GoalsTest, AMissingFileIsNotAnEmptyListOfGoals) {
  const StatusOr<Goals> goals = Goals::Load("no/such/goals.txt");
  ASSERT_FALSE(goals.ok());
  EXPECT_TRUE(goals.status().message().contains("no/such/goals.txt"));
}

TEST(VerdictTest, SaysWhatWasMeasuredAndHowItStands) {
  const Goals goals = Goals::Parse("a * cpu ours <=25ns <=15ns\nb * cpu ours/p <=1.1x -", "goals").value();
  EXPECT_EQ(goals.Judge(MakeRow("a", 12)).at(0).ToString(), "ours 12.0ns: must <=25ns met, aim <=15ns REACHED");
  EXPECT_EQ(goals.Judge(MakeRow("a", 20)).at(0).ToString(), "ours 20.0ns: must <=25ns met, aim <=15ns not yet");
  EXPECT_EQ(goals.Judge(MakeRow("a", 30)).at(0).ToString(), "ours 30.0ns: must <=25ns MISSED");
  EXPECT_EQ(goals.Judge(MakeRow("b", 1, Peer("p", 1.05))).at(0).ToString(), "ours/p 1.05: must <=1.1x met");
}

}  // namespace
}  // namespace flywheel::bench
