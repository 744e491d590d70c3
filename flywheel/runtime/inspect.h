// Inspection: what lives on the loops of a Host, for the page and the person who ask why it does not end.
//
// Each loop answers for itself, between two pieces of work, so the lists are true of one moment per loop and nothing is
// locked while tasks run. A loop that does not turn does not answer; whoever asks decides how long to wait (Timeout),
// and gets what the others said. At most kListedMax of each kind are listed per loop, the oldest first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>
#include <vector>

#include "flywheel/runtime/context.h"
#include "flywheel/runtime/task.h"

namespace flywheel::inline v0 {

class Host;
class Loop;

struct TaskInfo {
  std::source_location spawned_at;
  Duration age{};
  std::string awaits;  // "Event::Wait at shop/orders.cc:47 (…)"; empty: it runs or is about to
};

struct ContextInfo {
  std::source_location made_at;
  Duration age{};
  Duration finished_for{};  // since its unit of work ended; zero if it has not
  Instant deadline = kNever;
  bool cancelled = false;
  TraceIds trace;
  std::uint32_t references = 0;
  std::vector<std::source_location> holders;  // empty where they are not recorded (internal/holders.h)
};

struct LoopInfo {
  static constexpr std::size_t kListedMax = 1000;

  std::string name;
  bool answered = false;
  std::size_t task_count = 0;
  std::size_t context_count = 0;
  std::vector<TaskInfo> tasks;
  std::vector<ContextInfo> contexts;
};

// Of the current loop.
LoopInfo InspectLoop(Loop& loop);
// Of every loop of the current host. When the wait is cancelled, those that have not answered yet are not `answered`.
Task<std::vector<LoopInfo>> InspectHost(std::source_location where = std::source_location::current());

}  // namespace flywheel::inline v0
