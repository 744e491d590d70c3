#include "flywheel/runtime/inspect.h"

#include <memory>
#include <utility>

#include "flywheel/runtime/event.h"
#include "flywheel/runtime/host.h"
#include "flywheel/runtime/internal/context_ledger.h"
#include "flywheel/runtime/loop.h"

namespace flywheel::inline v0 {
namespace {

TaskInfo Describe(const TaskRecord& task, Instant now) {
  TaskInfo info{.spawned_at = task.spawned_at, .age = now - task.spawned_when, .awaits = {}};
  if (task.awaiting != nullptr) {
    info.awaits = std::string(task.awaiting->what()) + " at " + LocationText(task.awaiting->where());
  }
  return info;
}

ContextInfo Describe(const Context& context, Instant now) {
  const bool finished = context.finished_when() != kNever;
  return {.made_at = context.made_at(),
          .age = now - context.made_when(),
          .finished_for = finished ? now - context.finished_when() : Duration::zero(),
          .deadline = context.deadline(),
          .cancelled = context.cancelled(),
          .trace = context.trace(),
          .references = context.reference_count(),
          .holders = context.holders()};
}

// Outlives an asker who has given up.
struct Answers {
  explicit Answers(Loop& loop) noexcept : home(loop) {}

  Loop& home;
  Event complete;
  std::size_t open = 0;
  std::vector<LoopInfo> loops;
};

void Ask(const std::shared_ptr<Answers>& answers, Loop& loop, std::size_t place) {
  loop.Post([answers, &loop, place] {
    answers->home.Post([answers, place, info = InspectLoop(loop)]() mutable {
      answers->loops[place] = std::move(info);
      if (--answers->open == 0) answers->complete.Set();
    });
  });
}

}  // namespace

LoopInfo InspectLoop(Loop& loop) {
  LoopInfo info{.name = loop.name(), .answered = true};
  const Instant now = loop.now();
  loop.ForEachTask([&](const TaskRecord& task) {
    if (info.task_count++ < LoopInfo::kListedMax) info.tasks.push_back(Describe(task, now));
  });
  loop.ledger().ForEach([&](const Context& context) {
    if (&context == &loop.context()) return;  // the loop's own, always there
    if (info.context_count++ < LoopInfo::kListedMax) info.contexts.push_back(Describe(context, now));
  });
  return info;
}

Task<std::vector<LoopInfo>> InspectHost(std::source_location where) {
  Loop& home = *Loop::current();
  const auto answers = std::make_shared<Answers>(home);
  for (Loop* const loop : home.host().loops()) {
    answers->loops.push_back({.name = loop->name()});
    ++answers->open;
    Ask(answers, *loop, answers->loops.size() - 1);
  }
  (co_await answers->complete.Wait(where)).IgnoreError();
  // Late answers still come in; they get a list of their own.
  co_return std::exchange(answers->loops, std::vector<LoopInfo>(answers->loops.size()));
}

}  // namespace flywheel::inline v0
