// Work: one thing a loop will run, as an intrusive node.
//
// Whoever waits embeds a Work (a suspended coroutine in its frame, a posted callback in its block), so that queueing
// never allocates and never fails. A node is in at most one queue at a time. WorkQueue is the FIFO of one thread,
// WorkInbox what other threads push to and the owner drains whole.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "flywheel/base/check.h"

namespace flywheel::inline v0 {

struct Work {
  using RunFunction = void (*)(Work& self);

  explicit Work(RunFunction function) noexcept : run(function) {}
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  RunFunction run;
  Work* next = nullptr;
};

class WorkQueue {
 public:
  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }

  void Push(Work& work) noexcept {
    work.next = nullptr;
    *tail_ = &work;
    tail_ = &work.next;
  }
  // Null when empty.
  Work* Pop() noexcept {
    Work* const work = head_;
    if (work == nullptr) return nullptr;
    head_ = work->next;
    if (head_ == nullptr) tail_ = &head_;
    return work;
  }
  // Moves all of `other` to the end.
  void Append(WorkQueue& other) noexcept {
    if (other.head_ == nullptr) return;
    *tail_ = std::exchange(other.head_, nullptr);
    tail_ = std::exchange(other.tail_, &other.head_);
  }
  // For a frame that is destroyed while it is queued; linear, false if it is not here.
  bool Remove(Work& work) noexcept {
    for (Work** link = &head_; *link != nullptr; link = &(*link)->next) {
      if (*link != &work) continue;
      *link = work.next;
      if (tail_ == &work.next) tail_ = link;
      return true;
    }
    return false;
  }

 private:
  Work* head_ = nullptr;
  Work** tail_ = &head_;
};

// Multi-producer, single-consumer, lock-free: a push-only stack that the owner takes whole and reverses. There is no
// pop of one element, hence no ABA.
//  1. Push publishes *work by a release CAS on head_.
//  2. TakeAll acquires it by exchange, so the consumer sees everything the producer wrote before Push.
//  3. The reversal restores the order in which one producer pushed.
class WorkInbox {
 public:
  // Any thread. Sequentially consistent, because Loop::Post pairs it with a load of the parked flag.
  void Push(Work& work) noexcept {
    Work* head = head_.load(std::memory_order_relaxed);
    do {
      work.next = head;
    } while (!head_.compare_exchange_weak(head, &work, std::memory_order_seq_cst, std::memory_order_relaxed));
  }
  [[nodiscard]] bool empty() const noexcept { return head_.load(std::memory_order_seq_cst) == nullptr; }
  // Owner only: appends all to `queue`, oldest first, and returns how many.
  std::uint64_t TakeAll(WorkQueue& queue) noexcept {
    if (head_.load(std::memory_order_relaxed) == nullptr) return 0;
    std::uint64_t count = 0;
    Work* newest = head_.exchange(nullptr, std::memory_order_acquire);
    Work* oldest = nullptr;
    while (newest != nullptr) {
      Work* const next = newest->next;
      newest->next = oldest;
      oldest = newest;
      newest = next;
    }
    while (oldest != nullptr) {
      Work* const next = oldest->next;
      queue.Push(*oldest);
      oldest = next;
      ++count;
    }
    return count;
  }

 private:
  std::atomic<Work*> head_ = nullptr;
};

}  // namespace flywheel::inline v0
