#include "flywheel/runtime/work.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <thread>
#include <vector>

#include "flywheel/runtime/random.h"

namespace flywheel::inline v0 {
namespace {

struct Item : Work {
  explicit Item(int id) : Work([](Work&) {}), number(id) {}
  int number;
};

std::vector<int> TakeAll(WorkQueue& queue) {
  std::vector<int> numbers;
  while (Work* const work = queue.Pop()) numbers.push_back(static_cast<Item*>(work)->number);
  return numbers;
}

// Against a deque, because the tail pointer is where such queues go wrong.
TEST(WorkQueueTest, DoesWhatADequeDoes) {
  Random random(1);
  std::deque<Item> items;
  for (int i = 0; i < 30; ++i) items.emplace_back(i);
  std::array<WorkQueue, 2> queues;
  std::array<std::deque<int>, 2> models;
  std::vector<int> idle;
  for (int i = 0; i < 30; ++i) idle.push_back(i);
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t which = random.Below(2);
    WorkQueue& queue = queues[which];
    std::deque<int>& model = models[which];
    switch (random.Below(5)) {
      case 0:
      case 1:
        if (idle.empty()) break;
        queue.Push(items[static_cast<std::size_t>(idle.back())]);
        model.push_back(idle.back());
        idle.pop_back();
        break;
      case 2: {
        Work* const work = queue.Pop();
        ASSERT_EQ(work == nullptr, model.empty());
        if (work == nullptr) break;
        ASSERT_EQ(static_cast<Item*>(work)->number, model.front());
        idle.push_back(model.front());
        model.pop_front();
        break;
      }
      case 3: {
        const int number = static_cast<int>(random.Below(30));
        const auto found = std::ranges::find(model, number);
        ASSERT_EQ(queue.Remove(items[static_cast<std::size_t>(number)]), found != model.end());
        if (found == model.end()) break;
        model.erase(found);
        idle.push_back(number);
        break;
      }
      default:
        queue.Append(queues[1 - which]);
        model.insert(model.end(), models[1 - which].begin(), models[1 - which].end());
        models[1 - which].clear();
    }
    ASSERT_EQ(queue.empty(), model.empty());
  }
}

TEST(WorkInboxTest, GivesAllAtOnceInTheOrderOfEachProducer) {
  WorkInbox inbox;
  WorkQueue queue;
  EXPECT_TRUE(inbox.empty());
  EXPECT_EQ(inbox.TakeAll(queue), 0u);
  std::deque<Item> items;
  for (int i = 0; i < 5; ++i) inbox.Push(items.emplace_back(i));
  EXPECT_FALSE(inbox.empty());
  Item before(100);
  queue.Push(before);
  EXPECT_EQ(inbox.TakeAll(queue), 5u);
  EXPECT_TRUE(inbox.empty());
  EXPECT_EQ(TakeAll(queue), (std::vector<int>{100, 0, 1, 2, 3, 4}));
}

TEST(WorkInboxTest, LosesNothingBetweenThreads) {
  constexpr std::size_t kProducers = 3;
  constexpr int kEach = 20'000;
  WorkInbox inbox;
  std::array<std::deque<Item>, kProducers> items;
  std::vector<std::thread> producers;
  for (std::size_t producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&, producer] {
      for (int i = 0; i < kEach; ++i) {
        inbox.Push(items[producer].emplace_back(static_cast<int>(producer) * kEach + i));
      }
    });
  }
  std::array<int, kProducers> next{};
  for (int taken = 0; taken < static_cast<int>(kProducers) * kEach;) {
    WorkQueue queue;
    inbox.TakeAll(queue);
    for (const int number : TakeAll(queue)) {
      const auto producer = static_cast<std::size_t>(number / kEach);
      ASSERT_EQ(number % kEach, next[producer]++);
      ++taken;
    }
  }
  for (std::thread& producer : producers) producer.join();
}

}  // namespace
}  // namespace flywheel::inline v0
