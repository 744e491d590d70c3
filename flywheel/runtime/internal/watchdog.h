// Watchdog: a thread that looks whether loops turn, because a loop that hangs cannot say so itself.
//
// Every kPeriod it samples each loop. A turn that goes on for `after` is reported with the spawn site of the task
// that runs, and again each time it has doubled. It also frees retired snapshot values that nobody else would, and
// reports loops that keep them.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "flywheel/base/time.h"
#include "flywheel/runtime/descriptor.h"
#include "flywheel/runtime/host.h"
#include "flywheel/runtime/loop.h"

namespace flywheel::inline v0::internal {

class Watchdog {
 public:
  // 40 looks a second cost under 0.1 % of a CPU and see every turn of two periods.
  static constexpr Duration kPeriod = std::chrono::milliseconds(25);

  // Loops and host outlive it.
  Watchdog(Host& host, std::vector<Loop*> loops, Duration after);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

 private:
  struct Seen {
    std::uint64_t turn = 0;
    Duration report_at{};
  };

  void Run();
  void Look(Loop& loop, Seen& seen);

  Host& host_;
  const std::vector<Loop*> loops_;
  const Duration after_;
  std::vector<Seen> seen_;
  std::size_t stalls_reported_ = 0;
  Descriptor stop_;
  std::thread thread_;
};

}  // namespace flywheel::inline v0::internal
