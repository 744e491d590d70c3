// Offload: runs a function that blocks on another thread and awaits its result.
//
// The function sees the Context of its caller and may look at Context::current().cancelled(); it must not touch the
// loop. A job that has not started is given up when the context is cancelled; one that runs is waited for, because it
// may use what the caller owns. The executor belongs to the Host and is bounded: when its queue is full the result is
// RESOURCE_EXHAUSTED. In a simulation jobs run on the simulated thread, later in virtual time.
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "flywheel/base/limit.h"
#include "flywheel/base/status_or.h"
#include "flywheel/runtime/internal/fallible.h"
#include "flywheel/runtime/suspension.h"

namespace flywheel::inline v0 {

class Loop;

inline constexpr Limit kOffloadQueueMax{.name = "offload_queue_jobs",
                                        .value = 4096,
                                        .unit = "jobs",
                                        .reason = "blocking work that queues longer lets deadlines pass"};

// One blocking call. Run happens on a thread of the executor; after it the executor calls Finish, on that thread.
class OffloadJob : public Work {
 public:
  virtual void Run() noexcept = 0;

 protected:
  explicit OffloadJob(RunFunction on_finished) noexcept : Work(on_finished) {}
  ~OffloadJob() = default;

  // The loop that submitted it.
  [[nodiscard]] Loop* home() const noexcept { return home_; }

 private:
  friend class OffloadExecutor;
  Loop* home_ = nullptr;
};

class OffloadExecutor {
 public:
  virtual ~OffloadExecutor() = default;
  // Home loop. Later, exactly once, the job's Work runs on the loop that submitted it, unless Withdraw took it back.
  virtual Status Submit(OffloadJob& job) = 0;
  // Home loop. True if the job has not started and never will.
  virtual bool Withdraw(OffloadJob& job) noexcept = 0;

 protected:
  static void SetHome(OffloadJob& job) noexcept { job.home_ = thread_slot.loop; }
  // Sends a job that has run to its home. The job may be gone when this returns.
  static void Finish(OffloadJob& job) noexcept;
};

// Threads made as they are needed, at most `threads_max`, ended with the executor.
std::unique_ptr<OffloadExecutor> MakeThreadOffload(int threads_max);

namespace internal {

// The executor of the current Host.
OffloadExecutor& CurrentOffload() noexcept;
// By the clock of the context's Host.
Duration ThreadCpu(const Context& context) noexcept;
// For a frame that dies between the end of its job and its resumption, which only a simulated crash can bring about.
void DropFinishedJob(OffloadJob& job, Loop& home) noexcept;

}  // namespace internal

template <std::invocable Function>
class [[nodiscard]] OffloadAwaiter final : public Suspension, private OffloadJob {
 public:
  using Result = std::invoke_result_t<Function>;
  static_assert(!std::is_reference_v<Result>, "return a value: the job's thread forgets its references");
  using Awaited = internal::FallibleOf<Result>;

  OffloadAwaiter(Function function, std::source_location where)
      : Suspension("Offload", where), OffloadJob(&OffloadAwaiter::Finished), function_(std::move(function)) {}
  ~OffloadAwaiter() {
    if (submitted_ && !executor_->Withdraw(*this)) internal::DropFinishedJob(*this, *home());
  }

  bool await_ready() noexcept { return CancelledAlready(); }
  bool await_suspend(std::coroutine_handle<> handle) {
    executor_ = &internal::CurrentOffload();
    context_ = thread_slot.context;
    refused_ = executor_->Submit(*this);
    submitted_ = refused_.ok();
    if (submitted_) Suspend(handle);
    return submitted_;
  }
  [[nodiscard]] Awaited await_resume() {
    if (Cost* const cost = context_ == nullptr ? nullptr : context_->cost(); cost != nullptr) cost->cpu += used_;
    if (was_cancelled()) return WaitStatus();
    if (!refused_.ok()) return refused_;
    if (exception_ != nullptr) std::rethrow_exception(exception_);
    if constexpr (std::is_void_v<Result>) {
      return Status::Ok();
    } else {
      return *std::move(result_);
    }
  }

 private:
  using Stored = std::conditional_t<std::is_void_v<Result>, bool, Result>;

  void Run() noexcept override {
    // The awaiting frame keeps the context alive.
    const Context* const before = std::exchange(thread_slot.context, context_);
    const bool counted = context_->cost() != nullptr;
    if (counted) used_ = -internal::ThreadCpu(*context_);
    try {
      if constexpr (std::is_void_v<Result>) {
        function_();
      } else {
        result_.emplace(function_());
      }
    } catch (...) {
      exception_ = std::current_exception();
    }
    if (counted) used_ += internal::ThreadCpu(*context_);
    thread_slot.context = before;
  }
  static void Finished(Work& work) {
    auto& self = static_cast<OffloadAwaiter&>(static_cast<OffloadJob&>(work));
    self.submitted_ = false;
    self.Wake();
  }
  bool Cancelled() noexcept override {
    if (!executor_->Withdraw(*this)) return false;
    submitted_ = false;
    return true;
  }

  Function function_;
  OffloadExecutor* executor_ = nullptr;
  const Context* context_ = nullptr;
  Duration used_{};  // of the CPU, on the executor's thread
  bool submitted_ = false;
  Status refused_;
  std::exception_ptr exception_;
  std::optional<Stored> result_;
};

// `function()` on a thread that may block. The result is what it returns if that can be a failure, a
// Status for void, else a StatusOr of it.
template <std::invocable Function>
OffloadAwaiter<Function> Offload(Function function, std::source_location where = std::source_location::current()) {
  return {std::move(function), where};
}

}  // namespace flywheel::inline v0
