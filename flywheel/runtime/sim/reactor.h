// SimReactor: delivers what the simulated network has signalled.
//
// Signals are collected outside the loop's turn and take effect when it polls, as edges of a descriptor do. There are
// no descriptors: Watch says so, and what simulated code needs is reached through the Host's network and files.
#pragma once

#include <utility>
#include <vector>

#include "flywheel/runtime/reactor.h"

namespace flywheel::inline v0::sim {

class SimReactor final : public Reactor {
 public:
  int Poll(Duration) override {
    const auto signals = std::exchange(signals_, {});
    for (const auto& [readiness, edges] : signals) readiness->Signal(edges);
    return static_cast<int>(signals.size());
  }
  // A posted work is seen by Loop::IdleTime; nobody sleeps here.
  void Wake() noexcept override {}
  Status Watch(int descriptor, Readiness&) override {
    return Unimplemented("descriptor " + std::to_string(descriptor) +
                         ": a simulated loop has no descriptors; use the Host's network and files");
  }
  void Unwatch(int) noexcept override {}

  // From outside the loop's turn, or inside: delivered at the next poll.
  void Deliver(Readiness& readiness, Readiness::Edges edges) { signals_.emplace_back(&readiness, edges); }
  // Before a Readiness dies.
  void Forget(const Readiness& readiness) noexcept {
    std::erase_if(signals_, [&](const auto& signal) { return signal.first == &readiness; });
  }
  [[nodiscard]] bool pending() const noexcept { return !signals_.empty(); }

 private:
  std::vector<std::pair<Readiness*, Readiness::Edges>> signals_;
};

}  // namespace flywheel::inline v0::sim
