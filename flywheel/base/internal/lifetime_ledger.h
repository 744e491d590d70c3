// Says of values that a test gives away whether they are alive, without touching their memory. For tests.
//
// Each value is a LifetimeLedger::Entry with a number of its own; the ledger outlives them. A value that is destroyed
// twice, or whose memory is overwritten, aborts.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "flywheel/base/check.h"

namespace flywheel::inline v0::internal {

class LifetimeLedger {
 public:
  class Entry {
   public:
    Entry(LifetimeLedger& ledger, std::size_t id) : ledger_(ledger), id_(id) { ledger_.Change(id_, kUnborn, kAlive); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() {
      FW_CHECK(canary_ == kCanary) << "value " << id_ << " was overwritten";
      canary_ = 0;
      ledger_.Change(id_, kAlive, kDead);
    }

    [[nodiscard]] std::size_t id() const {
      FW_CHECK(canary_ == kCanary) << "value " << id_ << " is used after its end";
      return id_;
    }

   private:
    static constexpr std::uint64_t kCanary = 0x6c697665'6c697665;

    LifetimeLedger& ledger_;
    const std::size_t id_;
    std::uint64_t canary_ = kCanary;
  };

  explicit LifetimeLedger(std::size_t capacity) : states_(capacity) {}

  // The number for the next Entry.
  std::size_t NextId() {
    const std::size_t id = next_.fetch_add(1, std::memory_order_relaxed);
    FW_CHECK(id < states_.size());
    return id;
  }
  [[nodiscard]] bool Alive(std::size_t id) const { return states_[id].load(std::memory_order_relaxed) == kAlive; }
  [[nodiscard]] std::size_t alive() const {
    std::size_t count = 0;
    for (const auto& state : states_) count += state.load(std::memory_order_relaxed) == kAlive ? 1 : 0;
    return count;
  }

 private:
  enum State : std::uint8_t { kUnborn, kAlive, kDead };

  void Change(std::size_t id, State from, State to) {
    const State was = states_[id].exchange(to, std::memory_order_relaxed);
    FW_CHECK(was == from) << "value " << id << " goes from state " << static_cast<int>(was) << " to "
                          << static_cast<int>(to);
  }

  std::vector<std::atomic<State>> states_;
  std::atomic<std::size_t> next_{0};
};

}  // namespace flywheel::inline v0::internal
