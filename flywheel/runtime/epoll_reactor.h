// EpollReactor: the kernel's readiness, edge-triggered, for sockets, pipes, pidfds, eventfds and timerfds.
//
// Edges, because a level would have to be switched off and on around every wait. Measured against io_uring on the
// reference machine, epoll costs 2 to 4 % more and works where containers forbid the other. Timeouts have nanoseconds
// (epoll_pwait2); on kernels before 5.11 they are rounded up to milliseconds.
#pragma once

#include <memory>

#include "flywheel/base/status_or.h"
#include "flywheel/runtime/reactor.h"

namespace flywheel::inline v0 {

// RESOURCE_EXHAUSTED when the process has no descriptors left.
StatusOr<std::unique_ptr<Reactor>> MakeEpollReactor();

}  // namespace flywheel::inline v0
