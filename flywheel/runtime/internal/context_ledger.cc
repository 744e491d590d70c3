#include "flywheel/runtime/internal/context_ledger.h"

#include <vector>

#include "flywheel/runtime/host.h"
#include "flywheel/runtime/internal/holders.h"
#include "flywheel/runtime/loop.h"

namespace flywheel::inline v0::internal {

void ContextLedger::Finish(const Context& context) noexcept {
  const_cast<Context&>(context).ListNode<AliveTag>::Unlink();
  due_.PushBack(context);
  if (!timer_.armed()) loop_.ArmTimer(timer_, SaturatingAdd(loop_.now(), kHeldAfter));
}

void ContextLedger::OnDue(Timer& timer) { static_cast<DueTimer&>(timer).ledger.ReportDue(); }

void ContextLedger::ReportDue() {
  const Instant now = loop_.now();
  std::string named;
  std::size_t count = 0;
  while (const Context* const context = due_.front()) {
    const Instant at = SaturatingAdd(context->finished_when(), kHeldAfter);
    if (at > now) {
      loop_.ArmTimer(timer_, at);
      break;
    }
    due_.PopFront();
    reported_.PushBack(*context);
    if (++count <= kNamedMax) named += "\n  " + Describe(*context, now);
  }
  if (count == 0) return;
  if (count > kNamedMax) named += "\n  and " + std::to_string(count - kNamedMax) + " more";
  loop_.host().Report(ReportKind::kHeldContext,
                      "loop " + loop_.name() + ": " + std::to_string(count) +
                          (count == 1 ? " context is" : " contexts are") +
                          " still held although the work has ended; drop the ContextRef, or the callback that "
                          "Context::Bind made:" +
                          named);
}

std::string ContextLedger::Describe(const Context& context, Instant now) {
  std::string text = "made at " + LocationText(context.made_at()) + ", its work ended " +
                     MillisecondsText(now - context.finished_when()) + " ago, held by ";
  const std::vector<std::source_location> holders = context.holders();
  if (holders.empty()) {
    return text + std::to_string(context.reference_count()) + " not recorded (1 context in " +
           std::to_string(Holders::kSampleEvery) + " records them, in a debug build all)";
  }
  for (std::size_t i = 0; i < holders.size() && i < kNamedMax; ++i) {
    text += (i == 0 ? "" : ", ") + LocationText(holders[i]);
  }
  if (holders.size() > kNamedMax) text += " and " + std::to_string(holders.size() - kNamedMax) + " more";
  return text;
}

}  // namespace flywheel::inline v0::internal
