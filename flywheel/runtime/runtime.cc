#include "flywheel/runtime/runtime.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <system_error>
#include <thread>

#include "flywheel/runtime/cpus.h"
#include "flywheel/runtime/descriptor.h"
#include "flywheel/runtime/epoll_reactor.h"
#include "flywheel/runtime/internal/watchdog.h"
#include "flywheel/runtime/on_loop.h"

namespace flywheel::inline v0 {
namespace {

// Blocks signals on this thread, and on those it makes meanwhile.
class SignalMask {
 public:
  explicit SignalMask(const sigset_t& blocked) noexcept { ::pthread_sigmask(SIG_BLOCK, &blocked, &before_); }
  SignalMask(const SignalMask&) = delete;
  SignalMask& operator=(const SignalMask&) = delete;
  ~SignalMask() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

sigset_t AllSignals() noexcept {
  sigset_t signals;
  sigfillset(&signals);
  // Faults of the thread itself must not be masked.
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGPROF}) sigdelset(&signals, fault);
  return signals;
}

}  // namespace

// A loop, the thread that turns it, and the group of tasks that belong to nobody else.
class Runtime::Worker {
 public:
  // Throws what std::thread throws.
  Worker(Host& host, std::unique_ptr<Reactor> reactor, std::string name)
      : loop_(host, std::move(reactor), std::move(name)), thread_([this] { Run(); }) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The end, step by step and each step on all workers, because tasks of one loop may need the others to turn.
  void CancelRoots() {
    loop_.Post([this] {
      stopping_ = true;
      loop_.roots().Cancel(Cancelled("the runtime is shutting down"));
    });
  }
  void AwaitRoots() { rootless_.Wait(); }
  void Join() {
    loop_.Post([this] {
      loop_.EndRoots();
      ended_ = true;
    });
    thread_.join();
  }

  Loop& loop() noexcept { return loop_; }

 private:
  void Run() {
    ::pthread_setname_np(::pthread_self(), loop_.name().substr(0, 15).c_str());
    while (!stopping_ || loop_.root_count() != 0) loop_.Turn(Duration::max());
    rootless_.Notify();
    while (!ended_) loop_.Turn(Duration::max());
  }

  Loop loop_;
  bool stopping_ = false;  // on the loop
  bool ended_ = false;     // on the loop
  Waiter rootless_;
  std::thread thread_;
};

void Runtime::Waiter::Notify() {
  const MutexLock lock(mutex_);
  done_ = true;
  changed_.SignalAll();
}

void Runtime::Waiter::Wait() {
  const MutexLock lock(mutex_);
  while (!done_) changed_.Wait(mutex_);
}

// The main thread waits for its task and for signals at once.
class Runtime::SignalWaiter final : public Waiter {
 public:
  SignalWaiter() noexcept : done_(::eventfd(0, EFD_CLOEXEC)), mask_(Handled()), signals_(OpenSignals()) {}

  void Notify() override {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(done_.get(), &one, sizeof(one));
  }

  // The next signal, or 0 once notified.
  int Next() noexcept {
    for (;;) {
      std::array<pollfd, 2> events = {{{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                                       {.fd = done_.get(), .events = POLLIN, .revents = 0}}};
      if (::poll(events.data(), events.size(), -1) < 0) continue;
      if (events[1].revents != 0) {
        // Reading, and not only seeing, is what orders this after all that the loop did before Notify.
        std::uint64_t count = 0;
        [[maybe_unused]] const auto read = ::read(done_.get(), &count, sizeof(count));
        return 0;
      }
      signalfd_siginfo info;
      if (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) return static_cast<int>(info.ssi_signo);
    }
  }

 private:
  static sigset_t Handled() noexcept {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
    return signals;
  }
  static Descriptor OpenSignals() noexcept {
    const sigset_t handled = Handled();
    return Descriptor(::signalfd(-1, &handled, SFD_CLOEXEC));
  }

  Descriptor done_;
  SignalMask mask_;
  Descriptor signals_;
};

Runtime::Runtime(RuntimeOptions options) noexcept : options_(std::move(options)) {}

StatusOr<std::unique_ptr<Runtime>> Runtime::Create(RuntimeOptions options) {
  auto parts = Host::SystemParts(options.name, options.offload_threads);
  return Create(std::move(options), std::move(parts));
}

StatusOr<std::unique_ptr<Runtime>> Runtime::Create(RuntimeOptions options, Host::Parts parts) {
  if (options.loops < 0 || options.loops > 1024) {
    return InvalidArgument("runtime: loops is " + std::to_string(options.loops) +
                           "; set 1..1024, or 0 for one per CPU");
  }
  if (options.watchdog_after <= Duration::zero()) {
    return InvalidArgument("runtime: watchdog_after must be positive; the default is 50 ms");
  }
  std::unique_ptr<Runtime> runtime(new Runtime(std::move(options)));  // tidy: the constructor is private
  FW_RETURN_IF_ERROR(runtime->Start(std::move(parts)));
  return runtime;
}

Status Runtime::Start(Host::Parts parts) {
  const SignalMask mask(AllSignals());
  host_ = std::make_unique<Host>(std::move(parts));
  const int count = options_.loops == 0 ? CpusAvailable() : options_.loops;
  std::vector<Loop*> loops;
  try {
    for (int index = 0; index < count; ++index) {
      FW_ASSIGN_OR_RETURN(auto reactor, MakeEpollReactor());
      workers_.push_back(std::make_unique<Worker>(*host_, std::move(reactor), "loop-" + std::to_string(index)));
      loops.push_back(&workers_.back()->loop());
    }
    watchdog_ = std::make_unique<internal::Watchdog>(*host_, std::move(loops), options_.watchdog_after);
  } catch (const std::system_error& error) {
    return ResourceExhausted("runtime: starting thread " + std::to_string(workers_.size() + 1) + " of " +
                             std::to_string(count + 1) + ": " + error.what() +
                             "; set fewer loops or raise the limit of threads (ulimit -u, pids.max)");
  }
  return Status::Ok();
}

Runtime::~Runtime() {
  for (const auto& worker : workers_) worker->CancelRoots();
  for (const auto& worker : workers_) worker->AwaitRoots();
  for (const auto& worker : workers_) worker->Join();
  watchdog_.reset();
  // What still lies in inboxes may refer to other loops: none goes before all are empty.
  for (bool busy = true; busy;) {
    busy = false;
    for (const auto& worker : workers_) busy |= worker->loop().Turn(Duration::zero());
  }
  // Loops end while the executor lives, so that jobs find their way home.
  workers_.clear();
}

Loop& Runtime::loop(std::size_t index) noexcept {
  FW_CHECK(index < workers_.size()) << "loop " << index << " of " << workers_.size();
  return workers_[index]->loop();
}

void Runtime::SpawnRoot(ContextRef parent, Task<void> task, std::source_location where, Waiter& waiter) {
  Loop& loop = workers_.front()->loop();
  loop.Post([&loop, &waiter, parent = std::move(parent), task = std::move(task), where]() mutable {
    auto root = [](ContextRef above, Task<void> inner, Waiter& end) -> Task<void> {
      {
        Task<void> owned =
            above->empty_root() ? std::move(inner) : internal::UnderContext(std::move(above), std::move(inner));
        co_await std::move(owned);
      }
      end.Notify();
    };
    loop.roots().Spawn(root(std::move(parent), std::move(task), waiter), where);
  });
}

int Runtime::Main(Task<Status> main, std::source_location where) {
  SignalWaiter waiter;
  internal::WhenSlot<Status> slot;
  SpawnRoot(ContextRef(Context::current()), internal::RunInto(std::move(main), slot, [] {}), where, waiter);
  while (const int signal = waiter.Next()) {
    host_->signals().Deliver(signal == SIGHUP ? HostSignal::kReload : HostSignal::kTerminate,
                             std::string("SIG") + ::sigabbrev_np(signal));
  }
  Status status;
  try {
    status = slot.Take();
  } catch (const std::exception& exception) {
    status = Internal(std::string("the main task threw: ") + exception.what());
  } catch (...) {
    status = Internal("the main task threw something that is no std::exception");
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s: %s\n", options_.name.c_str(), status.ToString().c_str());
  return 1;
}

}  // namespace flywheel::inline v0
