#include "bench/background.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "flywheel/base/check.h"

namespace flywheel::bench {

BackgroundThread::BackgroundThread(const Background& background)
    : step_(background.step), timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)), stop_(eventfd(0, EFD_CLOEXEC)) {
  FW_CHECK(timer_ >= 0 && stop_ >= 0) << "timerfd or eventfd: errno " << errno;
  FW_CHECK(background.period > Duration::zero()) << "a background step needs a period above zero";
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(background.period);
  itimerspec every{};
  every.it_interval.tv_sec = seconds.count();
  every.it_interval.tv_nsec = (background.period - seconds).count();
  every.it_value = every.it_interval;
  FW_CHECK(timerfd_settime(timer_, 0, &every, nullptr) == 0) << "errno " << errno;
  thread_ = std::thread([this] { Run(); });
}

BackgroundThread::~BackgroundThread() {
  const std::uint64_t one = 1;
  FW_CHECK(write(stop_, &one, sizeof one) == sizeof one) << "errno " << errno;
  thread_.join();
  close(timer_);
  close(stop_);
}

void BackgroundThread::AwaitSteps(std::uint64_t count) const {
  for (std::uint64_t done = steps(); done < count; done = steps()) steps_.wait(done, std::memory_order_acquire);
}

void BackgroundThread::Run() {
  while (true) {
    std::array<pollfd, 2> ready = {pollfd{timer_, POLLIN, 0}, pollfd{stop_, POLLIN, 0}};
    if (poll(ready.data(), ready.size(), -1) < 0) {
      FW_CHECK(errno == EINTR) << "poll: errno " << errno;
      continue;
    }
    if (ready[1].revents != 0) return;
    std::uint64_t expirations = 0;
    if (read(timer_, &expirations, sizeof expirations) != sizeof expirations) continue;
    step_();
    steps_.fetch_add(1, std::memory_order_release);
    steps_.notify_all();
  }
}

}  // namespace flywheel::bench
