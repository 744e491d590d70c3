// SimOffload: blocking jobs of a simulated host.
//
// A job runs whole, on the simulated thread, after a random time, so jobs of one host end in any order, as on real
// threads. It sees the Context of its caller. It ends when it has run, or as much later as it says (Extend): then what
// it did is done, and its caller does not know it yet. The bound of the queue is that of the real executor.
#pragma once

#include <cstdint>
#include <list>

#include "flywheel/runtime/offload.h"
#include "flywheel/runtime/random.h"
#include "flywheel/runtime/sim/alarm.h"

namespace flywheel::inline v0::sim {

class SimHost;
class SimWorld;

class SimOffload final : public OffloadExecutor {
 public:
  SimOffload(SimWorld& world, SimHost& host);

  Status Submit(OffloadJob& job) override;
  bool Withdraw(OffloadJob& job) noexcept override;

  // From a job: it takes this much longer.
  void Extend(Duration length) noexcept { extension_ += length; }

 private:
  struct Pending {
    Pending(SimOffload& executor, OffloadJob& submitted);
    void Ring() { owner.Proceed(*this); }

    SimOffload& owner;
    OffloadJob& job;
    bool has_run = false;
    std::list<Pending>::iterator self;
    AlarmFor<&Pending::Ring> alarm;
  };

  void Proceed(Pending& pending);

  SimWorld& world_;
  SimHost& host_;
  Random random_;
  Duration extension_{};
  std::list<Pending> pending_;
};

}  // namespace flywheel::inline v0::sim
