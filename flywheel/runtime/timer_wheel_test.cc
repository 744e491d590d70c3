#include "flywheel/runtime/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/runtime/random.h"

namespace flywheel::inline v0 {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTick{1 << 20};

constexpr Instant At(Duration since_start) { return Instant(since_start); }

// Notes when it fires, and does what a test tells it to.
struct Alarm : Timer {
  Alarm(std::vector<int>& log, int name) : Timer(&Alarm::Fire), fired(log), number(name) {}
  static void Fire(Timer& timer) {
    auto& self = static_cast<Alarm&>(timer);
    EXPECT_FALSE(self.armed());
    self.fired.push_back(self.number);
    if (self.then) self.then();
  }
  std::vector<int>& fired;
  const int number;
  std::function<void()> then;
};

class TimerWheelTest : public testing::Test {
 protected:
  Alarm& Make() { return alarms_.emplace_back(fired_, static_cast<int>(alarms_.size())); }
  Alarm& Arm(Instant deadline) {
    Alarm& alarm = Make();
    wheel_.Arm(alarm, deadline);
    return alarm;
  }
  std::vector<int> Advance(Instant now) {
    fired_.clear();
    wheel_.Advance(now);
    return fired_;
  }

  TimerWheel wheel_{At(1s)};
  std::vector<int> fired_;
  std::deque<Alarm> alarms_;
};

TEST_F(TimerWheelTest, FiresExactlyAtTheDeadline) {
  EXPECT_EQ(wheel_.NextExpiry(), kNever);
  Arm(At(2s));
  EXPECT_EQ(wheel_.armed(), 1u);
  EXPECT_EQ(Advance(At(2s) - 1ns), (std::vector<int>{}));
  EXPECT_EQ(wheel_.NextExpiry(), At(2s));
  EXPECT_EQ(Advance(At(2s)), (std::vector<int>{0}));
  EXPECT_EQ(Advance(At(3s)), (std::vector<int>{}));
  EXPECT_EQ(wheel_.armed(), 0u);
  EXPECT_EQ(wheel_.NextExpiry(), kNever);
}

TEST_F(TimerWheelTest, FiresInOrderOfDeadlinesAndThenOfArming) {
  Arm(At(2s));
  Arm(At(1500ms));
  Arm(At(2s));
  Arm(At(1500ms + 1ns));
  Arm(At(1h));
  wheel_.Arm(alarms_[0], At(2s));  // again, so that it is the younger one
  EXPECT_EQ(Advance(At(1min)), (std::vector<int>{1, 3, 2, 0}));
  EXPECT_EQ(Advance(At(2h)), (std::vector<int>{4}));
}

TEST_F(TimerWheelTest, DisarmedAndDestroyedTimersDoNotFire) {
  Alarm& disarmed = Arm(At(2s));
  Arm(At(2s));
  {
    Alarm destroyed(fired_, 99);
    wheel_.Arm(destroyed, At(2s));
    EXPECT_EQ(wheel_.armed(), 3u);
  }
  EXPECT_TRUE(disarmed.Disarm());
  EXPECT_FALSE(disarmed.Disarm());
  EXPECT_EQ(wheel_.armed(), 1u);
  EXPECT_EQ(Advance(At(1h)), (std::vector<int>{1}));
}

TEST_F(TimerWheelTest, WheelThatGoesDisarmsItsTimers) {
  Alarm& alarm = Make();
  {
    TimerWheel shortlived(At(0s));
    shortlived.Arm(alarm, At(1s));
    EXPECT_TRUE(alarm.armed());
  }
  EXPECT_FALSE(alarm.armed());
  wheel_.Arm(alarm, At(2s));
  EXPECT_EQ(Advance(At(2s)), (std::vector<int>{0}));
}

TEST_F(TimerWheelTest, CallbackMayCancelWhatFiresAfterIt) {
  Alarm& first = Arm(At(2s));
  Alarm& second = Arm(At(2s));
  Arm(At(2s));
  first.then = [&] { EXPECT_TRUE(second.Disarm()); };
  EXPECT_EQ(Advance(At(2s)), (std::vector<int>{0, 2}));
  EXPECT_EQ(wheel_.armed(), 0u);
}

TEST_F(TimerWheelTest, WhatACallbackArmsFiresAtALaterAdvance) {
  Alarm& first = Arm(At(2s));
  Alarm& second = Arm(At(2s));
  Alarm& fresh = Make();
  first.then = [&] {
    wheel_.Arm(first, At(0s));
    wheel_.Arm(second, At(1s));  // was about to fire in this one
    wheel_.Arm(fresh, At(2s));
  };
  EXPECT_EQ(Advance(At(2s)), (std::vector<int>{0}));
  EXPECT_EQ(wheel_.armed(), 3u);
  EXPECT_LE(wheel_.NextExpiry(), At(2s));
  first.then = nullptr;
  EXPECT_EQ(Advance(At(2s)), (std::vector<int>{0, 1, 2}));
}

TEST_F(TimerWheelTest, TakesEveryDeadlineThereIs) {
  Arm(Instant::min());
  Arm(At(-1ns));
  Arm(At(0s));
  Arm(kNever);
  Arm(kNever - 1ns);
  EXPECT_EQ(Advance(At(1s)), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(Advance(At(std::chrono::years(200))), (std::vector<int>{}));
  EXPECT_EQ(Advance(kNever - 2ns), (std::vector<int>{}));
  EXPECT_EQ(Advance(kNever - 1ns), (std::vector<int>{4}));
  EXPECT_EQ(Advance(kNever), (std::vector<int>{3}));
}

TEST_F(TimerWheelTest, NextExpiryOfACrowdedSlotIsAtMostATickLate) {
  for (int i = 0; i < 1000; ++i) Arm(At(1s) + kTick * 3 + Duration(i * 500));
  const Instant next = wheel_.NextExpiry();
  EXPECT_LE(next, At(1s) + kTick * 4);
  EXPECT_FALSE(Advance(next).empty());
}

TEST(TimerWheelDeathTest, TimerBelongsToOneWheelAtATime) {
  TimerWheel a(At(0s));
  TimerWheel b(At(0s));
  Timer timer([](Timer&) {});
  a.Arm(timer, At(1s));
  EXPECT_DEATH(b.Arm(timer, At(1s)), "timer is armed on another loop");
}

// Does everything to a wheel and to a sorted list at once. A callback may arm and cancel timers too.
class Twin {
 public:
  explicit Twin(std::uint64_t seed) : random_(seed), now_(Duration(random_.Below(1'000'000'000))), wheel_(now_) {
    for (int i = 0; i < kTimers; ++i) timers_.push_back(std::make_unique<Probe>(*this, i));
  }

  void Run(int steps) {
    for (int step = 0; step < steps && broken.empty(); ++step) {
      switch (random_.Below(4)) {
        case 0:
        case 1:
          ArmSome();
          break;
        case 2:
          Disarm(*timers_[random_.Below(kTimers)]);
          break;
        default:
          Advance(random_.Chance(0.3) && wheel_.NextExpiry() != kNever ? std::max(now_, wheel_.NextExpiry()) : Later());
      }
      Compare();
    }
    while (broken.empty() && !model_.empty()) AdvanceToNext();
  }

  std::string broken;
  std::uint64_t fired = 0;

 private:
  static constexpr int kTimers = 40;

  using Key = std::pair<Instant, std::uint64_t>;  // deadline, order of arming

  struct Probe : Timer {
    Probe(Twin& owner, int name) : Timer(&Probe::Fire), twin(owner), number(name) {}
    static void Fire(Timer& timer) {
      auto& self = static_cast<Probe&>(timer);
      self.twin.Fired(self);
    }
    Twin& twin;
    const int number;
    Key key;
    bool in_model = false;
  };

  void Check(bool condition, const char* what) {
    if (!condition && broken.empty()) broken = what;
  }
  // From a nanosecond to years, all magnitudes alike.
  Duration Length() { return Duration(random_.Below(std::uint64_t{1} << random_.Below(60))); }
  Instant Later() { return SaturatingAdd(now_, Length()); }

  void Arm(Probe& probe, Instant deadline) {
    Forget(probe);
    probe.key = {deadline, ++armings_};
    model_.emplace(probe.key, &probe);
    probe.in_model = true;
    wheel_.Arm(probe, deadline);
    Check(probe.armed() && probe.deadline() == deadline, "not armed");
  }
  void ArmSome() {
    Instant deadline = Later();
    if (random_.Chance(0.1)) deadline = now_ - Length();
    if (random_.Chance(0.05)) deadline = random_.Chance(0.5) ? kNever : Instant::min();
    Arm(*timers_[random_.Below(kTimers)], deadline);
    while (random_.Chance(0.3)) Arm(*timers_[random_.Below(kTimers)], deadline);
  }
  void Disarm(Probe& probe) {
    Check(probe.Disarm() == probe.in_model, "Disarm says the contrary");
    Forget(probe);
  }
  void Forget(Probe& probe) {
    if (std::exchange(probe.in_model, false)) model_.erase(probe.key);
  }

  void Advance(Instant to) {
    now_ = to;
    last_arming_ = armings_;
    wheel_.Advance(now_);
    for (const auto& [key, probe] : model_) {
      if (key.first <= now_ && key.second <= last_arming_) Check(false, "a timer that was due has not fired");
    }
  }
  void Fired(Probe& probe) {
    ++fired;
    Check(probe.in_model, "fired though it was not armed");
    Check(probe.key.first <= now_, "fired too early");
    Check(probe.key.second <= last_arming_, "fired in the Advance in which it was armed");
    Check(!probe.armed(), "armed while it fires");
    // Whatever is due and older must have gone before, unless it was armed meanwhile.
    for (const auto& [key, other] : model_) {
      if (other == &probe) break;
      Check(key.second > last_arming_, "fired out of order");
    }
    Forget(probe);
    if (random_.Chance(0.2)) ArmSome();
    if (random_.Chance(0.1)) Disarm(*timers_[random_.Below(kTimers)]);
  }

  void Compare() {
    Check(wheel_.armed() == model_.size(), "the number of armed timers differs");
    const Instant next = wheel_.NextExpiry();
    if (model_.empty()) return Check(next == kNever, "an expiry without a timer");
    const Instant first = model_.begin()->first.first;
    Check(next <= std::max(first, now_), "the next expiry is too late");
    Check(first <= now_ || next > now_, "the loop would spin until the next expiry");
  }
  // A loop that sleeps until each next expiry gets there soon.
  void AdvanceToNext() {
    const std::uint64_t before = fired;
    int advances = 0;
    while (broken.empty() && !model_.empty() && fired == before) {
      const Instant next = wheel_.NextExpiry();
      Advance(std::max(now_, next));
      Check(++advances <= 10, "advancing to the next expiry makes no progress");
      if (model_.empty() || model_.begin()->first.first == kNever) break;
    }
    if (!model_.empty() && model_.begin()->first.first == kNever) Disarm(*model_.begin()->second);
    Compare();
  }

  Random random_;
  Instant now_;
  TimerWheel wheel_;
  std::vector<std::unique_ptr<Probe>> timers_;
  std::map<Key, Probe*> model_;
  std::uint64_t armings_ = 0;
  std::uint64_t last_arming_ = 0;
};

TEST(TimerWheelPropertyTest, DoesWhatASortedListDoes) {
  std::uint64_t fired = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Twin twin(seed);
    twin.Run(150);
    EXPECT_EQ(twin.broken, "") << "seed " << seed;
    if (testing::Test::HasFailure()) break;
    fired += twin.fired;
  }
  EXPECT_GT(fired, 50'000u);
}

}  // namespace
}  // namespace flywheel::inline v0
