// SimReactor: delivers what the simulated network has signalled when its loop polls. There are no descriptors.
//
// A SimWatch is what a simulated socket has instead of a descriptor: its Readiness, and the edges that the reactor has
// yet to deliver. Edges gather until the loop polls, as they do in an epoll set.
#pragma once

#include <cstddef>
#include <vector>

#include "flywheel/base/status_or.h"
#include "flywheel/runtime/reactor.h"

namespace flywheel::inline v0::sim {

class SimHost;
class SimReactor;

class SimWatch {
 public:
  SimWatch() noexcept = default;
  SimWatch(const SimWatch&) = delete;
  SimWatch& operator=(const SimWatch&) = delete;
  ~SimWatch() { Unwatch(); }

  // The current loop's reactor delivers from the first call on, also what happened before.
  StatusOr<Readiness*> Watch();
  // No more edges reach the readiness; a later Watch may be on another loop.
  void Unwatch() noexcept;
  // From the simulated kernel, at any time.
  void Signal(Readiness::Edges edges);

  Readiness& readiness() noexcept { return readiness_; }

 private:
  friend class SimReactor;
  static constexpr std::size_t kNowhere = ~std::size_t{0};

  Readiness readiness_;
  Readiness::Edges edges_;  // not yet delivered
  SimReactor* reactor_ = nullptr;
  std::size_t place_ = kNowhere;  // in the reactor's list
};

class SimReactor final : public Reactor {
 public:
  explicit SimReactor(SimHost& host) noexcept : host_(host) {}

  int Poll(Duration wait) override;
  // A posted work is seen by Loop::IdleTime; nobody sleeps here.
  void Wake() noexcept override {}
  Status Watch(int descriptor, Readiness& readiness) override;
  void Unwatch(int) noexcept override {}

  // From outside the loop's turn, or inside: delivered at the next poll.
  void Deliver(Readiness& readiness, Readiness::Edges edges) { Add({.readiness = &readiness, .edges = edges}); }
  // Before a Readiness dies.
  void Forget(const Readiness& readiness) noexcept;
  [[nodiscard]] bool pending() const noexcept { return !pending_.empty(); }

 private:
  friend class SimWatch;
  struct Pending {
    Readiness* readiness;  // null: forgotten
    Readiness::Edges edges;
    SimWatch* watch = nullptr;  // to which the edges still belong
  };

  void Add(const Pending& pending);

  SimHost& host_;
  std::vector<Pending> pending_;
};

}  // namespace flywheel::inline v0::sim
