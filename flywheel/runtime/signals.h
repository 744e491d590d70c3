// Signals: what a process is asked to do from outside, as decisions of its Host.
//
// The first kTerminate begins the drain: Context::draining() is set on every loop and work ends in its own time. The
// second ends the process at once. kReload calls those who asked for it, on their loops. A real process gets these
// from SIGTERM and SIGINT, and SIGHUP (Runtime::Main); a simulated one from its scenario.
#pragma once

#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "flywheel/base/mutex.h"

namespace flywheel::inline v0 {

class Host;
class Loop;

enum class HostSignal : unsigned char { kTerminate, kReload };

class Signals {
 public:
  // Ends the process at once with this exit code; in a simulation it crashes the host.
  using ExitFunction = std::function<void(int exit_code)>;

  Signals(Host& host, ExitFunction exit) : host_(host), exit_(std::move(exit)) {}
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Any thread. `name` is what a person reads ("SIGTERM").
  void Deliver(HostSignal signal, std::string_view name);
  // `on_reload` runs on `loop` after each kReload, as long as the loop lives.
  void OnReload(Loop& loop, std::function<void()> on_reload);

  // For loops: every loop of the host takes part in the drain.
  void AddLoop(Loop& loop);
  void RemoveLoop(Loop& loop);
  [[nodiscard]] std::vector<Loop*> loops() {
    const MutexLock lock(mutex_);
    return loops_;
  }

 private:
  struct Reload {
    Loop* loop;
    std::function<void()> call;
  };

  Host& host_;
  const ExitFunction exit_;
  Mutex mutex_;
  bool draining_ FW_GUARDED_BY(mutex_) = false;
  std::vector<Loop*> loops_ FW_GUARDED_BY(mutex_);
  std::vector<Reload> reloads_ FW_GUARDED_BY(mutex_);
};

}  // namespace flywheel::inline v0
