#include "flywheel/base/mutex.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <thread>
#include <type_traits>
#include <vector>

namespace flywheel {
namespace {

static_assert(!std::is_copy_constructible_v<Mutex> && !std::is_move_constructible_v<Mutex>);
static_assert(!std::is_copy_constructible_v<CondVar> && !std::is_move_constructible_v<CondVar>);
static_assert(!std::is_copy_constructible_v<MutexLock> && !std::is_move_constructible_v<MutexLock>);
static_assert(!std::is_convertible_v<Mutex&, MutexLock>, "taking a lock is never implicit");

// Whether another thread could take the lock at this moment.
bool IsFree(Mutex& mutex) {
  bool free = false;
  std::thread([&] {
    if (mutex.TryLock()) {
      free = true;
      mutex.Unlock();
    }
  }).join();
  return free;
}

class Counter {
 public:
  void Add() FW_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    AddLocked();
  }
  std::int64_t value() FW_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return value_;
  }

 private:
  void AddLocked() FW_REQUIRES(mutex_) { ++value_; }

  Mutex mutex_;
  std::int64_t value_ FW_GUARDED_BY(mutex_) = 0;
};

// A queue of two items, so that both sides have to wait.
class Handover {
 public:
  void Put(int item) FW_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (items_.size() == 2) taken_.Wait(mutex_);
    items_.push_back(item);
    put_.SignalOne();
  }
  std::optional<int> Take() FW_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (items_.empty() && !closed_) put_.Wait(mutex_);
    if (items_.empty()) return std::nullopt;
    const int item = items_.front();
    items_.pop_front();
    taken_.SignalOne();
    return item;
  }
  void Close() FW_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    closed_ = true;
    put_.SignalAll();
  }

 private:
  Mutex mutex_;
  CondVar put_;
  CondVar taken_;
  std::deque<int> items_ FW_GUARDED_BY(mutex_);
  bool closed_ FW_GUARDED_BY(mutex_) = false;
};

TEST(MutexTest, LockHoldsUntilTheEndOfItsScope) {
  Mutex mutex;
  EXPECT_TRUE(IsFree(mutex));
  {
    MutexLock lock(mutex);
    EXPECT_FALSE(IsFree(mutex));
  }
  EXPECT_TRUE(IsFree(mutex));
}

TEST(MutexTest, TryLockTellsWhetherItHolds) {
  Mutex mutex;
  if (!mutex.TryLock()) FAIL() << "nobody holds it";
  EXPECT_FALSE(IsFree(mutex));
  mutex.Unlock();
  EXPECT_TRUE(IsFree(mutex));
}

TEST(MutexTest, NoIncrementIsLostBetweenThreads) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 20'000;
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) counter.Add();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), std::int64_t{kThreads} * kRounds);
}

TEST(CondVarTest, WaitingReleasesTheMutexAndReturnsWithItHeld) {
  struct {
    Mutex mutex;
    CondVar changed;
    bool waiting FW_GUARDED_BY(mutex) = false;
    bool ready FW_GUARDED_BY(mutex) = false;
  } shared;
  bool held_after_wait = false;
  std::thread waiter([&] {
    MutexLock lock(shared.mutex);
    shared.waiting = true;
    shared.changed.SignalAll();
    while (!shared.ready) shared.changed.Wait(shared.mutex);
    held_after_wait = !IsFree(shared.mutex);
  });
  {
    MutexLock lock(shared.mutex);
    while (!shared.waiting) shared.changed.Wait(shared.mutex);
    // Holding the mutex here, although the waiter has not left its scope, is the proof that Wait released it.
    shared.ready = true;
    shared.changed.SignalAll();
  }
  waiter.join();
  EXPECT_TRUE(held_after_wait);
}

TEST(CondVarTest, EveryItemCrossesABoundedQueueOnceAndInOrder) {
  constexpr int kItems = 5'000;
  Handover queue;
  std::vector<int> taken;
  std::thread consumer([&] {
    while (const auto item = queue.Take()) taken.push_back(*item);
  });
  for (int i = 0; i < kItems; ++i) queue.Put(i);
  queue.Close();
  consumer.join();
  ASSERT_EQ(taken.size(), std::size_t{kItems});
  for (int i = 0; i < kItems; ++i) ASSERT_EQ(taken[static_cast<std::size_t>(i)], i);
}

TEST(CondVarTest, SignalAllWakesEveryWaiter) {
  constexpr int kWaiters = 5;
  struct {
    Mutex mutex;
    CondVar arrived;
    CondVar opened;
    int waiting FW_GUARDED_BY(mutex) = 0;
    bool open FW_GUARDED_BY(mutex) = false;
  } gate;
  std::vector<std::thread> waiters;
  for (int i = 0; i < kWaiters; ++i) {
    waiters.emplace_back([&] {
      MutexLock lock(gate.mutex);
      ++gate.waiting;
      gate.arrived.SignalOne();
      while (!gate.open) gate.opened.Wait(gate.mutex);
    });
  }
  {
    MutexLock lock(gate.mutex);
    while (gate.waiting < kWaiters) gate.arrived.Wait(gate.mutex);
    gate.open = true;
    gate.opened.SignalAll();
  }
  // A waiter that slept on would keep this from returning.
  for (std::thread& waiter : waiters) waiter.join();
}

}  // namespace
}  // namespace flywheel
