#include "flywheel/runtime/internal/watchdog.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace flywheel::inline v0::internal {

Watchdog::Watchdog(Host& host, std::vector<Loop*> loops, Duration after)
    : host_(host),
      loops_(std::move(loops)),
      after_(after),
      seen_(loops_.size(), Seen{.turn = 0, .report_at = after}),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Run(); }) {}

Watchdog::~Watchdog() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_.get(), &one, sizeof(one));
  thread_.join();
}

void Watchdog::Run() {
  const auto period = std::chrono::duration_cast<std::chrono::milliseconds>(kPeriod).count();
  pollfd stop{.fd = stop_.get(), .events = POLLIN, .revents = 0};
  while (::poll(&stop, 1, static_cast<int>(period)) <= 0) {
    for (std::size_t index = 0; index < loops_.size(); ++index) Look(*loops_[index], seen_[index]);
    host_.quiescent().Reclaim();
    const auto stats = host_.quiescent().Stats();
    if (stats.scans_over_limit == stalls_reported_) continue;
    stalls_reported_ = stats.scans_over_limit;
    for (const auto& stall : host_.quiescent().Stalls()) host_.Report(ReportKind::kStalledReader, stall.ToString());
  }
}

void Watchdog::Look(Loop& loop, Seen& seen) {
  const Loop::TurnSample sample = loop.Sample();
  if (sample.turn != seen.turn) seen = {.turn = sample.turn, .report_at = after_};
  if (!sample.running) return;
  const Duration length = host_.clock().Now() - sample.since;
  if (length < seen.report_at) return;
  seen.report_at = 2 * length;
  host_.Report(ReportKind::kLongTurn, "loop " + loop.name() + " has not turned for " + MillisecondsText(length) +
                                          "; it runs a task spawned at " + LocationText(sample.spawned_at) +
                                          "; move blocking work to Offload");
}

}  // namespace flywheel::inline v0::internal
