#include "flywheel/runtime/loop.h"

#include <algorithm>

#include "flywheel/base/mutant.h"
#include "flywheel/runtime/host.h"
#include "flywheel/runtime/internal/context_ledger.h"
#include "flywheel/runtime/internal/parcel.h"
#include "flywheel/runtime/task_group.h"

namespace flywheel::inline v0 {

using internal::Parcel;

namespace {

// Counters have one writer, so a load and a store do what an atomic addition would, without the locked instruction.
void Add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

}  // namespace

std::string DescribeTask(const TaskRecord& task, Instant now) {
  std::string text =
      "spawned at " + LocationText(task.spawned_at) + " " + MillisecondsText(now - task.spawned_when) + " ago, ";
  if (task.awaiting == nullptr) return text + "waits for nothing: it runs or is about to";
  return text + "waits in " + task.awaiting->what() + " at " + LocationText(task.awaiting->where());
}

Loop::SlotGuard::SlotGuard(Loop& loop) noexcept : before_(thread_slot) {
  thread_slot = ThreadSlot{.context = loop.context_.get(),
                           .task = nullptr,
                           .loop = &loop,
                           .frames = &loop.frames_,
                           .slabs = &loop.slabs_,
                           .participant = nullptr};
}

Loop::Loop(Host& host, std::unique_ptr<Reactor> reactor, std::string name)
    : host_(host),
      reactor_(std::move(reactor)),
      name_(std::move(name)),
      participant_(host.quiescent(), name_),
      random_(host.NewRandom()),
      timers_(host.clock().Now()),
      now_(host.clock().Now()),
      turn_ended_(now_),
      meter_(host.clock()),
      ledger_(std::make_unique<internal::ContextLedger>(*this)),
      context_(ContextRef::Adopt{}, new Context(&host, this, &draining_),  // tidy: the reference count owns it
               std::source_location::current()) {
  host.signals().AddLoop(*this);
}

Loop::~Loop() {
  host_.signals().RemoveLoop(*this);
  closing_ = true;
  const SlotGuard slot(*this);
  participant_.TurnBegin();
  roots_.reset();
  DropQueued();
  if (const TaskRecord* const task = tasks_.front(); task != nullptr) {
    FW_CHECK(false) << "loop " << name_ << " ends while a task spawned at " << task->spawned_at.file_name() << ':'
                    << task->spawned_at.line() << " still lives; join its TaskGroup first";
  }
  context_ = ContextRef();
  FW_CHECK(contexts_ == 0 || abandoned_)
      << "loop " << name_ << " ends while " << contexts_ << " of its contexts are still referenced; drop every "
      << "ContextRef and every callback made with Context::Bind before the loops end";
  participant_.Park();
}

void Loop::DropQueued() {
  // Destructors of what was posted may post again.
  ready_.Append(next_turn_);
  TakeInbox();
  while (!ready_.empty()) {
    RunReady();
    TakeInbox();
  }
  for (Parcel* const parcel : std::exchange(unpacked_, {})) {
    parcel->FreeDead();
    delete parcel;  // tidy: whoever holds it owns it
  }
}

TaskGroup& Loop::roots() {
  if (roots_ == nullptr) roots_ = std::make_unique<TaskGroup>(*context_);
  return *roots_;
}

void Loop::EndRoots() noexcept { roots_.reset(); }

std::size_t Loop::root_count() const noexcept { return roots_ == nullptr ? 0 : roots_->size(); }

std::uint64_t Loop::ContextBorn(const Context& context) noexcept {
  ++contexts_;
  ledger_->Enter(context);
  return ledger_->NextOrdinal();
}

void Loop::PostWork(Work& work) noexcept {
  Loop* const here = current();
  if (here != nullptr && here != this && &here->host_ == &host_ && !here->closing_ && !here->abandoned_) {
    here->Gather(*this, work);
    return;
  }
  inbox_.Push(work);
  WakeIfParked();
}

void Loop::WakeIfParked() noexcept {
  // 1. The push and the load of parked_ are sequentially consistent, as are the loop's store to parked_ and its look at
  //    the inbox (PollReactor). So either this thread sees parked_, or the loop sees the work before it waits.
  // 2. Of all who see parked_, the one that clears it writes to the reactor: one system call per blocking poll.
  if (parked_.load(std::memory_order_seq_cst) && parked_.exchange(false, std::memory_order_seq_cst)) {
    wakeups_.fetch_add(1, std::memory_order_relaxed);
    reactor_->Wake();
  }
}

void Loop::Gather(Loop& target, Work& work) noexcept {
  auto outbox =
      std::find_if(outboxes_.begin(), outboxes_.end(), [&](const Outbox& box) { return box.target == &target; });
  if (outbox == outboxes_.end()) outbox = outboxes_.insert(outbox, Outbox{.target = &target});
  if (outbox->parcel == nullptr) outbox->parcel = new Parcel(*this);  // tidy: whoever holds it owns it
  outbox->parcel->Add(work);
  // A target that is awake gets to work while this turn posts on; one that sleeps is woken once for all.
  if (outbox->parcel->full()) target.inbox_.Push(*std::exchange(outbox->parcel, nullptr));
  if (++outbox->count == kPostBatch) Flush(*outbox);
}

void Loop::Flush(Outbox& outbox) noexcept {
  if (std::exchange(outbox.count, 0) == 0) return;
  if (outbox.parcel != nullptr) outbox.target->inbox_.Push(*std::exchange(outbox.parcel, nullptr));
  outbox.target->WakeIfParked();
}

void Loop::RemoveReady(Work& work) noexcept {
  if (abandoned_) TakeInbox();
  if (!ready_.Remove(work)) next_turn_.Remove(work);
}

void Loop::ArmTimer(Timer& timer, Instant deadline) noexcept {
  if (deadline == kNever) {
    timer.Disarm();
  } else {
    // Before the beginning of time is as good as at it, and leaves room for the subtraction.
    timers_.Arm(timer, std::max(deadline, Instant()) - stall_);
  }
}

Duration Loop::IdleTime() const { return IdleTimeAt(host_.clock().Now()); }

Duration Loop::IdleTimeAt(Instant time) const {
  if (!ready_.empty() || !next_turn_.empty() || !hooks_.empty() || !inbox_.empty()) return Duration::zero();
  const Instant next = timers_.NextExpiry();
  if (next == kNever) return Duration::max();
  return std::max(Duration::zero(), SaturatingAdd(next, stall_) - time);
}

void Loop::PollReactor(Duration wait) {
  if (wait > Duration::zero()) wait = std::min(wait, IdleTimeAt(turn_ended_));
  if (wait > Duration::zero() && std::exchange(posted_to_, false) && SpinForInbox()) wait = Duration::zero();
  if (wait > Duration::zero()) {
    parked_.store(true, std::memory_order_seq_cst);
    if (!inbox_.empty()) {
      parked_.store(false, std::memory_order_relaxed);
      wait = Duration::zero();
    }
  }
  if (wait > Duration::zero()) participant_.Park();
  Add(works_, static_cast<std::uint64_t>(reactor_->Poll(wait)));
  parked_.store(false, std::memory_order_relaxed);
  participant_.TurnBegin();
}

bool Loop::Turn(Duration wait) {
  const SlotGuard slot(*this);
  const std::uint64_t works_before = works_.load(std::memory_order_relaxed);
  PollReactor(wait);
  now_ = FW_MUTANT("loop.follows_calendar") ? Instant(host_.clock().Wall().time_since_epoch()) : host_.clock().Now();
  turn_began_.store(now_.time_since_epoch().count(), std::memory_order_relaxed);
  in_turn_.store(true, std::memory_order_release);

  const std::uint64_t posted = TakeInbox();
  if (posted != 0) {
    Add(posts_, posted);
    posted_to_ = true;
  }
  timers_.Advance(now_ - stall_);
  ready_.Append(next_turn_);
  RunReady();
  RunHooks();
  EndTurn();
  return works_.load(std::memory_order_relaxed) != works_before;
}

void Loop::RunReady() {
  int count = 0;
  for (; count < kWorksPerTurn; ++count) {
    Work* const work = ready_.Pop();
    if (work == nullptr) break;
    ready_waits_ = kReadyWaitsPerWork;
    work->run(*work);
    SetRunning(context_.get(), nullptr);
  }
  Add(works_, static_cast<std::uint64_t>(count));
}

void Loop::RunHooks() {
  // What a hook adds is for the next turn.
  internal::List<TurnHook, TurnTag> hooks;
  while (TurnHook* const hook = hooks_.PopFront()) hooks.PushBack(*hook);
  while (TurnHook* const hook = hooks.PopFront()) {
    hook->on_turn_end_(*hook);
    Add(works_, 1);
  }
}

bool Loop::SpinForInbox() noexcept {
  for (int spin = 0; spin < spins_; ++spin) {
    if (!inbox_.empty()) {
      spins_ = kSpinsMax;
      return true;
    }
    __builtin_ia32_pause();
  }
  // Half as long next time; from nothing, one try in so many turns finds out whether it pays again.
  spins_ = spins_ > 1 ? spins_ / 2 : (turn_.load(std::memory_order_relaxed) % kSpinsMax == 0 ? kSpinsMax : 1);
  return false;
}

std::uint64_t Loop::TakeInbox() noexcept {
  WorkQueue arrived;
  inbox_.TakeAll(arrived);
  std::uint64_t count = 0;
  while (Work* const work = arrived.Pop()) {
    if (!Parcel::Is(*work)) {
      ready_.Push(*work);
      ++count;
      continue;
    }
    auto* const parcel = static_cast<Parcel*>(work);
    count += parcel->Unpack(ready_);
    if (Returns(parcel->origin)) {
      unpacked_.push_back(parcel);
    } else {
      delete parcel;  // tidy: whoever holds it owns it
    }
  }
  return count;
}

bool Loop::Returns(const Loop& origin) const noexcept {
  return &origin != this && !closing_ && !abandoned_ && &origin.host_ == &host_;
}

void Loop::GiveBack(void* memory, std::size_t bytes, Loop* origin) noexcept {
  if (origin != nullptr && FramePool::Recycles(bytes) && Returns(*origin)) {
    // The first with room: what came in a parcel fits into it.
    for (Parcel* const parcel : unpacked_) {
      if (&parcel->origin == origin && !parcel->full()) return parcel->AddDead(memory, bytes);
    }
  }
  FramePool::Free(memory, bytes);
}

void Loop::ReturnParcels() noexcept {
  if (unpacked_.empty() || (!ready_.empty() && unpacked_.size() < kUnpackedMax)) return;
  for (Parcel* const parcel : unpacked_) parcel->origin.frames_.Return(*parcel);
  unpacked_.clear();
}

void Loop::EndTurn() {
  for (Outbox& outbox : outboxes_) Flush(outbox);
  ReturnParcels();
  participant_.TurnEnd();
  slabs_.Collect();
  turn_ended_ = host_.clock().Now();
  meter_.Calibrate(turn_ended_);
  const Duration length = turn_ended_ - now_;
  in_turn_.store(false, std::memory_order_release);
  Add(turn_, 1);
  if (length < kLongTurn) [[likely]] {
    if (length.count() > longest_turn_.load(std::memory_order_relaxed)) {
      longest_turn_.store(length.count(), std::memory_order_relaxed);
    }
    return;
  }
  if (!FW_MUTANT("loop.timers_ignore_stall")) stall_ += length;
  longest_turn_.store(std::max(length.count(), longest_turn_.load(std::memory_order_relaxed)),
                      std::memory_order_relaxed);
  stalled_.store(stall_.count(), std::memory_order_relaxed);
  Add(long_turns_, 1);
  host_.Report(ReportKind::kLongTurn, "loop " + name_ + ": a turn took " + MillisecondsText(length) +
                                          "; its timers are extended by that; at its end it ran a task spawned at " +
                                          LocationText(running_.load(std::memory_order_relaxed)) +
                                          "; move the work to Offload or co_await Yield() between its parts");
}

LoopStats Loop::stats() const noexcept {
  return {.turns = turn_.load(std::memory_order_relaxed),
          .works = works_.load(std::memory_order_relaxed),
          .posts = posts_.load(std::memory_order_relaxed),
          .wakeups = wakeups_.load(std::memory_order_relaxed),
          .long_turns = long_turns_.load(std::memory_order_relaxed),
          .longest_turn = Duration(longest_turn_.load(std::memory_order_relaxed)),
          .stalled = Duration(stalled_.load(std::memory_order_relaxed))};
}

Loop::TurnSample Loop::Sample() const noexcept {
  return {.turn = turn_.load(std::memory_order_relaxed),
          .running = in_turn_.load(std::memory_order_acquire),
          .since = Instant(Duration(turn_began_.load(std::memory_order_relaxed))),
          .spawned_at = running_.load(std::memory_order_relaxed)};
}

}  // namespace flywheel::inline v0
