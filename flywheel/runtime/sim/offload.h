// SimOffload: blocking jobs of a simulated host.
//
// A job runs whole, on the simulated thread, after a random time, so jobs of one host end in any order, as on real
// threads. It sees the Context of its caller. The bound of the queue is that of the real executor.
#pragma once

#include <cstdint>
#include <map>

#include "flywheel/runtime/offload.h"
#include "flywheel/runtime/random.h"

namespace flywheel::inline v0::sim {

class SimHost;
class SimWorld;

class SimOffload final : public OffloadExecutor {
 public:
  SimOffload(SimWorld& world, SimHost& host);

  Status Submit(OffloadJob& job) override;
  bool Withdraw(OffloadJob& job) noexcept override;

 private:
  void Run(std::uint64_t ticket);

  SimWorld& world_;
  SimHost& host_;
  Random random_;
  std::uint64_t next_ticket_ = 0;
  std::map<std::uint64_t, OffloadJob*> waiting_;
  std::shared_ptr<SimOffload*> self_;  // events outlive a crashed host
};

}  // namespace flywheel::inline v0::sim
