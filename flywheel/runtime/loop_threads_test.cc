// Real loops on real threads: what other threads post, what wakes a loop that waits, and who notices one that hangs.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "flywheel/base/snapshot.h"
#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/runtime.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0 {
namespace {

using internal::ReportLog;
using namespace std::chrono_literals;

std::unique_ptr<Runtime> Loops(int count) { return *Runtime::Create({.name = "test", .loops = count}); }

std::unique_ptr<Runtime> Watched(ReportLog& log, Duration after) {
  Host::Parts parts = Host::SystemParts("test");
  parts.reports = log.Sink();
  return *Runtime::Create({.name = "test", .loops = 1, .watchdog_after = after}, std::move(parts));
}

void Signal(std::atomic<bool>& flag) {
  flag.store(true, std::memory_order_release);
  flag.notify_all();
}
void Await(const std::atomic<bool>& flag) { flag.wait(false, std::memory_order_acquire); }

TEST(LoopThreadsTest, PostsOfEachProducerStayInOrder) {
  constexpr int kProducers = 4;
  constexpr int kPosts = 10'000;
  const auto runtime = Loops(1);
  Loop& loop = runtime->loop(0);
  std::array<int, kProducers> last{};  // written on the loop only
  int disorder = 0;
  int arrived = 0;
  std::atomic<bool> done = false;
  std::vector<std::thread> producers;
  for (std::size_t producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&, producer] {
      for (int i = 1; i <= kPosts; ++i) {
        loop.Post([&, producer, i] {
          if (last[producer] != i - 1) ++disorder;
          last[producer] = i;
          if (++arrived == kProducers * kPosts) Signal(done);
        });
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  Await(done);
  EXPECT_EQ(disorder, 0);
  EXPECT_EQ(loop.stats().posts, static_cast<std::uint64_t>(kProducers) * kPosts);
}

TEST(LoopThreadsTest, BurstCostsOneWakeUp) {
  const auto runtime = Loops(1);
  Loop& loop = runtime->loop(0);
  std::atomic<bool> blocked = false;
  std::atomic<bool> release = false;
  loop.Post([&] {
    Signal(blocked);
    Await(release);
  });
  Await(blocked);
  const std::uint64_t before = loop.stats().wakeups;
  std::atomic<bool> done = false;
  for (int i = 0; i < 10'000; ++i) loop.Post([] {});
  loop.Post([&] { Signal(done); });
  Signal(release);
  Await(done);
  EXPECT_EQ(loop.stats().wakeups, before);  // it was awake all the time
  EXPECT_LE(before, 2u);
}

TEST(LoopThreadsTest, NoWakeUpIsLostBetweenTwoLoops) {
  const auto runtime = Loops(2);
  struct PingPong {
    void Hit(Loop& to, Loop& back) {
      if (--left == 0) return Signal(done);
      // Now and then for so long that the other loop gives up looking out, at any moment of its going to sleep.
      for (std::uint64_t pause = random.Below(std::uint64_t{8} * Loop::kSpinsMax) / 4; pause != 0; --pause)
        __builtin_ia32_pause();
      to.Post([this, &to, &back] { Hit(back, to); });
    }
    int left = 10'000;
    Random random{7};
    std::atomic<bool> done = false;
  } game;
  runtime->loop(0).Post([&] { game.Hit(runtime->loop(1), runtime->loop(0)); });
  Await(game.done);
  EXPECT_GT(runtime->loop(1).stats().wakeups, 0u);
}

TEST(LoopThreadsTest, TimersFireOnTimeOnARealLoop) {
  const auto runtime = Loops(1);
  const auto test = [](Clock& clock) -> Task<void> {
    for (const Duration length : {Duration(1us), Duration(300us), Duration(5ms), Duration(30ms)}) {
      const Instant before = clock.Now();
      EXPECT_EQ(co_await Sleep(length), Status::Ok());
      EXPECT_GE(clock.Now() - before, length - 1ms);  // counted from the beginning of the turn
    }
  };
  EXPECT_EQ(runtime->BlockOn(test(runtime->host().clock())), Status::Ok());
}

TEST(WatchdogTest, ReportsAStuckTurnWithTheSpawnSiteWhileItLasts) {
  ReportLog log;
  const auto runtime = Watched(log, 20ms);
  const auto hang = [](ReportLog& reports) -> Task<std::string> {
    co_return reports.Await(ReportKind::kLongTurn, "has not turned for").text;
  };
  const auto line = std::source_location::current().line() + 1;
  const std::string text = *runtime->BlockOn(hang(log));
  EXPECT_TRUE(text.starts_with("loop loop-0 has not turned for ")) << text;
  EXPECT_TRUE(text.contains("loop_threads_test.cc:" + std::to_string(line))) << text;
  EXPECT_TRUE(text.ends_with("move blocking work to Offload")) << text;
}

TEST(WatchdogTest, SaysItAgainOnlyWhenTheTimeHasDoubled) {
  ReportLog log;
  const auto runtime = Watched(log, 10ms);
  const auto hang = [](ReportLog& reports, Clock& clock) -> Task<Duration> {
    const Instant begin = clock.Now();
    reports.AwaitMany(ReportKind::kLongTurn, 4);
    co_return clock.Now() - begin;
  };
  const Duration took = *runtime->BlockOn(hang(log, runtime->host().clock()));
  EXPECT_GE(took, 8 * 10ms);  // 1, 2, 4 and 8 times the limit
}

TEST(WatchdogTest, LeavesAWaitingLoopAlone) {
  ReportLog log;
  const auto runtime = Watched(log, 1ms);
  const auto sleep = []() -> Task<void> { EXPECT_EQ(co_await Sleep(120ms), Status::Ok()); };
  EXPECT_EQ(runtime->BlockOn(sleep()), Status::Ok());
  for (const auto& entry : log.entries()) EXPECT_FALSE(entry.text.contains("has not turned")) << entry.text;
}

TEST(WatchdogTest, ReportsALoopThatKeepsRetiredValues) {
  struct Large {
    [[nodiscard]] static std::size_t MemoryBytes() { return std::size_t{64} << 20; }
  };
  ReportLog log;
  const auto runtime = Watched(log, 1h);
  {
    Snapshot<Large> snapshot(runtime->host().quiescent(), Large{});
    const auto hold = [](Snapshot<Large>& from, ReportLog& reports) -> Task<std::string> {
      [[maybe_unused]] const auto borrowed = from.Read();
      std::thread([&from] {
        from.Publish(Large{});
        from.Publish(Large{});
      }).join();
      co_return reports.Await(ReportKind::kStalledReader).text;
    };
    const std::string text = *runtime->BlockOn(hold(snapshot, log));
    EXPECT_TRUE(text.contains("loop-0")) << text;
  }
}

TEST(WatchdogTest, EndOfALongTurnIsReportedByTheLoop) {
  ReportLog log;
  const auto runtime = Watched(log, 1h);
  const auto busy = [](Clock& clock) -> Task<void> {
    const Instant until = clock.Now() + Loop::kLongTurn;
    while (clock.Now() < until) continue;
    co_return;
  };
  EXPECT_EQ(runtime->BlockOn(busy(runtime->host().clock())), Status::Ok());
  const auto text = log.Await(ReportKind::kLongTurn).text;
  EXPECT_TRUE(text.contains("a turn took")) << text;
  EXPECT_TRUE(text.contains("loop_threads_test.cc:")) << text;
}

}  // namespace
}  // namespace flywheel::inline v0
