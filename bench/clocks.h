// The clocks that a measurement reads: elapsed time and CPU time of this thread, this process or another process.
//
// The only place of bench/ that knows real time; product code gets its time from the Host's Clock instead.
// CPU time comes from the scheduler's run time (nanoseconds), not from tick accounting (10 ms).
#pragma once

#include <sys/types.h>

#include "flywheel/base/status_or.h"
#include "flywheel/base/time.h"

namespace flywheel::bench {

Instant MonotonicTime();
Duration ThreadCpu();
// All threads, those that have ended included.
Duration ProcessCpu();

// CPU time of another process: the sum over its living threads' /proc/PID/task/*/schedstat. The kernel brings a
// thread's figure up to date when the thread leaves the CPU or at a tick, so read it while the process is parked.
StatusOr<Duration> CpuOfProcess(pid_t pid);

}  // namespace flywheel::bench
