#include "flywheel/runtime/context.h"

#include <algorithm>
#include <vector>

#include "flywheel/base/mutant.h"
#include "flywheel/base/mutex.h"
#include "flywheel/runtime/internal/context_ledger.h"
#include "flywheel/runtime/internal/holders.h"
#include "flywheel/runtime/loop.h"

namespace flywheel::inline v0 {
namespace {

std::string DeadlineMessage(Duration budget) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(budget).count();
  return "deadline of " + std::to_string(micros / 1000) + "." + std::to_string(micros % 1000 / 100) + " ms exceeded";
}

}  // namespace

namespace internal {

void AddHolder(Holders& holders, const ContextRef& reference, std::source_location where) noexcept {
  holders.Add(&reference, where);
}
void MoveHolder(Holders& holders, const ContextRef& from, const ContextRef& to) noexcept { holders.Move(&from, &to); }
void RemoveHolder(Holders& holders, const ContextRef& reference) noexcept { holders.Remove(&reference); }
void SwitchCost(Cost* cost) noexcept {
  if (thread_slot.loop != nullptr) thread_slot.loop->meter().Switch(cost);
}

}  // namespace internal

// Children whose home is another loop. They are reached from the parent's home (to cancel) and from theirs (to
// leave), so the list is locked; a dying child leaves it under the lock before its memory goes, and whoever wants to
// use a child takes a reference under the lock, which fails once the child has begun to die.
struct Context::RemoteChildren {
  Mutex mutex;
  internal::List<const Context, internal::ChildTag> children FW_GUARDED_BY(mutex);
};

// Sends a context home to die. No posted function, because those are dropped in a simulated crash.
struct Context::Death final : Work, FramePooled {
  explicit Death(const Context* context) noexcept : Work(&Death::Run), dying(context) {}
  static void Run(Work& work) {
    const std::unique_ptr<Death> self(static_cast<Death*>(&work));
    self->dying->Die();
  }
  const Context* dying;
};

Context::Context(Host* host, Loop* loop, Event* draining) noexcept : loop_(loop), host_(host), draining_(draining) {
  loop->ContextBorn(*this);
}

Context::Context(const Context& parent, Loop* home, const ContextOptions& options, std::source_location where)
    : remote_(parent.loop_ != home || home == nullptr),
      loop_(home),
      host_(home != nullptr ? &home->host() : parent.host_),
      parent_(parent, where),
      deadline_(options.shielded ? options.deadline : std::min(options.deadline, parent.deadline_)),
      draining_(options.draining != nullptr  ? options.draining
                : remote_ && home != nullptr ? &home->draining()
                                             : parent.draining_),
      cost_(options.cost != nullptr || remote_ ? options.cost : parent.cost_),
      arena_(options.arena != nullptr ? options.arena : parent.arena_),
      trace_(options.trace != nullptr ? *options.trace : parent.trace_),
      baggage_(options.baggage != nullptr ? std::make_shared<const std::string>(*options.baggage) : parent.baggage_),
      made_at_(where) {
  if (home != nullptr) {
    made_when_ = home->now();
    if (home->ContextBorn(*this) % internal::Holders::kSampleEvery == 0) {
      holders_ = std::make_unique<internal::Holders>().release();
    }
  }
  // Complete from here on: a parent on another loop may take a reference to it.
  if (!options.shielded && &parent != &kEmptyRoot.context) {
    if (!remote_) {
      parent.children_.PushBack(*this);
    } else {
      parent.AdoptRemote(*this);
    }
    // Sequentially consistent, as is what CancelAtHome does from the other side: a parent that is being cancelled
    // either finds this child, or this child finds it cancelled.
    if (parent.cancelled_.load(std::memory_order_seq_cst)) MarkCancelled(parent.status());
  }
  const bool own_deadline = deadline_ != kNever && (options.shielded || remote_ || deadline_ < parent.deadline_);
  if (own_deadline && home != nullptr && !cancelled()) {
    budget_ = deadline_ > home->now() ? deadline_ - home->now() : Duration::zero();
    home->ArmTimer(deadline_timer_, deadline_);
  }
}

Context::~Context() {
  delete holders_;                                          // tidy: so that the empty root is a constant
  delete remote_children_.load(std::memory_order_acquire);  // tidy: owned through an atomic
}

ContextRef Context::Child(const ContextOptions& options, std::source_location where) const {
  // tidy: the reference count owns it
  return {ContextRef::Adopt{}, new Context(*this, thread_slot.loop, options, where), where};
}

void Context::FinishHeld() const noexcept {
  if (loop_ == nullptr || thread_slot.loop != loop_ || loop_->abandoned() || finished_when_ != kNever) return;
  finished_when_ = loop_->now();
  loop_->ledger().Finish(*this);
}

std::vector<std::source_location> Context::holders() const {
  return holders_ == nullptr ? std::vector<std::source_location>() : holders_->List();
}

std::pmr::memory_resource* Context::arena() const noexcept {
  return arena_ != nullptr ? arena_ : std::pmr::new_delete_resource();
}

bool Context::MarkCancelled(const Status& cause) const {
  if (claimed_.exchange(true, std::memory_order_acq_rel)) return false;
  cause_ = cause;
  cancelled_.store(true, std::memory_order_seq_cst);
  return true;
}

void Context::Cancel(Status cause) const {
  FW_CHECK(!cause.ok()) << "a context is cancelled with a cause, not with OK";
  FW_CHECK(this != &kEmptyRoot.context) << "the empty root context cannot be cancelled; cancel a child of it";
  if (!MarkCancelled(cause)) return;
  if (loop_ == nullptr || thread_slot.loop == loop_) {
    CancelAtHome();
  } else {
    loop_->Post([self = ContextRef(*this)] { self->CancelAtHome(); });
  }
}

void Context::CancelAtHome() const {
  // Depth first without recursion: a tree of contexts may be as deep as a chain of calls.
  std::vector<const Context*> pending = {this};
  std::vector<ContextRef> kept;
  while (!pending.empty()) {
    const Context& context = *pending.back();
    pending.pop_back();
    context.deadline_timer_.Disarm();
    while (internal::CancelNode* const node = context.cancel_nodes_.PopFront()) {
      if (FW_MUTANT("context.drops_cancellation") && context.children_.empty()) continue;
      node->on_cancel_(*node);
    }
    context.children_.ForEach([&](const Context& child) {
      if (FW_MUTANT("context.spares_grandchildren") && &context != this) return;
      if (child.MarkCancelled(cause_)) pending.push_back(&child);
    });
    RemoteChildren* const remote = context.remote_children_.load(std::memory_order_seq_cst);
    if (remote == nullptr) continue;
    std::vector<ContextRef> reached;
    {
      const MutexLock lock(remote->mutex);
      remote->children.ForEach([&](const Context& child) {
        if (!child.TryRef()) return;
        reached.push_back(ContextRef(ContextRef::Adopt{}, &child, std::source_location::current()));
      });
    }
    for (ContextRef& child : reached) {
      if (child->loop_ != nullptr) {
        child->Cancel(cause_);
      } else if (child->MarkCancelled(cause_)) {
        pending.push_back(child.get());
        kept.push_back(std::move(child));
      }
    }
  }
}

void Context::OnDeadline(Timer& timer) {
  const Context& context = *static_cast<DeadlineTimer&>(timer).context;
  context.Cancel(DeadlineExceeded(DeadlineMessage(context.budget_)));
}

void Context::AdoptRemote(const Context& child) const {
  RemoteChildren* remote = remote_children_.load(std::memory_order_acquire);
  if (remote == nullptr) {
    auto made = std::make_unique<RemoteChildren>();
    if (remote_children_.compare_exchange_strong(remote, made.get(), std::memory_order_seq_cst)) {
      remote = made.release();
    }
  }
  const MutexLock lock(remote->mutex);
  remote->children.PushBack(child);
}

ContextRef Context::LeaveParent() const {
  auto& node = const_cast<Context&>(*this);
  RemoteChildren* const remote =
      remote_ && parent_ ? parent_->remote_children_.load(std::memory_order_acquire) : nullptr;
  if (remote != nullptr) {
    const MutexLock lock(remote->mutex);
    node.ListNode<internal::ChildTag>::Unlink();
  } else {
    node.ListNode<internal::ChildTag>::Unlink();
  }
  return std::move(parent_);
}

bool Context::TryRef() const noexcept {
  std::uint32_t count = references_.load(std::memory_order_relaxed);
  while (count != 0) {
    if (references_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

void Context::Die() const noexcept {
  // A chain that goes with its last leaf goes in a loop: it may be deeper than the stack.
  for (const Context* dying = this; dying != nullptr;) {
    Loop* const home = dying->loop_;
    // In a simulated crash nothing of the host runs any more, so nobody can be in the way.
    if (home != nullptr && thread_slot.loop != home && !home->abandoned()) {
      home->PostWork(*new Death(dying));  // tidy: freed by its run  NOLINT(bugprone-unhandled-exception-at-new)
      return;
    }
    ContextRef above = dying->LeaveParent();
    delete dying;  // tidy: the reference count owns it
    if (home != nullptr) home->ContextDied();
    const Context* const parent = above.Release();
    const bool last = parent != nullptr && parent->references_.fetch_sub(1, std::memory_order_acq_rel) == 1;
    dying = last ? parent : nullptr;
  }
}

}  // namespace flywheel::inline v0
