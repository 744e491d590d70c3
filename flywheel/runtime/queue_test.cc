#include "flywheel/runtime/queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;
using namespace std::chrono_literals;

Task<Status> Push(Queue<int>& queue, int value) { co_return co_await queue.Push(value); }
Task<Status> PopInto(Queue<int>& queue, std::vector<int>& out) {
  const auto value = co_await queue.Pop();
  if (value.ok()) out.push_back(*value);
  co_return value.status();
}

TEST(QueueTest, KeepsOrderAndBound) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Queue<int> queue(3);
    EXPECT_EQ(queue.capacity(), 3u);
    std::vector<int> pushed;
    const auto produce = [](Queue<int>& to, std::vector<int>& done) -> Task<void> {
      for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(co_await to.Push(i), Status::Ok());
        done.push_back(i);
      }
      to.Close();
    };
    TaskGroup group;
    group.Spawn(produce(queue, pushed));
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    EXPECT_EQ(pushed.size(), 3u);  // the fourth waits
    EXPECT_EQ(queue.size(), 3u);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(*co_await queue.Pop(), i);
    EXPECT_EQ((co_await queue.Pop()).status(), Unavailable("queue is closed"));
    EXPECT_EQ(co_await group.Join(), Status::Ok());
  };
  sim.Run(test());
}

TEST(QueueTest, ValuesGoToWaitersInTheirOrder) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Queue<int> queue(1);
    std::vector<int> a;
    std::vector<int> b;
    TaskGroup group;
    group.Spawn(PopInto(queue, a));
    group.Spawn(PopInto(queue, b));
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    int value = 1;
    EXPECT_TRUE(queue.TryPush(value));
    value = 2;
    EXPECT_TRUE(queue.TryPush(value));
    value = 3;
    EXPECT_TRUE(queue.TryPush(value));  // the first two were handed over
    value = 4;
    EXPECT_FALSE(queue.TryPush(value));
    EXPECT_EQ(value, 4);
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(a, (std::vector<int>{1}));
    EXPECT_EQ(b, (std::vector<int>{2}));
    EXPECT_EQ(queue.TryPop(), 3);
    EXPECT_EQ(queue.TryPop(), std::nullopt);
  };
  sim.Run(test());
}

TEST(QueueTest, CloseLetsOutWhatIsInsideAndNothingIn) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Queue<int> queue(2);
    EXPECT_EQ(co_await queue.Push(1), Status::Ok());
    EXPECT_EQ(co_await queue.Push(2), Status::Ok());
    Status waiting = Internal("never ended");
    const auto push = [](Queue<int>& to, Status& out) -> Task<void> { out = co_await to.Push(3); };
    TaskGroup group;
    group.Spawn(push(queue, waiting));
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    queue.Close();
    queue.Close();
    EXPECT_TRUE(queue.closed());
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(waiting, Unavailable("queue is closed"));
    EXPECT_EQ(co_await queue.Push(4), Unavailable("queue is closed"));
    int value = 5;
    EXPECT_FALSE(queue.TryPush(value));
    EXPECT_EQ(*co_await queue.Pop(), 1);
    EXPECT_EQ(*co_await queue.Pop(), 2);
    EXPECT_EQ((co_await queue.Pop()).status(), Unavailable("queue is closed"));
  };
  sim.Run(test());
}

TEST(QueueTest, CloseWakesWhoWaitsForValues) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Queue<std::unique_ptr<int>> queue(1);
    const auto pop = [](Queue<std::unique_ptr<int>>& from) -> Task<Status> {
      co_return (co_await from.Pop()).status();
    };
    TaskGroup group;
    group.Spawn(pop(queue));
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    queue.Close();
    EXPECT_EQ(co_await group.Join(), Unavailable("queue is closed"));
  };
  sim.Run(test());
}

TEST(QueueTest, CancelledPopTakesNothingAndCancelledPushLeavesNothing) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Queue<int> queue(1);
    std::vector<int> none;
    EXPECT_EQ((co_await Timeout(1ms, PopInto(queue, none))).code(), StatusCode::kDeadlineExceeded);
    EXPECT_EQ(co_await queue.Push(1), Status::Ok());
    EXPECT_EQ((co_await Timeout(1ms, Push(queue, 2))).code(), StatusCode::kDeadlineExceeded);
    EXPECT_EQ(*co_await queue.Pop(), 1);
    EXPECT_EQ(queue.size(), 0u);
    EXPECT_TRUE(none.empty());
  };
  sim.Run(test());
}

// Handed over and cancelled in one turn: the popper has the value.
TEST(QueueTest, ValueHandedOverBeforeTheCancelIsNotLost) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    Queue<int> queue(1);
    std::vector<int> got;
    TaskGroup group;
    group.Spawn(PopInto(queue, got));
    group.Spawn(PopInto(queue, got));
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    int value = 1;
    EXPECT_TRUE(queue.TryPush(value));
    group.Cancel(Aborted("over"));
    value = 2;
    EXPECT_TRUE(queue.TryPush(value));  // nobody waits any more: it stays inside
    EXPECT_EQ(co_await group.Join(), Aborted("over"));
    EXPECT_EQ(got, (std::vector<int>{1}));
    EXPECT_EQ(queue.size(), 1u);
  };
  sim.Run(test());
}

// Producers and consumers under random cancellation and a random Close: every value whose Push was OK comes out
// exactly once, in the order of the pushes as far as one consumer can tell, and every other one never.
class Traffic {
 public:
  explicit Traffic(std::uint64_t seed) : random_(seed), queue_(1 + random_.Below(4)), closes_(random_.Chance(0.5)) {}

  Task<void> Run() {
    TaskGroup group;
    for (std::size_t i = 0; i < kProducers; ++i) group.Spawn(Produce());
    for (int i = 0; i < 3; ++i) group.Spawn(Consume());
    if (closes_) {
      (co_await Sleep(Micros(20'000))).IgnoreError();
      queue_.Close();
    }
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    Seen seen;
    while (const auto value = queue_.TryPop()) Note(*value, seen);
    Check(accepted_.empty(), "a value was lost");
  }

  std::string broken;
  int accepted = 0;
  int refused = 0;
  int cancelled_pops = 0;

 private:
  static constexpr int kPerProducer = 1000;
  static constexpr std::size_t kProducers = 4;

  // The newest value of each producer.
  using Seen = std::array<std::optional<int>, kProducers>;

  Duration Micros(std::uint64_t most) { return std::chrono::microseconds(random_.Below(most)); }
  void Check(bool condition, const char* what) {
    if (!condition && broken.empty()) broken = what;
  }
  // A value has come out.
  void Note(int value, Seen& seen) {
    // A push may be accepted and its value taken before the pusher itself has gone on.
    const auto found = std::ranges::find(accepted_, value);
    if (found == accepted_.end()) {
      early_.push_back(value);
    } else {
      accepted_.erase(found);
    }
    std::optional<int>& last = seen[static_cast<std::size_t>(value / kPerProducer)];
    Check(!last.has_value() || *last < value, "values of one producer changed their order");
    last = value;
  }
  ContextOptions Impatience(double chance) {
    return {.deadline = random_.Chance(chance) ? Loop::current()->now() + Micros(500) : kNever};
  }

  Task<void> Produce() {
    const int first = kPerProducer * producers_++;
    for (int i = 0; i < 30; ++i) {
      const ContextScope scope(Context::current().Child(Impatience(0.3)));
      const Status status = co_await queue_.Push(first + i);
      Check(queue_.size() <= queue_.capacity(), "the queue is over its bound");
      if (status.ok()) {
        ++accepted;
        const auto taken = std::ranges::find(early_, first + i);
        if (taken == early_.end()) {
          accepted_.push_back(first + i);
        } else {
          early_.erase(taken);
        }
      } else {
        ++refused;
        Check(std::ranges::find(early_, first + i) == early_.end(), "a refused value came out");
        Check(status.code() == StatusCode::kDeadlineExceeded || queue_.closed(), "refused without a reason");
      }
      if (random_.Chance(0.3)) (co_await Sleep(Micros(300))).IgnoreError();
    }
    if (--running_ == 0 && !closes_) queue_.Close();
  }

  Task<void> Consume() {
    Seen seen;
    for (;;) {
      {
        const ContextScope scope(Context::current().Child(Impatience(0.3)));
        const auto value = co_await queue_.Pop();
        if (value.ok()) {
          Note(*value, seen);
        } else if (value.status().code() == StatusCode::kUnavailable) {
          Check(queue_.closed() && queue_.size() == 0, "closed too early");
          co_return;
        } else {
          ++cancelled_pops;
        }
      }
      if (random_.Chance(0.5)) (co_await Sleep(Micros(300))).IgnoreError();
    }
  }

  Random random_;
  Queue<int> queue_;
  const bool closes_;
  int producers_ = 0;
  std::size_t running_ = kProducers;
  std::vector<int> accepted_;  // pushed, not yet out
  std::vector<int> early_;     // out before the pusher knew
};

TEST(QueuePropertyTest, LosesAndRepeatsNothingUnderCancellationAndClose) {
  int accepted = 0;
  int refused = 0;
  int cancelled_pops = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    OneHost sim(seed);
    Traffic traffic(seed);
    sim.Run(traffic.Run());
    EXPECT_EQ(traffic.broken, "") << "seed " << seed;
    accepted += traffic.accepted;
    refused += traffic.refused;
    cancelled_pops += traffic.cancelled_pops;
  }
  EXPECT_GT(accepted, 10'000);
  EXPECT_GT(refused, 500);
  EXPECT_GT(cancelled_pops, 100);
}

TEST(QueueDeathTest, MisuseIsNamed) {
  EXPECT_DEATH(Queue<int>(0), "a queue holds at least 1");
  const auto test = []() -> Task<void> {
    std::vector<int> none;
    TaskGroup group;
    {
      Queue<int> queue(1);
      group.Spawn(PopInto(queue, none));
      (co_await Sleep(1ms)).IgnoreError();
    }
    (co_await group.Join()).IgnoreError();
  };
  EXPECT_DEATH(OneHost().Run(test()), "queue destroyed while tasks wait for it; Close it and join them");
}

}  // namespace
}  // namespace flywheel::inline v0
