#include "flywheel/runtime/sim/offload.h"

#include "flywheel/runtime/sim/world.h"

namespace flywheel::inline v0::sim {
namespace {

// A job of a real host takes from the time of a thread switch to that of a disk that is busy.
constexpr std::uint64_t kJobMicrosMax = 500;

}  // namespace

SimOffload::SimOffload(SimWorld& world, SimHost& host)
    : world_(world), host_(host), random_(world.ForkRandom()), self_(std::make_shared<SimOffload*>(this)) {}

Status SimOffload::Submit(OffloadJob& job) {
  if (!kOffloadQueueMax.Allows(waiting_.size() + 1)) {
    return kOffloadQueueMax.Exceeded(waiting_.size() + 1, "Offload", "offload less at once");
  }
  SetHome(job);
  const std::uint64_t ticket = next_ticket_++;
  waiting_.emplace(ticket, &job);
  world_.After(std::chrono::microseconds(1 + random_.Below(kJobMicrosMax)), [self = std::weak_ptr(self_), ticket] {
    if (const auto alive = self.lock()) (*alive)->Run(ticket);
  });
  return Status::Ok();
}

bool SimOffload::Withdraw(OffloadJob& job) noexcept {
  return std::erase_if(waiting_, [&](const auto& entry) { return entry.second == &job; }) != 0;
}

void SimOffload::Run(std::uint64_t ticket) {
  const auto found = waiting_.find(ticket);
  if (found == waiting_.end()) return;
  OffloadJob& job = *found->second;
  waiting_.erase(found);
  host_.RunJob(job);
  Finish(job);
  host_.EndRun();  // may take this with it
}

}  // namespace flywheel::inline v0::sim
