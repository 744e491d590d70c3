// SimNetwork: the Network of a simulated process.
//
// A thin layer: sockets and listeners here are what a process holds, the rest is the kernel of its machine (Station),
// which outlives them. After a crash they may still be destroyed, in any order, and do nothing.
#pragma once

#include <memory>

#include "flywheel/runtime/network.h"

namespace flywheel::inline v0::sim {

class Station;

class SimNetwork final : public Network {
 public:
  explicit SimNetwork(Station& station) noexcept : station_(station) {}

  using Network::Listen;
  StatusOr<std::unique_ptr<Listener>> Listen(const Endpoint& endpoint, const ListenOptions& options) override;
  Task<StatusOr<std::unique_ptr<Socket>>> Connect(Endpoint endpoint) override;

 private:
  Station& station_;
};

}  // namespace flywheel::inline v0::sim
