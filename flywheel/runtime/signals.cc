#include "flywheel/runtime/signals.h"

#include <csignal>
#include <string>

#include "flywheel/runtime/host.h"
#include "flywheel/runtime/loop.h"

namespace flywheel::inline v0 {
namespace {

// What a shell reports for a process that SIGTERM ended.
constexpr int kExitCode = 128 + SIGTERM;

}  // namespace

void Signals::Deliver(HostSignal signal, std::string_view name) {
  const std::string who(name);
  if (signal == HostSignal::kReload) {
    host_.Report(ReportKind::kSignal, who + ": reloading");
    const MutexLock lock(mutex_);
    for (const Reload& reload : reloads_) reload.loop->Post(reload.call);
    return;
  }
  bool first = false;
  {
    const MutexLock lock(mutex_);
    first = !std::exchange(draining_, true);
    if (first) {
      for (Loop* const loop : loops_) {
        loop->Post([loop] { loop->draining().Set(); });
      }
    }
  }
  if (first) {
    host_.Report(ReportKind::kSignal, who + ": draining; a second one ends the process at once");
  } else {
    host_.Report(ReportKind::kSignal, who + " again: ending at once; work in flight is lost");
    exit_(kExitCode);
  }
}

void Signals::OnReload(Loop& loop, std::function<void()> on_reload) {
  const MutexLock lock(mutex_);
  reloads_.push_back({.loop = &loop, .call = std::move(on_reload)});
}

void Signals::AddLoop(Loop& loop) {
  const MutexLock lock(mutex_);
  loops_.push_back(&loop);
  if (draining_) loop.Post([&loop] { loop.draining().Set(); });
}

void Signals::RemoveLoop(Loop& loop) {
  const MutexLock lock(mutex_);
  std::erase(loops_, &loop);
  std::erase_if(reloads_, [&](const Reload& reload) { return reload.loop == &loop; });
}

}  // namespace flywheel::inline v0
