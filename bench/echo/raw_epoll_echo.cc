// raw_epoll_echo --listen 127.0.0.1:0: an echo server of nothing but system calls, the floor of the row echo.cpu.
//
// One thread, level-triggered epoll, no allocation after the start. A ready connection costs one recv and one send and
// no failing attempt, which is what edge-triggered loops pay to learn that they are done. What the peer does not take
// is kept, and the connection is not read until it has gone out, so a slow reader bounds itself.
// SIGTERM: stops accepting, ends with code 0 when the last connection has closed; a second SIGTERM ends at once.
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "bench/echo/arguments.h"
#include "bench/echo/sockets.h"
#include "flywheel/base/check.h"

namespace flywheel::bench::echo {
namespace {

constexpr std::size_t kChunkBytes = 16'384;
constexpr std::size_t kFilesMax = 16'384;  // connections are indexed by descriptor
constexpr std::size_t kEventsPerTurn = 512;
constexpr int kAcceptsPerTurn = 64;

// What could not be sent yet. All zero at first, so the table costs address space only.
struct Unsent {
  std::size_t begin;
  std::size_t end;
  std::array<char, kChunkBytes> bytes;
};

class Server {
 public:
  Server(Fd listener, Fd signals) : listener_(std::move(listener)), signals_(std::move(signals)) {
    FW_CHECK(epoll_.valid()) << "epoll_create1: errno " << errno;
    void* const table = mmap(nullptr, kFilesMax * sizeof(Unsent), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    FW_CHECK(table != MAP_FAILED) << "mmap: errno " << errno;
    unsent_ = static_cast<Unsent*>(table);
    Watch(listener_.get(), EPOLL_CTL_ADD, EPOLLIN);
    Watch(signals_.get(), EPOLL_CTL_ADD, EPOLLIN);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { munmap(unsent_, kFilesMax * sizeof(Unsent)); }

  void Run() {
    std::array<epoll_event, kEventsPerTurn> events;
    while (listener_.valid() || connections_ > 0) {
      const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_.get()) {
          Accept();
        } else if (fd == signals_.get()) {
          if (!listener_.valid()) return;
          TakeSignal();
        } else if (unsent_[fd].end != 0) {
          SendRest(fd);
        } else {
          Echo(fd);
        }
      }
    }
  }

 private:
  void Watch(int fd, int operation, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    FW_CHECK(epoll_ctl(epoll_.get(), operation, fd, &event) == 0) << "epoll_ctl: errno " << errno;
  }

  void TakeSignal() {
    signalfd_siginfo info;
    FW_CHECK(read(signals_.get(), &info, sizeof info) == sizeof info) << "signalfd: errno " << errno;
    listener_.Close();
  }

  void Accept() {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd.valid()) {
        // Level-triggered: an accept that fails for want of files would be tried again for ever.
        FW_CHECK(errno != EMFILE && errno != ENFILE) << "out of files after " << connections_ << " connections";
        return;
      }
      if (static_cast<std::size_t>(fd.get()) >= kFilesMax) {
        std::fprintf(stderr, "raw_epoll_echo: refused a connection beyond %zu files\n", kFilesMax);
        continue;
      }
      const int on = 1;
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      Watch(fd.get(), EPOLL_CTL_ADD, EPOLLIN);
      fd.Release();
      ++connections_;
    }
  }

  void Close(int fd) {
    unsent_[fd].begin = unsent_[fd].end = 0;
    Fd owned(fd);
    --connections_;
  }

  void Echo(int fd) {
    const ssize_t got = recv(fd, chunk_.data(), chunk_.size(), 0);
    if (got <= 0) {
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      return Close(fd);
    }
    const ssize_t sent = send(fd, chunk_.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
    if (sent == got) [[likely]]
      return;
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return Close(fd);
    Unsent& rest = unsent_[fd];
    rest.begin = 0;
    rest.end = static_cast<std::size_t>(got - (sent < 0 ? 0 : sent));
    std::memcpy(rest.bytes.data(), chunk_.data() + got - rest.end, rest.end);
    Watch(fd, EPOLL_CTL_MOD, EPOLLOUT);
  }

  void SendRest(int fd) {
    Unsent& rest = unsent_[fd];
    const ssize_t sent = send(fd, rest.bytes.data() + rest.begin, rest.end - rest.begin, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      return Close(fd);
    }
    rest.begin += static_cast<std::size_t>(sent);
    if (rest.begin < rest.end) return;
    rest.begin = rest.end = 0;
    Watch(fd, EPOLL_CTL_MOD, EPOLLIN);
  }

  Fd epoll_{epoll_create1(EPOLL_CLOEXEC)};
  Fd listener_;
  Fd signals_;
  Unsent* unsent_;
  std::size_t connections_ = 0;
  std::array<char, kChunkBytes> chunk_;
};

Status Main(int argc, char** argv) {
  Arguments arguments(argc, argv);
  const std::string address = arguments.Text("--listen", "127.0.0.1:0");
  FW_RETURN_IF_ERROR(arguments.status());
  FW_RETURN_IF_ERROR(RaiseFileLimit(0));

  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  Fd signals(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!signals.valid()) return ErrnoStatus(errno, "signalfd");

  FW_ASSIGN_OR_RETURN(Fd listener, Listen(address));
  FW_ASSIGN_OR_RETURN(const std::string bound, BoundAddress(listener.get()));
  std::printf("raw_epoll_echo: listening on %s\n", bound.c_str());
  std::fflush(stdout);
  Server(std::move(listener), std::move(signals)).Run();
  return Status::Ok();
}

}  // namespace
}  // namespace flywheel::bench::echo

int main(int argc, char** argv) {
  const flywheel::Status status = flywheel::bench::echo::Main(argc, argv);
  if (!status.ok()) std::fprintf(stderr, "raw_epoll_echo: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
