// ContextLedger: which contexts live on a loop, and which of them should not any more.
//
// A context is entered when it is made and leaves when it dies. Whoever ran a unit of work says when that has ended
// (Context::Finish); a context that others still hold then is due, and if it lives kHeldAfter later, the loop reports
// it once, with those who hold it as far as they are recorded (holders.h). All of it is O(1) per context: the due ones
// form a queue in the order of time, and one timer waits for the first. Home thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "flywheel/runtime/context.h"
#include "flywheel/runtime/internal/list.h"
#include "flywheel/runtime/timer_wheel.h"

namespace flywheel::inline v0::internal {

class ContextLedger {
 public:
  // A callback or a cache may outlive a call by a while; who holds it for a minute has forgotten it.
  static constexpr Duration kHeldAfter = std::chrono::minutes(1);
  // One report names so many contexts, and so many holders of each.
  static constexpr std::size_t kNamedMax = 8;

  explicit ContextLedger(Loop& loop) noexcept : loop_(loop), timer_(*this) {}

  void Enter(const Context& context) noexcept { alive_.PushBack(context); }
  // Its work has ended, and it is held by others.
  void Finish(const Context& context) noexcept;
  // Counts the contexts that are made, for sampling.
  [[nodiscard]] std::uint64_t NextOrdinal() noexcept { return ordinal_++; }

  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    alive_.ForEach(visit);
    due_.ForEach(visit);
    reported_.ForEach(visit);
  }

 private:
  struct DueTimer : Timer {
    explicit DueTimer(ContextLedger& owner) noexcept : Timer(&ContextLedger::OnDue), ledger(owner) {}
    ContextLedger& ledger;
  };

  static void OnDue(Timer& timer);
  void ReportDue();
  static std::string Describe(const Context& context, Instant now);

  Loop& loop_;
  std::uint64_t ordinal_ = 0;
  List<const Context, AliveTag> alive_;
  List<const Context, AliveTag> due_;
  List<const Context, AliveTag> reported_;
  DueTimer timer_;
};

}  // namespace flywheel::inline v0::internal
