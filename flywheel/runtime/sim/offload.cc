#include "flywheel/runtime/sim/offload.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "flywheel/runtime/sim/host.h"
#include "flywheel/runtime/sim/world.h"

namespace flywheel::inline v0::sim {
namespace {

// A job of a real host takes from the time of a thread switch to that of a disk that is busy.
constexpr std::uint64_t kJobMicrosMax = 500;

}  // namespace

SimOffload::Pending::Pending(SimOffload& executor, OffloadJob& submitted)
    : owner(executor), job(submitted), alarm(executor.world_.alarms(), *this) {}

SimOffload::SimOffload(SimWorld& world, SimHost& host) : world_(world), host_(host), random_(world.ForkRandom()) {}

Status SimOffload::Submit(OffloadJob& job) {
  if (!kOffloadQueueMax.Allows(pending_.size() + 1)) {
    return kOffloadQueueMax.Exceeded(pending_.size() + 1, "Offload", "offload less at once");
  }
  SetHome(job);
  Pending& pending = pending_.emplace_back(*this, job);
  pending.self = std::prev(pending_.end());
  pending.alarm.Set(host_.now() + std::chrono::microseconds(1 + random_.Below(kJobMicrosMax)));
  return Status::Ok();
}

bool SimOffload::Withdraw(OffloadJob& job) noexcept {
  const auto found = std::ranges::find_if(pending_, [&](const Pending& pending) { return &pending.job == &job; });
  if (found == pending_.end() || found->has_run) return false;
  pending_.erase(found);
  return true;
}

void SimOffload::Proceed(Pending& pending) {
  SimHost& host = host_;
  if (!std::exchange(pending.has_run, true)) {
    extension_ = Duration::zero();
    host.RunJob(pending.job);
  }
  if (const Duration more = std::exchange(extension_, Duration::zero()); more > Duration::zero()) {
    pending.alarm.Set(world_.now() + more);
  } else {
    OffloadJob& job = pending.job;
    pending_.erase(pending.self);
    Finish(job);
    host.Touch();
  }
  host.EndRun();  // may take this with it
}

}  // namespace flywheel::inline v0::sim
