// A thread that does one step per period until destroyed: what goes on beside a measured slice.
//
// It waits on a timerfd, so its rate does not drift with the length of a step, and a step that comes late is not made
// up for: a burst of late steps would be another load than the one that was asked for.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "bench/harness.h"

namespace flywheel::bench {

class BackgroundThread {
 public:
  // `background.step` must outlive this object.
  explicit BackgroundThread(const Background& background);
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;
  ~BackgroundThread();

  // Waits until `count` steps are done.
  void AwaitSteps(std::uint64_t count) const;
  [[nodiscard]] std::uint64_t steps() const { return steps_.load(std::memory_order_acquire); }

 private:
  void Run();

  const std::function<void()>& step_;
  int timer_;
  int stop_;
  std::atomic<std::uint64_t> steps_{0};
  std::thread thread_;
};

}  // namespace flywheel::bench
