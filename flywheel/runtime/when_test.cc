#include "flywheel/runtime/when.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;
using namespace std::chrono_literals;

template <typename T>
Task<T> After(Duration length, T value, int* ended = nullptr) {
  (co_await Sleep(length)).IgnoreError();
  if (ended != nullptr) ++*ended;
  co_return value;
}
Task<void> Pause(Duration length, int* ended = nullptr) {
  (co_await Sleep(length)).IgnoreError();
  if (ended != nullptr) ++*ended;
}
Task<int> ThrowAfter(Duration length, std::string what) {
  (co_await Sleep(length)).IgnoreError();
  throw std::runtime_error(what);
}

TEST(WhenAllTest, RunsAtOnceAndKeepsTheOrder) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    const Instant before = Loop::current()->now();
    const auto [number, text, nothing, owned] = co_await WhenAll(After(3ms, 1), After(2ms, std::string("two")),
                                                                 Pause(1ms), After(1ms, std::make_unique<int>(4)));
    EXPECT_EQ(number, 1);
    EXPECT_EQ(text, "two");
    EXPECT_EQ(nothing, std::monostate());
    EXPECT_EQ(*owned, 4);
    EXPECT_LT(Loop::current()->now() - before, 4ms);
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 10; ++i) tasks.push_back(After((10 - i) * 1ms, i));
    EXPECT_EQ(co_await WhenAll(std::move(tasks)), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
    EXPECT_TRUE((co_await WhenAll(std::vector<Task<int>>())).empty());
    EXPECT_EQ(co_await WhenAll(), std::tuple<>());
  };
  sim.Run(test());
}

TEST(WhenAllTest, ExceptionIsRethrownWhenAllHaveEnded) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    int ended = 0;
    bool caught = false;
    try {
      (void)co_await WhenAll(Pause(5ms, &ended), ThrowAfter(1ms, "one"), Pause(9ms, &ended));
    } catch (const std::runtime_error& error) {
      caught = std::string(error.what()) == "one";
    }
    EXPECT_TRUE(caught);
    EXPECT_EQ(ended, 2);
    caught = false;
    std::vector<Task<int>> tasks;
    tasks.push_back(After(5ms, 1, &ended));
    tasks.push_back(ThrowAfter(1ms, "two"));
    try {
      (void)co_await WhenAll(std::move(tasks));
    } catch (const std::runtime_error& error) {
      caught = std::string(error.what()) == "two";
    }
    EXPECT_TRUE(caught);
    EXPECT_EQ(ended, 3);
  };
  sim.Run(test());
  EXPECT_TRUE(sim.host.reports().empty());  // the caller gets it, so nobody else needs to know
}

TEST(WhenAllTest, CancellationReachesAll) {
  OneHost sim;
  const auto sleep = []() -> Task<Status> { co_return co_await Sleep(1h); };
  const auto both = [sleep]() { return WhenAll(sleep(), sleep()); };
  const auto [a, b] = sim.Run(Timeout(1ms, both()));
  EXPECT_EQ(a.code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(b.code(), StatusCode::kDeadlineExceeded);
}

TEST(WhenAnyTest, FirstWinsAndTheOthersAreCancelledAndAwaited) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    int ended = 0;
    const Instant before = Loop::current()->now();
    const auto result = co_await WhenAny(Pause(1h, &ended), After(1ms, 7, &ended), After(1h, std::string(), &ended));
    EXPECT_EQ(result.index(), 1u);
    EXPECT_EQ(std::get<1>(result), 7);
    EXPECT_EQ(ended, 3);
    EXPECT_LT(Loop::current()->now() - before, 2ms);
    EXPECT_FALSE(Context::current().cancelled());
    // Equal types are told apart by their index.
    const auto same = co_await WhenAny(After(2ms, 1), After(1ms, 2));
    EXPECT_EQ(same.index(), 1u);
    EXPECT_EQ(std::get<1>(same), 2);
    std::vector<Task<std::unique_ptr<int>>> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(After(i == 3 ? 1ms : 1h, std::make_unique<int>(i)));
    const auto any = co_await WhenAny(std::move(tasks));
    EXPECT_EQ(any.index, 3u);
    EXPECT_EQ(*any.value, 3);
    std::vector<Task<void>> pauses;
    pauses.push_back(Pause(1ms));
    EXPECT_EQ((co_await WhenAny(std::move(pauses))).index, 0u);
  };
  sim.Run(test());
}

TEST(WhenAnyTest, OfTwoThatEndAtOnceTheFirstCounts) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    const auto result = co_await WhenAny(After(0ms, 1), After(0ms, 2));
    EXPECT_EQ(result.index(), 0u);
  };
  sim.Run(test());
}

TEST(WhenAnyTest, ExceptionOfTheFirstIsRethrownAndThatOfALoserDropped) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    bool caught = false;
    try {
      (void)co_await WhenAny(ThrowAfter(1ms, "first"), After(1h, 1));
    } catch (const std::runtime_error&) {
      caught = true;
    }
    EXPECT_TRUE(caught);
    const auto result = co_await WhenAny(ThrowAfter(1h, "loser"), After(1ms, 1));
    EXPECT_EQ(std::get<1>(result), 1);
  };
  sim.Run(test());
}

TEST(WhenAnyTest, LoserThatTakesItsTimeIsWaitedFor) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    bool cleaned = false;
    const auto careful = [](bool& flag) -> Task<void> {
      (co_await Sleep(1h)).IgnoreError();
      const auto clean_up = []() -> Task<void> { EXPECT_EQ(co_await Sleep(20ms), Status::Ok()); };
      co_await Shielded(1s, clean_up());
      flag = true;
    };
    (void)co_await WhenAny(careful(cleaned), Pause(1ms));
    EXPECT_TRUE(cleaned);
  };
  sim.Run(test());
}

TEST(WhenAnyDeathTest, OfNothingWouldNeverEnd) {
  EXPECT_DEATH(OneHost().Run(WhenAny(std::vector<Task<int>>())), "WhenAny of no task would never end");
}

}  // namespace
}  // namespace flywheel::inline v0
