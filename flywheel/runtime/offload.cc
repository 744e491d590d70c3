#include "flywheel/runtime/offload.h"

#include <algorithm>
#include <deque>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "flywheel/base/mutex.h"
#include "flywheel/runtime/host.h"
#include "flywheel/runtime/loop.h"

namespace flywheel::inline v0 {
namespace {

class ThreadOffload final : public OffloadExecutor {
 public:
  explicit ThreadOffload(int threads_max) : threads_max_(static_cast<std::size_t>(std::max(1, threads_max))) {}

  ~ThreadOffload() override {
    std::vector<std::thread> threads;
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
      threads.swap(threads_);
    }
    changed_.SignalAll();
    for (std::thread& thread : threads) thread.join();
  }

  Status Submit(OffloadJob& job) override {
    SetHome(job);
    const MutexLock lock(mutex_);
    if (!kOffloadQueueMax.Allows(jobs_.size() + 1)) {
      return kOffloadQueueMax.Exceeded(jobs_.size() + 1, "Offload", "raise offload_threads or offload less at once");
    }
    FW_RETURN_IF_ERROR(MakeThreadFor(jobs_.size() + 1));
    jobs_.push_back(&job);
    changed_.SignalOne();
    return Status::Ok();
  }

  bool Withdraw(OffloadJob& job) noexcept override {
    const MutexLock lock(mutex_);
    return std::erase(jobs_, &job) != 0;
  }

 private:
  // A failure only where no thread at all serves.
  Status MakeThreadFor(std::size_t jobs) FW_REQUIRES(mutex_) {
    if (idle_ >= jobs || threads_.size() >= threads_max_) return Status::Ok();
    try {
      threads_.emplace_back([this] { Serve(); });
    } catch (const std::system_error& error) {
      if (threads_.empty()) {
        return ResourceExhausted(std::string("Offload: starting a thread: ") + error.what() +
                                 "; raise the limit of threads (ulimit -u, pids.max) or the memory");
      }
    }
    return Status::Ok();
  }

  void Serve() {
    mutex_.Lock();
    for (;;) {
      ++idle_;
      while (jobs_.empty() && !stopping_) changed_.Wait(mutex_);
      --idle_;
      if (jobs_.empty()) break;
      OffloadJob* const job = jobs_.front();
      jobs_.pop_front();
      mutex_.Unlock();
      job->Run();
      Finish(*job);
      mutex_.Lock();
    }
    mutex_.Unlock();
  }

  const std::size_t threads_max_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<OffloadJob*> jobs_ FW_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ FW_GUARDED_BY(mutex_);
  std::size_t idle_ FW_GUARDED_BY(mutex_) = 0;
  bool stopping_ FW_GUARDED_BY(mutex_) = false;
};

}  // namespace

void OffloadExecutor::Finish(OffloadJob& job) noexcept { job.home_->PostWork(job); }

std::unique_ptr<OffloadExecutor> MakeThreadOffload(int threads_max) {
  return std::make_unique<ThreadOffload>(threads_max);
}

namespace internal {

Duration ThreadCpu(const Context& context) noexcept { return context.host()->clock().ThreadCpu(); }

OffloadExecutor& CurrentOffload() noexcept {
  FW_CHECK(thread_slot.loop != nullptr) << "Offload awaited outside a loop; this thread may block by itself";
  return thread_slot.loop->host().offload();
}

void DropFinishedJob(OffloadJob& job, Loop& home) noexcept {
  FW_CHECK(home.abandoned()) << "a task was destroyed while its Offload job runs; join the task first";
  home.RemoveReady(job);
}

}  // namespace internal
}  // namespace flywheel::inline v0
