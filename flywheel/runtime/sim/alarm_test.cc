#include "flywheel/runtime/sim/alarm.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace flywheel::inline v0::sim {
namespace {

struct Bell {
  Bell(AlarmQueue& queue, int bell_number, std::vector<int>& into)
      : number(bell_number), rung(into), alarm(queue, *this) {}
  void Ring() {
    EXPECT_FALSE(alarm.is_set());
    rung.push_back(number);
    if (again != kNever) alarm.Set(std::exchange(again, kNever));
  }

  int number;
  std::vector<int>& rung;
  Instant again = kNever;
  AlarmFor<&Bell::Ring> alarm;
};

Instant At(int time) { return Instant(Duration(time)); }

void RingAll(AlarmQueue& queue) {
  while (queue.next() != kNever) queue.RingFirst();
}

TEST(AlarmTest, RingsInTheOrderOfTimeAndThenOfSetting) {
  AlarmQueue queue;
  std::vector<int> rung;
  Bell a(queue, 1, rung);
  Bell b(queue, 2, rung);
  Bell c(queue, 3, rung);
  b.alarm.Set(At(10));
  c.alarm.Set(At(5));
  a.alarm.Set(At(10));
  EXPECT_EQ(queue.next(), At(5));
  RingAll(queue);
  EXPECT_EQ(rung, (std::vector<int>{3, 2, 1}));
  EXPECT_EQ(queue.next(), kNever);
}

TEST(AlarmTest, SettingAgainMovesIt) {
  AlarmQueue queue;
  std::vector<int> rung;
  Bell a(queue, 1, rung);
  Bell b(queue, 2, rung);
  a.alarm.Set(At(1));
  b.alarm.Set(At(2));
  a.alarm.Set(At(3));
  EXPECT_EQ(a.alarm.time(), At(3));
  RingAll(queue);
  EXPECT_EQ(rung, (std::vector<int>{2, 1}));
  a.alarm.Set(At(1));
  a.alarm.Set(kNever);
  EXPECT_FALSE(a.alarm.is_set());
  EXPECT_EQ(a.alarm.time(), kNever);
}

TEST(AlarmTest, MayBeSetAgainWhileItRings) {
  AlarmQueue queue;
  std::vector<int> rung;
  Bell a(queue, 1, rung);
  a.again = At(7);
  a.alarm.Set(At(1));
  queue.RingFirst();
  EXPECT_EQ(queue.next(), At(7));
  RingAll(queue);
  EXPECT_EQ(rung, (std::vector<int>{1, 1}));
}

TEST(AlarmTest, DiesWithItsOwner) {
  AlarmQueue queue;
  std::vector<int> rung;
  auto a = std::make_unique<Bell>(queue, 1, rung);
  Bell b(queue, 2, rung);
  a->alarm.Set(At(1));
  b.alarm.Set(At(2));
  a.reset();
  RingAll(queue);
  EXPECT_EQ(rung, std::vector<int>{2});
}

// Against an ordered map, through any sequence of setting, moving, clearing and ringing.
RC_GTEST_PROP(AlarmTest, BehavesAsAnOrderedMap,
              (std::uint64_t seed, const std::vector<std::pair<std::uint8_t, std::uint8_t>>& calls)) {
  AlarmQueue queue;
  std::vector<int> rung;
  std::vector<std::unique_ptr<Bell>> bells;
  for (int i = 0; i < 20; ++i) bells.push_back(std::make_unique<Bell>(queue, i, rung));
  std::map<std::pair<int, std::uint64_t>, int> model;
  std::uint64_t sequence = seed;
  const auto forget = [&](int bell) { std::erase_if(model, [&](const auto& entry) { return entry.second == bell; }); };
  for (const auto& [call, time] : calls) {
    const int bell = call % 20;
    if (call / 20 < 8) {
      forget(bell);
      model.emplace(std::pair(time, sequence - seed), bell);
      ++sequence;
      bells[static_cast<std::size_t>(bell)]->alarm.Set(At(time));
    } else if (call / 20 < 10) {
      forget(bell);
      bells[static_cast<std::size_t>(bell)]->alarm.Clear();
    } else if (!model.empty()) {
      rung.clear();
      queue.RingFirst();
      RC_ASSERT(rung == std::vector<int>{model.begin()->second});
      model.erase(model.begin());
    }
    RC_ASSERT(queue.next() == (model.empty() ? kNever : At(model.begin()->first.first)));
  }
  std::vector<int> left;
  for (const auto& [key, bell] : model) left.push_back(bell);
  rung.clear();
  RingAll(queue);
  RC_ASSERT(rung == left);
}

}  // namespace
}  // namespace flywheel::inline v0::sim
