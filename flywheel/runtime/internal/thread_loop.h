// ThreadLoop: a real loop that the calling thread turns, until a task has ended.
//
// For benchmarks and tests of a single loop on the real clock and the real kernel, where a thread of its own would only
// add noise. Programs use Runtime, tests that need time use sim::SimWorld.
#pragma once

#include <optional>
#include <source_location>
#include <utility>

#include "flywheel/runtime/epoll_reactor.h"
#include "flywheel/runtime/host.h"
#include "flywheel/runtime/loop.h"
#include "flywheel/runtime/when.h"

namespace flywheel::inline v0::internal {

class ThreadLoop {
 public:
  explicit ThreadLoop(Host::Parts parts = Host::SystemParts("thread"))
      : host_(std::move(parts)), loop_(host_, *MakeEpollReactor(), host_.name()) {
    loop_.Post([this] { roots_.emplace(loop_.context()); });
    loop_.Turn(Duration::zero());
  }
  ThreadLoop(const ThreadLoop&) = delete;
  ThreadLoop& operator=(const ThreadLoop&) = delete;
  ~ThreadLoop() {
    loop_.Post([this] { roots_.reset(); });
    loop_.Turn(Duration::zero());
  }

  Host& host() noexcept { return host_; }
  Loop& loop() noexcept { return loop_; }

  template <typename T>
  WhenValue<T> Run(Task<T> task, std::source_location where = std::source_location::current()) {
    WhenSlot<T> slot;
    bool done = false;
    loop_.Post([&] { roots_->Spawn(RunInto(std::move(task), slot, [&done] { done = true; }), where); });
    while (!done) loop_.Turn(Duration::max());
    return slot.Take();
  }

 private:
  Host host_;
  Loop loop_;
  std::optional<TaskGroup> roots_;
};

}  // namespace flywheel::inline v0::internal
