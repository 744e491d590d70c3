#include "bench/clocks.h"

#include <dirent.h>
#include <time.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>

#include "flywheel/base/check.h"

namespace flywheel::bench {
namespace {

Duration Read(clockid_t clock) {
  timespec value{};
  FW_CHECK(clock_gettime(clock, &value) == 0) << "clock " << clock;
  return std::chrono::seconds(value.tv_sec) + std::chrono::nanoseconds(value.tv_nsec);
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

}  // namespace

Instant MonotonicTime() { return Instant(Read(CLOCK_MONOTONIC)); }
Duration ThreadCpu() { return Read(CLOCK_THREAD_CPUTIME_ID); }
Duration ProcessCpu() { return Read(CLOCK_PROCESS_CPUTIME_ID); }

StatusOr<Duration> CpuOfProcess(pid_t pid) {
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  const std::unique_ptr<DIR, CloseDirectory> directory(opendir(tasks.c_str()));
  if (directory == nullptr) return ErrnoStatus(errno, "opendir " + tasks);
  Duration sum{};
  while (const dirent* const entry = readdir(directory.get())) {
    if (entry->d_name[0] == '.') continue;
    const std::string path = tasks + "/" + entry->d_name + "/schedstat";
    std::ifstream file(path);
    std::int64_t run_time_ns = 0;
    if (!(file >> run_time_ns)) {
      return Unavailable("reading " + path + ": a thread ended meanwhile, or the kernel lacks CONFIG_SCHED_INFO");
    }
    sum += std::chrono::nanoseconds(run_time_ns);
  }
  return sum;
}

}  // namespace flywheel::bench
