// How many loops are worth having.
//
// A container is often granted half a CPU on a machine with 64: one loop per CPU of the machine would then spend its
// share on switching. What counts is the affinity mask and the CPU quota of the cgroup and of all above it, whichever
// is less. Where nothing can be read there is no quota.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace flywheel::inline v0 {

// Reads a file of procfs, sysfs or a cgroup; nothing if it cannot be read.
using ReadSmallFile = std::optional<std::string> (*)(std::string_view path, const void* argument);

// The smallest CPU quota on the way from this process's cgroup to the root, in CPUs; nothing if there is none.
// Understands cgroup v2 (cpu.max) and v1 (cpu.cfs_quota_us / cpu.cfs_period_us) wherever mountinfo says they are.
std::optional<double> CgroupCpuQuota(ReadSmallFile read, const void* argument);

// At least 1: the CPUs of the affinity mask, or the quota rounded up where that is less.
int CpusAvailable();

}  // namespace flywheel::inline v0
