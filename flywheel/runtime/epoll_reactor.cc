#include "flywheel/runtime/epoll_reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <string>

#include "flywheel/base/check.h"
#include "flywheel/runtime/descriptor.h"

namespace flywheel::inline v0 {
namespace {

// Events taken from the kernel at once; what is left stays for the next poll, which a busy loop makes without waiting.
constexpr int kEventsPerPoll = 256;

class EpollReactor final : public Reactor {
 public:
  EpollReactor(Descriptor epoll, Descriptor wake) noexcept : epoll_(std::move(epoll)), wake_(std::move(wake)) {}

  int Poll(Duration wait) override {
    const int count = Wait(wait);
    if (count < 0) {
      FW_CHECK(errno == EINTR) << "epoll_wait failed with errno " << errno;
      return 0;
    }
    for (int index = 0; index < count; ++index) {
      const epoll_event& event = events_[static_cast<std::size_t>(index)];
      // The eventfd is never read: each write is an edge of its own, and 2^64 of them do not happen.
      if (event.data.ptr == nullptr) continue;
      const std::uint32_t mask = event.events;
      static_cast<Readiness*>(event.data.ptr)
          ->Signal({.readable = (mask & EPOLLIN) != 0,
                    .writable = (mask & EPOLLOUT) != 0,
                    .ended = (mask & EPOLLRDHUP) != 0,
                    .failed = (mask & (EPOLLHUP | EPOLLERR)) != 0});
    }
    return count;
  }

  void Wake() noexcept override {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
  }

  Status Watch(int descriptor, Readiness& readiness) override {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &readiness;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) {
      return ErrnoStatus(errno, "epoll: watching descriptor " + std::to_string(descriptor));
    }
    return Status::Ok();
  }

  void Unwatch(int descriptor) noexcept override { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr); }

 private:
  int Wait(Duration wait) noexcept {
    if (wait == Duration::max()) return ::epoll_wait(epoll_.get(), events_.data(), kEventsPerPoll, -1);
    if (wait <= Duration::zero()) return ::epoll_wait(epoll_.get(), events_.data(), kEventsPerPoll, 0);
    if (!coarse_) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wait);
      const timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (wait - seconds).count()};
      const int count = ::epoll_pwait2(epoll_.get(), events_.data(), kEventsPerPoll, &timeout, nullptr);
      if (count >= 0 || errno != ENOSYS) return count;
      coarse_ = true;  // a kernel before 5.11: whole milliseconds, rounded up
    }
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    return ::epoll_wait(epoll_.get(), events_.data(), kEventsPerPoll,
                        static_cast<int>(std::min<std::int64_t>(milliseconds, 1'000'000)));
  }

  Descriptor epoll_;
  Descriptor wake_;
  bool coarse_ = false;
  std::array<epoll_event, kEventsPerPoll> events_;
};

}  // namespace

StatusOr<std::unique_ptr<Reactor>> MakeEpollReactor() {
  Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return ErrnoStatus(errno, "epoll_create1");
  Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return ErrnoStatus(errno, "eventfd");
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) return ErrnoStatus(errno, "epoll_ctl");
  return std::unique_ptr<Reactor>(std::make_unique<EpollReactor>(std::move(epoll), std::move(wake)));
}

}  // namespace flywheel::inline v0
