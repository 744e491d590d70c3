// ThreadLoop: a real loop that the calling thread turns, until a task has ended.
//
// For benchmarks and tests of a single loop on the real clock and the real kernel, where a thread of its own would only
// add noise. Programs use Runtime, tests that need time use sim::SimWorld.
#pragma once

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
      : host_(std::move(parts)), loop_(host_, *MakeEpollReactor(), host_.name()) {}
  ThreadLoop(const ThreadLoop&) = delete;
  ThreadLoop& operator=(const ThreadLoop&) = delete;

  Host& host() noexcept { return host_; }
  Loop& loop() noexcept { return loop_; }

  template <typename T>
  WhenValue<T> Run(Task<T> task, std::source_location where = std::source_location::current()) {
    WhenSlot<T> slot;
    bool done = false;
    loop_.Post([&] { loop_.roots().Spawn(RunInto(std::move(task), slot, [&done] { done = true; }), where); });
    while (!done) loop_.Turn(Duration::max());
    return slot.Take();
  }

 private:
  Host host_;
  Loop loop_;
};

}  // namespace flywheel::inline v0::internal
