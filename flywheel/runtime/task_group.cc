#include "flywheel/runtime/task_group.h"

#include <exception>
#include <string>

#include "flywheel/base/mutant.h"
#include "flywheel/runtime/host.h"

namespace flywheel::inline v0 {
namespace internal {

// The root of a spawned task: its frame is the task's record, starts it from the ready queue, and when it has ended,
// its locals gone, tells the group and destroys itself.
class ChildFrame {
 public:
  struct promise_type final : TaskRecord, Work, FramePooled {
    template <typename T>
    promise_type(TaskGroup& owner, const Task<T>&, std::source_location where)
        : Work(&promise_type::Start), group(owner) {
      spawned_at = where;
      spawned_when = owner.loop().now();
      if (owner.context().cost() != nullptr) ready_ticks = owner.loop().meter().Ticks();
    }

    ~promise_type() {
      if (!started) group.loop().RemoveReady(*this);
    }

    std::coroutine_handle<promise_type> get_return_object() noexcept {
      return std::coroutine_handle<promise_type>::from_promise(*this);
    }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
      static bool await_ready() noexcept { return false; }
      static void await_suspend(std::coroutine_handle<promise_type> handle) noexcept {
        promise_type& promise = handle.promise();
        TaskGroup& group = promise.group;
        const Status status = std::move(promise.status);
        handle.destroy();
        group.ChildEnded(status);
      }
      static void await_resume() noexcept {}
    };
    static Final final_suspend() noexcept { return {}; }
    void return_value(Status result) noexcept { status = std::move(result); }
    void unhandled_exception() noexcept {
      std::string text = "task spawned at " + LocationText(spawned_at) + " threw";
      try {
        throw;  // tidy: to see what it is; it goes no further
      } catch (const std::exception& exception) {
        text.append(": ").append(exception.what());
      } catch (...) {
        text.append(" something that is no std::exception");
      }
      group.loop().host().Report(ReportKind::kException, text);
      status = Internal(std::move(text));
    }

    static void Start(Work& work) {
      auto& promise = static_cast<promise_type&>(work);
      promise.started = true;
      Loop& loop = promise.group.loop();
      loop.SetRunning(&promise.group.context(), &promise);
      if (Cost* const cost = promise.group.context().cost(); cost != nullptr) {
        cost->queue_wait += loop.meter().Since(promise.ready_ticks);
      }
      std::coroutine_handle<promise_type>::from_promise(promise).resume();
    }

    TaskGroup& group;
    Status status;
    std::uint64_t ready_ticks = 0;  // when it was spawned, if somebody counts
    bool started = false;
  };

  using Handle = std::coroutine_handle<promise_type>;

  ChildFrame(Handle made) noexcept : handle(made) {}  // NOLINT(google-explicit-constructor): a coroutine's return

  template <typename T>
  static ChildFrame Run(TaskGroup&, Task<T> task, std::source_location) {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
      co_return Status::Ok();
    } else {
      co_return co_await std::move(task);
    }
  }

  template <typename T>
  static void Spawn(TaskGroup& group, Task<T> task, std::source_location where) {
    FW_CHECK(thread_slot.loop == &group.loop_)
        << "TaskGroup::Spawn off the group's loop " << group.loop_.name() << "; use Runtime::Spawn";
    promise_type& child = Run(group, std::move(task), where).handle.promise();
    ++group.live_;
    group.loop_.AddTask(child);
    group.loop_.Ready(child);
  }

  Handle handle;
};

}  // namespace internal

namespace {

// Of one report.
constexpr std::size_t kDescribedMax = 16;

Loop& CurrentLoop() noexcept {
  FW_CHECK(thread_slot.loop != nullptr) << "TaskGroup made outside a loop; make it in a task, see Runtime::BlockOn";
  return *thread_slot.loop;
}

}  // namespace

TaskGroup::TaskGroup(const Context& parent, std::source_location where)
    : loop_(CurrentLoop()), context_(parent.Child({}, where)), stuck_watch_(*this) {
  if (context_->cancelled()) {
    OnCancel(stuck_watch_);
  } else {
    context_->AddCancelNode(stuck_watch_);
  }
}

TaskGroup::~TaskGroup() {
  if (live_ == 0) {
    context_->Finish();
    return;
  }
  FW_CHECK(loop_.abandoned()) << "task group destroyed while " << live_
                              << " children live; co_await Join() on every path or use WithTaskGroup:"
                              << DescribeChildren();
  DestroyChildren();
}

void TaskGroup::OnCancel(internal::CancelNode& node) {
  auto& watch = static_cast<StuckWatch&>(node);
  watch.group.loop_.ArmTimer(watch, SaturatingAdd(watch.group.loop_.now(), kStuckAfter));
}

void TaskGroup::OnStuck(Timer& timer) {
  const TaskGroup& group = static_cast<StuckWatch&>(timer).group;
  if (group.live_ == 0) return;
  group.loop_.host().Report(
      ReportKind::kStuckTasks,
      "loop " + group.loop_.name() + ": the group made at " + LocationText(group.context_->made_at()) +
          " was cancelled " + MillisecondsText(kStuckAfter) + " ago (" + group.context_->status().ToString() +
          ") and " + std::to_string(group.live_) + (group.live_ == 1 ? " child lives" : " children live") +
          " on; end a task when what it awaits returns a Status that is not OK:" + group.DescribeChildren());
}

std::string TaskGroup::DescribeChildren() const {
  std::string text;
  std::size_t count = 0;
  loop_.ForEachTask([&](const TaskRecord& task) {
    const auto& child = static_cast<const internal::ChildFrame::promise_type&>(task);
    if (&child.group == this && ++count <= kDescribedMax) text += "\n  " + DescribeTask(child, loop_.now());
  });
  if (count > kDescribedMax) text += "\n  and " + std::to_string(count - kDescribedMax) + " more";
  return text;
}

void TaskGroup::DestroyChildren() noexcept {
  using Promise = internal::ChildFrame::promise_type;
  // A child's own groups go with its frame, so each round starts anew; from the end, where the youngest are.
  while (live_ != 0) {
    const TaskRecord* const found =
        loop_.FindLastTask([this](const TaskRecord& task) { return &static_cast<const Promise&>(task).group == this; });
    --live_;
    auto& child = const_cast<Promise&>(static_cast<const Promise&>(*found));
    internal::ChildFrame::Handle::from_promise(child).destroy();
  }
}

void TaskGroup::Spawn(Task<void> task, std::source_location where) {
  internal::ChildFrame::Spawn(*this, std::move(task), where);
}

void TaskGroup::Spawn(Task<Status> task, std::source_location where) {
  internal::ChildFrame::Spawn(*this, std::move(task), where);
}

Task<Status> TaskGroup::Drain(Duration grace, std::source_location where) {
  struct Grace : Timer {
    explicit Grace(TaskGroup& owner) noexcept
        : Timer([](Timer& timer) {
            static_cast<Grace&>(timer).group.Cancel(DeadlineExceeded("the time to drain is over"));
          }),
          group(owner) {}
    TaskGroup& group;
  } timer(*this);
  loop_.ArmTimer(timer, SaturatingAdd(loop_.now(), grace));
  co_return co_await Join(where);
}

void TaskGroup::ChildEnded(const Status& status) noexcept {
  --live_;
  if (!status.ok() && status_.ok()) {
    status_ = status;
    if (!context_->cancelled() && !FW_MUTANT("task_group.spares_siblings"))
      context_->Cancel(Cancelled("a sibling failed: " + status.ToString()));
  }
  if (live_ > (FW_MUTANT("task_group.joins_early") ? 1U : 0U)) return;
  while (Suspension* const joiner = joiners_.PopFront()) joiner->Wake();
}

}  // namespace flywheel::inline v0
