// Loop: one thread's reactor, ready queue and timers.
//
// Share-nothing: what starts on a loop stays on it; other threads reach it through Post only. A turn is
//   poll the reactor -> posted work -> timers -> ready queue -> end-of-turn hooks -> quiescent point,
// so sockets are always read before timers fire, and whatever a turn produced (one writev per connection) leaves in
// its hooks. After a turn of kLongTurn or more the loop's timers are extended by that turn: a deadline must not pass
// while the loop itself was the one that did not listen.
// A turn runs at most kWorksPerTurn pieces of work before it polls again.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "flywheel/base/quiescent.h"
#include "flywheel/base/slab.h"
#include "flywheel/base/thread_slot.h"
#include "flywheel/runtime/context.h"
#include "flywheel/runtime/event.h"
#include "flywheel/runtime/extension.h"
#include "flywheel/runtime/frame_pool.h"
#include "flywheel/runtime/internal/list.h"
#include "flywheel/runtime/random.h"
#include "flywheel/runtime/reactor.h"
#include "flywheel/runtime/timer_wheel.h"
#include "flywheel/runtime/work.h"

namespace flywheel::inline v0 {

class Host;
class TaskGroup;
namespace internal {
class ContextLedger;
struct Parcel;
}  // namespace internal

// One spawned task, from Spawn until its group has noted its end. Listed by Loop::ForEachTask.
struct TaskTag;
struct TaskRecord : internal::ListNode<TaskTag> {
  std::source_location spawned_at;
  Instant spawned_when;
  const Suspension* awaiting = nullptr;  // null while it runs or is ready
};

// "spawned at shop/orders.cc:31 (…) 12.0 ms ago, waits in Event::Wait at shop/orders.cc:47 (…)"
std::string DescribeTask(const TaskRecord& task, Instant now);

// Called once at the end of the turn in which it was added; may add itself and others again for the next turn.
struct TurnTag;
class TurnHook : public internal::ListNode<TurnTag> {
 public:
  using HookFunction = void (*)(TurnHook& self);
  explicit TurnHook(HookFunction on_turn_end) noexcept : on_turn_end_(on_turn_end) {}

 private:
  friend class Loop;
  HookFunction on_turn_end_;
};

// Counters of a loop, readable from any thread while it runs.
struct LoopStats {
  std::uint64_t turns = 0;
  std::uint64_t works = 0;
  std::uint64_t posts = 0;
  std::uint64_t wakeups = 0;  // writes that ended a blocking poll
  std::uint64_t long_turns = 0;
  Duration longest_turn{};
  Duration stalled{};  // sum of the long turns, by which timers have been extended
};

class Loop {
 public:
  static constexpr Duration kLongTurn = std::chrono::milliseconds(50);  // architecture: such a turn is reported
  static constexpr int kWorksPerTurn = 512;
  static constexpr int kReadyWaitsPerWork = 128;   // reads of one connection before it is another's turn
  static constexpr int kPostBatch = 1024;          // posts of one turn after which their loop is woken before its end
  static constexpr std::size_t kUnpackedMax = 64;  // parcels whose work has not all run, before they go back anyway
  // Waking a thread that sleeps on another core costs both some 15 µs here (runtime.post, loops pinned apart). Looking
  // out for the next burst that long (1024 pauses) at most doubles the price, and is given up where it does not pay.
  static constexpr int kSpinsMax = 1024;

  Loop(Host& host, std::unique_ptr<Reactor> reactor, std::string name);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  // On the thread that turned it last, after its work has ended; aborts naming what still lives on it.
  ~Loop();

  // The loop whose turn it is on this thread, or null.
  static Loop* current() noexcept { return thread_slot.loop; }

  // Runs `function` on this loop, in the order in which one thread posted. Any thread; never blocks. What one loop
  // posts to another leaves in batches (internal/parcel.h), and wakes it when the turn ends.
  template <typename Function>
  void Post(Function&& function) {
    PostWork(*new PostedFunction<std::decay_t<Function>>(std::forward<Function>(function)));  // tidy: freed by its run
  }
  // The same without an allocation; the caller keeps `work` alive until it has run.
  void PostWork(Work& work) noexcept;

  // Below: home thread, in a turn.
  void Ready(Work& work) noexcept { ready_.Push(work); }
  // The same for the next turn: sockets and timers come first.
  void ReadyNextTurn(Work& work) noexcept { next_turn_.Push(work); }
  // For work that dies while it is queued; linear.
  void RemoveReady(Work& work) noexcept;
  // A deadline of kNever only disarms.
  void ArmTimer(Timer& timer, Instant deadline) noexcept;
  void AtTurnEnd(TurnHook& hook) noexcept {
    if (!hook.linked()) hooks_.PushBack(hook);
  }
  // When this turn began; time as most code wants it. Host::clock() is exact.
  [[nodiscard]] Instant now() const noexcept { return now_; }
  Random& random() noexcept { return random_; }
  Reactor& reactor() noexcept { return *reactor_; }
  Host& host() noexcept { return host_; }
  // This loop's part of a room above (extension.h), made at the first call.
  template <typename T>
  T& Get() {
    return extensions_.Get<T>(*this);
  }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  // The context of work that has none of its own: it knows the host and nothing else.
  [[nodiscard]] const Context& context() const noexcept { return *context_; }
  // The group of tasks that belong to nobody else: cancelled when the process ends, and waited for.
  TaskGroup& roots();
  // For who owns the loop: gives up the group, in which no task lives.
  void EndRoots() noexcept;
  [[nodiscard]] std::size_t root_count() const noexcept;
  // Set when this process begins to drain.
  Event& draining() noexcept { return draining_; }

  // Whether the present piece of work may pass another wait that has nothing to wait for.
  bool SpendReadyWait() noexcept { return --ready_waits_ > 0; }

  // For contexts whose home this is.
  // Returns how many were born before.
  std::uint64_t ContextBorn(const Context& context) noexcept;
  void ContextDied() noexcept { --contexts_; }
  internal::ContextLedger& ledger() noexcept { return *ledger_; }

  void AddTask(TaskRecord& task) noexcept { tasks_.PushBack(task); }
  template <typename Visitor>
  void ForEachTask(Visitor&& visit) const {
    tasks_.ForEach(visit);
  }
  template <typename Predicate>
  const TaskRecord* FindLastTask(Predicate&& matches) const {
    return tasks_.FindLast(matches);
  }
  // For who switches between tasks: what runs now, and what it costs whom.
  void SetRunning(const Context* context, TaskRecord* task) noexcept {
    meter_.Switch(context->cost());
    thread_slot.context = context;
    thread_slot.task = task;
    if (task != nullptr) running_.store(task->spawned_at, std::memory_order_relaxed);
  }

  CostMeter& meter() noexcept { return meter_; }

  // One turn that waits at most `wait` when there is nothing to do. Whether anything was done. The thread that calls
  // is the loop's home until the next call.
  bool Turn(Duration wait);
  // How long the next Turn may wait: zero if there is work, else until the first timer.
  [[nodiscard]] Duration IdleTime() const;

  // A simulated crash: from here on nothing of this loop runs. `destroy` is called as if in a turn, to give back what
  // lives on it.
  template <typename Destroy>
  void Abandon(Destroy&& destroy) {
    abandoned_ = true;
    const SlotGuard slot(*this);
    destroy();
  }
  [[nodiscard]] bool abandoned() const noexcept { return abandoned_; }
  // The second step, once every loop of the host has been abandoned and nothing lives on any of them.
  void DropQueued();

  // Any thread.
  [[nodiscard]] LoopStats stats() const noexcept;

  // What a watchdog sees; any thread.
  struct TurnSample {
    std::uint64_t turn = 0;
    bool running = false;             // in a turn, not waiting
    Instant since;                    // when the turn began
    std::source_location spawned_at;  // of the task that ran last; line 0 if none has
  };
  [[nodiscard]] TurnSample Sample() const noexcept;

 private:
  template <typename Function>
  struct PostedFunction final : Work, FramePooled {
    template <typename F>
    explicit PostedFunction(F&& f) : Work(&PostedFunction::Run), function(std::forward<F>(f)) {}
    static void Run(Work& work) {
      auto* const self = static_cast<PostedFunction*>(&work);
      Loop& here = *current();
      if (!here.abandoned()) self->function();
      Loop* const origin = self->origin;
      std::destroy_at(self);
      here.GiveBack(self, sizeof(PostedFunction), origin);
    }
    Loop* const origin = current();  // where the block came from
    Function function;
  };

  // Makes a loop the thread's loop while it turns; a simulation turns loops of many hosts on one thread.
  class SlotGuard {
   public:
    explicit SlotGuard(Loop& loop) noexcept;
    SlotGuard(const SlotGuard&) = delete;
    SlotGuard& operator=(const SlotGuard&) = delete;
    ~SlotGuard() { thread_slot = before_; }

   private:
    const ThreadSlot before_;
  };

  [[nodiscard]] Duration IdleTimeAt(Instant time) const;
  std::uint64_t TakeInbox() noexcept;
  // Whether what came from there can go back: that loop is known to live, being of the same host, whose loops end
  // together.
  [[nodiscard]] bool Returns(const Loop& origin) const noexcept;
  // Frees the block of a posted function, by the parcel that it came in if that goes back.
  void GiveBack(void* memory, std::size_t bytes, Loop* origin) noexcept;
  // Sends the unpacked parcels home once all that came in them has run.
  void ReturnParcels() noexcept;
  // Posts to other loops of the host gather here.
  struct Outbox {
    Loop* target;
    internal::Parcel* parcel = nullptr;  // that is being filled
    int count = 0;                       // posted since the target was last looked at
  };
  void Gather(Loop& target, Work& work) noexcept;
  static void Flush(Outbox& outbox) noexcept;
  void WakeIfParked() noexcept;
  void PollReactor(Duration wait);
  // Looks out for posted work a little before it parks.
  bool SpinForInbox() noexcept;
  void RunReady();
  void RunHooks();
  void EndTurn();

  Host& host_;
  const std::unique_ptr<Reactor> reactor_;
  const std::string name_;
  FramePool frames_;
  SlabPool slabs_;
  QuiescentParticipant participant_;
  Random random_;
  Event draining_;
  WorkQueue ready_;
  WorkQueue next_turn_;
  TimerWheel timers_;
  internal::List<TurnHook, TurnTag> hooks_;
  internal::List<TaskRecord, TaskTag> tasks_;
  Instant now_;
  Instant turn_ended_;  // saves a look at the clock before the next poll
  bool abandoned_ = false;
  bool closing_ = false;          // other loops of the host may be gone
  bool posted_to_ = false;        // in this turn
  int spins_ = kSpinsMax;         // worth trying before parking; adapts
  std::vector<Outbox> outboxes_;  // one per loop that was ever posted to
  std::vector<internal::Parcel*> unpacked_;
  CostMeter meter_;
  int ready_waits_ = 0;       // left to the present piece of work
  std::size_t contexts_ = 0;  // alive, their home here
  Duration stall_{};          // timers run on `now - stall_`
  const std::unique_ptr<internal::ContextLedger> ledger_;
  ContextRef context_;
  std::unique_ptr<TaskGroup> roots_;
  Extensions extensions_;

  alignas(64) WorkInbox inbox_;
  std::atomic<bool> parked_{false};

  alignas(64) std::atomic<std::uint64_t> turn_{0};
  std::atomic<bool> in_turn_{false};
  std::atomic<Duration::rep> turn_began_{0};
  std::atomic<std::source_location> running_{};
  std::atomic<std::uint64_t> works_{0};
  std::atomic<std::uint64_t> posts_{0};
  std::atomic<std::uint64_t> wakeups_{0};
  std::atomic<std::uint64_t> long_turns_{0};
  std::atomic<Duration::rep> longest_turn_{0};
  std::atomic<Duration::rep> stalled_{0};
};

}  // namespace flywheel::inline v0
