#include "flywheel/runtime/context.h"

#include <algorithm>
#include <vector>

#include "flywheel/base/mutant.h"
#include "flywheel/base/mutex.h"
#include "flywheel/runtime/loop.h"

namespace flywheel::inline v0 {
namespace {

std::string DeadlineMessage(Duration budget) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(budget).count();
  return "deadline of " + std::to_string(micros / 1000) + "." + std::to_string(micros % 1000 / 100) + " ms exceeded";
}

}  // namespace

// Children whose home is another loop. They are reached from the parent's home (to cancel) and from theirs (to
// leave), so the list is locked; a dying child leaves it under the lock before its memory goes, and whoever wants to
// use a child takes a reference under the lock, which fails once the child has begun to die.
struct Context::RemoteChildren {
  Mutex mutex;
  std::vector<const Context*> children FW_GUARDED_BY(mutex);
};

Context::Context(Host* host, Loop* loop, Event* draining) noexcept : loop_(loop), host_(host), draining_(draining) {}

Context::Context(const Context& parent, Loop* home, const ContextOptions& options)
    : remote_(parent.loop_ != home || home == nullptr),
      loop_(home),
      host_(home != nullptr ? &home->host() : parent.host_),
      parent_(parent),
      deadline_(options.shielded ? options.deadline : std::min(options.deadline, parent.deadline_)),
      draining_(options.draining != nullptr  ? options.draining
                : remote_ && home != nullptr ? &home->draining()
                                             : parent.draining_),
      cost_(options.cost != nullptr ? options.cost : parent.cost_),
      arena_(options.arena != nullptr ? options.arena : parent.arena_),
      trace_(options.trace != nullptr ? *options.trace : parent.trace_),
      baggage_(options.baggage != nullptr ? std::make_shared<const std::string>(*options.baggage) : parent.baggage_) {
  if (!options.shielded && &parent != &kEmptyRoot.context) {
    if (!remote_) {
      parent.children_.PushBack(*this);
    } else {
      parent.AdoptRemote(*this);
    }
    if (parent.cancelled()) MarkCancelled(parent.status());
  }
  const bool own_deadline = deadline_ != kNever && (options.shielded || remote_ || deadline_ < parent.deadline_);
  if (own_deadline && home != nullptr && !cancelled()) {
    budget_ = deadline_ - home->now();
    home->ArmTimer(deadline_timer_, deadline_);
  }
}

Context::~Context() {
  ListNode::Unlink();
  if (remote_ && parent_) parent_->ForgetRemote(*this);
  delete remote_children_.load(std::memory_order_acquire);  // tidy: owned through an atomic
}

ContextRef Context::Child(const ContextOptions& options) const {
  return {ContextRef::Adopt{}, new Context(*this, thread_slot.loop, options)};  // tidy: the reference count owns it
}

std::pmr::memory_resource* Context::arena() const noexcept {
  return arena_ != nullptr ? arena_ : std::pmr::new_delete_resource();
}

bool Context::MarkCancelled(const Status& cause) const {
  if (claimed_.exchange(true, std::memory_order_acq_rel)) return false;
  cause_ = cause;
  cancelled_.store(true, std::memory_order_release);
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
    RemoteChildren* const remote = context.remote_children_.load(std::memory_order_acquire);
    if (remote == nullptr) continue;
    std::vector<ContextRef> reached;
    {
      const MutexLock lock(remote->mutex);
      for (const Context* const child : remote->children) {
        if (child->TryRef()) reached.push_back(ContextRef(ContextRef::Adopt{}, child));
      }
    }
    for (const ContextRef& child : reached) child->Cancel(cause_);
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
    if (remote_children_.compare_exchange_strong(remote, made.get(), std::memory_order_acq_rel)) {
      remote = made.release();
    }
  }
  const MutexLock lock(remote->mutex);
  remote->children.push_back(&child);
}

void Context::ForgetRemote(const Context& child) const {
  RemoteChildren* const remote = remote_children_.load(std::memory_order_acquire);
  if (remote == nullptr) return;
  const MutexLock lock(remote->mutex);
  std::erase(remote->children, &child);
}

bool Context::TryRef() const noexcept {
  std::uint32_t count = references_.load(std::memory_order_relaxed);
  while (count != 0) {
    if (references_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

void Context::Die() const noexcept {
  if (loop_ == nullptr || thread_slot.loop == loop_) {
    delete this;  // tidy: the reference count owns it
  } else {
    loop_->Post([this] { delete this; });  // tidy: the reference count owns it
  }
}

}  // namespace flywheel::inline v0
