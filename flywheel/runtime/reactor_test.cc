#include "flywheel/runtime/reactor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "flywheel/runtime/descriptor.h"
#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/internal/thread_loop.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using internal::ThreadLoop;
using namespace std::chrono_literals;

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    FW_CHECK(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) == 0);
    read = Descriptor(ends[0]);
    write = Descriptor(ends[1]);
  }
  void Write(std::string_view text) const {
    EXPECT_EQ(::write(write.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // As much as there is; then the edge is used up.
  std::string Drain(Readiness& readiness) const {
    std::string text;
    std::array<char, 64> buffer;
    for (;;) {
      const auto count = ::read(read.get(), buffer.data(), buffer.size());
      if (count <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    readiness.ClearReadable();
    return text;
  }
  Descriptor read;
  Descriptor write;
};

// Watches a descriptor as long as it lives.
class Watch {
 public:
  explicit Watch(int descriptor) : descriptor_(descriptor) {
    EXPECT_EQ(Loop::current()->reactor().Watch(descriptor, readiness), Status::Ok());
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { Loop::current()->reactor().Unwatch(descriptor_); }
  Readiness readiness;

 private:
  int descriptor_;
};

TEST(ReactorTest, PipeIsReadableByEdgesAndAtItsEnd) {
  ThreadLoop loop;
  const auto test = []() -> Task<void> {
    Pipe pipe;
    Watch watch(pipe.read.get());
    EXPECT_TRUE(watch.readiness.readable());  // a first try costs less than waiting
    EXPECT_EQ(pipe.Drain(watch.readiness), "");
    TaskGroup group;
    const auto write = [](Pipe& to) -> Task<void> {
      for (const char* const text : {"one", "two"}) {
        EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
        to.Write(text);
      }
      EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
      to.write.Close();
    };
    group.Spawn(write(pipe));
    EXPECT_EQ(co_await watch.readiness.Readable(), Status::Ok());
    EXPECT_EQ(pipe.Drain(watch.readiness), "one");
    EXPECT_EQ(co_await watch.readiness.Readable(), Status::Ok());
    EXPECT_EQ(pipe.Drain(watch.readiness), "two");
    EXPECT_EQ(co_await watch.readiness.Readable(), Status::Ok());
    EXPECT_EQ(pipe.Drain(watch.readiness), "");
    EXPECT_TRUE(watch.readiness.readable());  // the end stays
    EXPECT_EQ(co_await watch.readiness.Readable(), Status::Ok());
    EXPECT_EQ(co_await group.Join(), Status::Ok());
  };
  loop.Run(test());
}

TEST(ReactorTest, FullPipeBecomesWritableAndABrokenOneToo) {
  ThreadLoop loop;
  const auto test = []() -> Task<void> {
    Pipe pipe;
    Watch reader(pipe.read.get());
    Watch writer(pipe.write.get());
    const std::string block(65536, 'x');
    while (::write(pipe.write.get(), block.data(), block.size()) > 0) continue;
    EXPECT_EQ(errno, EAGAIN);
    writer.readiness.ClearWritable();
    TaskGroup group;
    const auto drain = [](Pipe& from, Readiness& readiness) -> Task<void> {
      EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
      EXPECT_FALSE(from.Drain(readiness).empty());
    };
    group.Spawn(drain(pipe, reader.readiness));
    EXPECT_EQ(co_await writer.readiness.Writable(), Status::Ok());
    EXPECT_EQ(co_await group.Join(), Status::Ok());
  };
  loop.Run(test());
}

TEST(ReactorTest, EventfdTimerfdAndPidfdAreReadable) {
  ThreadLoop loop;
  const auto test = []() -> Task<void> {
    const Descriptor counter(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    Watch on_counter(counter.get());
    on_counter.readiness.ClearReadable();
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(counter.get(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
    EXPECT_EQ(co_await on_counter.readiness.Readable(), Status::Ok());

    const Descriptor timer(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    Watch on_timer(timer.get());
    on_timer.readiness.ClearReadable();
    const itimerspec soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = 1'000'000}};
    EXPECT_EQ(::timerfd_settime(timer.get(), 0, &soon, nullptr), 0);
    EXPECT_EQ(co_await on_timer.readiness.Readable(), Status::Ok());
    std::uint64_t expirations = 0;
    EXPECT_EQ(::read(timer.get(), &expirations, sizeof(expirations)), static_cast<ssize_t>(sizeof(expirations)));
    EXPECT_EQ(expirations, 1u);

    Pipe hold;
    const pid_t child = ::fork();
    if (child == 0) {
      // Blocks until the parent lets go.
      ::close(hold.write.get());
      const int flags = ::fcntl(hold.read.get(), F_GETFL);
      ::fcntl(hold.read.get(), F_SETFL, flags & ~O_NONBLOCK);
      char byte = 0;
      [[maybe_unused]] const auto count = ::read(hold.read.get(), &byte, 1);
      ::_exit(7);
    }
    const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    EXPECT_TRUE(process.valid());
    Watch on_process(process.get());
    on_process.readiness.ClearReadable();
    const auto wait = [](Readiness& readiness) -> Task<Status> { co_return co_await readiness.Readable(); };
    EXPECT_EQ((co_await Timeout(5ms, wait(on_process.readiness))).code(), StatusCode::kDeadlineExceeded);
    hold.write.Close();
    EXPECT_EQ(co_await on_process.readiness.Readable(), Status::Ok());
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, WNOHANG), child);
    EXPECT_EQ(WEXITSTATUS(status), 7);
  };
  loop.Run(test());
}

TEST(ReactorTest, CancelledWaiterLeavesItsPlaceToTheNext) {
  ThreadLoop loop;
  const auto test = []() -> Task<void> {
    Pipe pipe;
    Watch watch(pipe.read.get());
    watch.readiness.ClearReadable();
    const auto wait = [](Readiness& readiness) -> Task<Status> { co_return co_await readiness.Readable(); };
    EXPECT_EQ((co_await Timeout(1ms, wait(watch.readiness))).code(), StatusCode::kDeadlineExceeded);
    pipe.Write("x");
    EXPECT_EQ(co_await watch.readiness.Readable(), Status::Ok());
  };
  loop.Run(test());
}

TEST(ReactorTest, UnwatchedDescriptorIsSilent) {
  ThreadLoop loop;
  const auto test = []() -> Task<void> {
    Pipe pipe;
    Readiness readiness;
    EXPECT_EQ(Loop::current()->reactor().Watch(pipe.read.get(), readiness), Status::Ok());
    Loop::current()->reactor().Unwatch(pipe.read.get());
    readiness.ClearReadable();
    pipe.Write("x");
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    EXPECT_FALSE(readiness.readable());
  };
  loop.Run(test());
}

TEST(ReactorTest, RefusalNamesTheDescriptor) {
  ThreadLoop loop;
  const auto test = []() -> Task<void> {
    const Descriptor file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    Readiness readiness;
    const Status status = Loop::current()->reactor().Watch(file.get(), readiness);
    EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
    EXPECT_TRUE(status.message().starts_with("epoll: watching descriptor " + std::to_string(file.get())));
    co_return;
  };
  loop.Run(test());
}

// A real long turn: the pipe was written while the loop was busy, so its reader is served before its deadline counts.
TEST(ReactorTest, DataThatCameDuringALongTurnBeatsTheDeadline) {
  internal::ReportLog log;
  Host::Parts parts = Host::SystemParts("test");
  parts.reports = log.Sink();
  ThreadLoop loop(std::move(parts));
  const auto test = [](Clock& clock) -> Task<void> {
    Pipe pipe;
    Watch watch(pipe.read.get());
    watch.readiness.ClearReadable();
    Status seen = Internal("never ended");
    const auto wait = [](Readiness& readiness, Status& out) -> Task<void> {
      const auto inner = [](Readiness& waited) -> Task<Status> { co_return co_await waited.Readable(); };
      out = co_await Timeout(20ms, inner(readiness));
    };
    TaskGroup group;
    group.Spawn(wait(watch.readiness, seen));
    EXPECT_EQ(co_await Yield(), Status::Ok());
    pipe.Write("x");
    const Instant until = clock.Now() + 2 * Loop::kLongTurn;
    while (clock.Now() < until) continue;
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    EXPECT_EQ(seen, Status::Ok());
  };
  loop.Run(test(loop.host().clock()));
  EXPECT_EQ(loop.loop().stats().long_turns, 1u);
}

// As from a peer that sends faster than we read: everyone else on the loop must get on nevertheless.
TEST(ReactorTest, ObjectThatIsAlwaysReadyLeavesTheLoopToOthers) {
  internal::OneHost sim;
  const auto test = []() -> Task<int> {
    Readiness readiness;
    bool stop = false;
    int reads = 0;
    const auto read = [](Readiness& from, const bool& enough, int& count) -> Task<void> {
      while (!enough) {
        EXPECT_EQ(co_await from.Readable(), Status::Ok());
        EXPECT_EQ(co_await from.Writable(), Status::Ok());
        ++count;
      }
    };
    TaskGroup group;
    group.Spawn(read(readiness, stop, reads));
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    stop = true;
    EXPECT_EQ(co_await group.Join(), Status::Ok());
    co_return reads;
  };
  EXPECT_GT(sim.Run(test()), 1000);
}

TEST(ReactorDeathTest, TwoReadersOfOneObjectAreABug) {
  const auto test = []() -> Task<void> {
    Readiness readiness;
    readiness.ClearReadable();
    const auto wait = [](Readiness& waited) -> Task<void> { (co_await waited.Readable()).IgnoreError(); };
    TaskGroup group;
    group.Spawn(wait(readiness));
    group.Spawn(wait(readiness));
    (co_await group.Join()).IgnoreError();
  };
  EXPECT_DEATH(internal::OneHost().Run(test()), "two tasks wait for the same Readable; one reader and one writer may");
}

TEST(ReactorDeathTest, ClosingUnderAWaiterIsABug) {
  const auto test = []() -> Task<void> {
    std::optional<Readiness> readiness(std::in_place);
    readiness->ClearReadable();
    const auto wait = [](Readiness& waited) -> Task<void> { (co_await waited.Readable()).IgnoreError(); };
    TaskGroup group;
    group.Spawn(wait(*readiness));
    (co_await Sleep(1ms)).IgnoreError();
    readiness.reset();
    (co_await group.Join()).IgnoreError();
  };
  EXPECT_DEATH(internal::OneHost().Run(test()), "an I/O object was closed while a task waits for it");
}

}  // namespace
}  // namespace flywheel::inline v0
