#include "flywheel/runtime/sim/reactor.h"

#include <string>
#include <utility>

#include "flywheel/runtime/loop.h"
#include "flywheel/runtime/sim/host.h"

namespace flywheel::inline v0::sim {

StatusOr<Readiness*> SimWatch::Watch() {
  if (reactor_ == nullptr) {
    FW_CHECK(Loop::current() != nullptr) << "a socket is waited for outside a loop";
    auto* const reactor = dynamic_cast<SimReactor*>(&Loop::current()->reactor());
    FW_CHECK(reactor != nullptr) << "a simulated socket is waited for on a real loop";
    reactor_ = reactor;
    if (edges_.readable || edges_.writable || edges_.ended || edges_.failed) Signal({});
  }
  FW_DCHECK(reactor_ == &Loop::current()->reactor()) << "a socket is waited for on two loops";
  return &readiness_;
}

void SimWatch::Unwatch() noexcept {
  SimReactor* const reactor = std::exchange(reactor_, nullptr);
  const std::size_t place = std::exchange(place_, kNowhere);
  if (place != kNowhere) reactor->pending_[place] = {.readiness = nullptr, .edges = {}};
}

void SimWatch::Signal(Readiness::Edges edges) {
  edges_.readable |= edges.readable;
  edges_.writable |= edges.writable;
  edges_.ended |= edges.ended;
  edges_.failed |= edges.failed;
  if (reactor_ == nullptr || place_ != kNowhere) return;
  place_ = reactor_->pending_.size();
  reactor_->Add({.readiness = &readiness_, .edges = {}, .watch = this});
}

void SimReactor::Add(const Pending& pending) {
  pending_.push_back(pending);
  host_.Touch();
}

void SimReactor::Forget(const Readiness& readiness) noexcept {
  for (Pending& pending : pending_) {
    if (pending.readiness == &readiness) pending.readiness = nullptr;
  }
}

int SimReactor::Poll(Duration) {
  // Signal only makes tasks ready, so nothing is added meanwhile.
  int count = 0;
  for (Pending& pending : pending_) {
    if (pending.watch != nullptr) {
      pending.watch->place_ = SimWatch::kNowhere;
      pending.edges = std::exchange(pending.watch->edges_, {});
    }
    if (pending.readiness == nullptr) continue;
    pending.readiness->Signal(pending.edges);
    ++count;
  }
  pending_.clear();
  return count;
}

Status SimReactor::Watch(int descriptor, Readiness&) {
  return Unimplemented("descriptor " + std::to_string(descriptor) +
                       ": a simulated loop has no descriptors; use the Host's network and files");
}

}  // namespace flywheel::inline v0::sim
