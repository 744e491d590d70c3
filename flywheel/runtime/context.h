// Context: what belongs to one unit of work.
//
// Deadline, cancellation with its cause, the draining event, trace ids, baggage, cost and arena travel here, from a
// parent to everything it starts. Context::current() is right in every Task after every co_await, in Offload jobs and
// in callbacks made with Bind; everywhere else it is the empty root, never something stale: whoever suspends saves the
// pointer and whoever resumes restores it, and a loop clears it between two pieces of work.
//
// A context has a home loop (or none, on a foreign thread). Cancelling runs at home, so waiters need no lock; from
// other threads it is posted there, and the flag that cancelled() reads is set at once. A child on another loop is
// reached through a locked list. The last reference may be dropped anywhere; a context dies at home.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flywheel/base/id.h"
#include "flywheel/base/status.h"
#include "flywheel/base/thread_slot.h"
#include "flywheel/base/time.h"
#include "flywheel/runtime/cost.h"
#include "flywheel/runtime/frame_pool.h"
#include "flywheel/runtime/internal/list.h"
#include "flywheel/runtime/timer_wheel.h"

namespace flywheel::inline v0 {

class Context;
class Event;
class Host;
class Loop;

// What W3C trace context carries; an invalid trace_id means "no trace".
struct TraceIds {
  Id128 trace_id = {};
  Id64 span_id = {};
  std::uint8_t flags = 0;
  bool operator==(const TraceIds&) const = default;
};

namespace internal {

// Something to be told when a context is cancelled; home loop only. The callback must not run user code.
struct CancelTag;
class CancelNode : public ListNode<CancelTag> {
 public:
  using CancelFunction = void (*)(CancelNode& self);
  constexpr explicit CancelNode(CancelFunction on_cancel) noexcept : on_cancel_(on_cancel) {}

 private:
  friend class flywheel::Context;
  CancelFunction on_cancel_;
};

struct ChildTag;
struct AliveTag;
class Holders;

}  // namespace internal

// A counted reference; never null except when default-made or moved from. Where it was made is recorded for some
// contexts, and in a debug build for all (internal/holders.h).
class ContextRef {
 public:
  ContextRef() noexcept = default;
  explicit ContextRef(const Context& context, std::source_location where = std::source_location::current()) noexcept;
  ContextRef(const ContextRef& other, std::source_location where = std::source_location::current()) noexcept;
  ContextRef(ContextRef&& other) noexcept { Take(other); }
  ContextRef& operator=(ContextRef other) noexcept {
    const ContextRef before(std::move(*this));
    Take(other);
    return *this;
  }
  ~ContextRef();

  explicit operator bool() const noexcept { return context_ != nullptr; }
  const Context& operator*() const noexcept { return *context_; }
  const Context* operator->() const noexcept { return context_; }
  [[nodiscard]] const Context* get() const noexcept { return context_; }

 private:
  friend class Context;
  friend class Loop;
  struct Adopt {};
  ContextRef(Adopt, const Context* context, std::source_location where) noexcept;

  // This is empty before, `other` after it.
  void Take(ContextRef& other) noexcept;
  // Gives up the pointer together with its count.
  const Context* Release() noexcept;

  const Context* context_ = nullptr;
};

// What a child has that its parent has not; a field left as it is means "inherit".
struct ContextOptions {
  Instant deadline = kNever;                   // the earlier of this and the parent's holds
  bool shielded = false;                       // not cancelled with its parent and without the parent's deadline
  const TraceIds* trace = nullptr;             // copied
  const std::string* baggage = nullptr;        // copied, in the form of the W3C header
  Cost* cost = nullptr;                        // must outlive the context
  std::pmr::memory_resource* arena = nullptr;  // must outlive the context
  Event* draining = nullptr;                   // must outlive the context
};

class Context final : public internal::ListNode<internal::ChildTag>,
                      public internal::ListNode<internal::AliveTag>,
                      public FramePooled {
 public:
  // The current work's context, else the empty root. Two loads.
  static const Context& current() noexcept;

  // A child whose home is the current loop.
  [[nodiscard]] ContextRef Child(const ContextOptions& options = {},
                                 std::source_location where = std::source_location::current()) const;

  // The unit of work that this context belongs to has ended. Others may go on holding it for a while; if they do for
  // long, the loop reports who (internal/context_ledger.h). Home loop; elsewhere nothing happens.
  void Finish() const noexcept {
    if (references_.load(std::memory_order_relaxed) != 1) FinishHeld();
  }

  // Cancels this context and everything below with `cause`, which must not be OK; the first cause stays. Any thread;
  // the empty root cannot be cancelled.
  void Cancel(Status cause) const;

  // Any thread.
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_.load(std::memory_order_acquire); }
  // OK, or why it was cancelled. Any thread.
  [[nodiscard]] Status status() const { return cancelled() ? cause_ : Status(); }
  [[nodiscard]] Instant deadline() const noexcept { return deadline_; }
  // Set when the process or the server that runs this work begins to drain; null in the empty root.
  [[nodiscard]] Event* draining() const noexcept { return draining_; }
  [[nodiscard]] const TraceIds& trace() const noexcept { return trace_; }
  [[nodiscard]] std::string_view baggage() const noexcept {
    return baggage_ == nullptr ? std::string_view() : std::string_view(*baggage_);
  }
  // Null where nobody counts, and in children on another loop, where nobody may write to it.
  [[nodiscard]] Cost* cost() const noexcept { return cost_; }
  // Memory that is given back when the unit of work ends; the heap where there is none.
  [[nodiscard]] std::pmr::memory_resource* arena() const noexcept;
  // Null in the empty root.
  [[nodiscard]] Host* host() const noexcept { return host_; }
  // The home; null for a context made on a foreign thread.
  [[nodiscard]] Loop* loop() const noexcept { return loop_; }

  // `function` as a callable that runs under the context that is current here, on whatever thread it is called.
  template <typename Function>
  static auto Bind(Function function, std::source_location where = std::source_location::current());

  // Where and when it was made; when Finish was called, kNever before.
  [[nodiscard]] std::source_location made_at() const noexcept { return made_at_; }
  [[nodiscard]] Instant made_when() const noexcept { return made_when_; }
  [[nodiscard]] Instant finished_when() const noexcept { return finished_when_; }
  // The lines that made the references which live; empty where they are not recorded. Any thread.
  [[nodiscard]] std::vector<std::source_location> holders() const;
  // A moment ago.
  [[nodiscard]] std::uint32_t reference_count() const noexcept { return references_.load(std::memory_order_relaxed); }

  // Whether this is what current() is where no work is done.
  [[nodiscard]] bool empty_root() const noexcept;

  // For whoever suspends: `node` is told once if this context is cancelled before the node unlinks itself. At home.
  void AddCancelNode(internal::CancelNode& node) const noexcept { cancel_nodes_.PushBack(node); }

 private:
  friend class ContextRef;
  friend class Loop;
  struct EmptyRoot {};
  struct DeadlineTimer : Timer {
    constexpr explicit DeadlineTimer(const Context* owner) noexcept : Timer(&Context::OnDeadline), context(owner) {}
    const Context* context;
  };
  struct RemoteChildren;
  struct Death;
  union Immortal;

  constexpr explicit Context(EmptyRoot) noexcept {}
  // The root of a loop.
  Context(Host* host, Loop* loop, Event* draining) noexcept;
  Context(const Context& parent, Loop* home, const ContextOptions& options, std::source_location where);
  ~Context();

  static void OnDeadline(Timer& timer);
  bool MarkCancelled(const Status& cause) const;
  void CancelAtHome() const;
  void AdoptRemote(const Context& child) const;
  ContextRef LeaveParent() const;
  void Ref() const noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  bool TryRef() const noexcept;
  void Unref() const noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) Die();
  }
  void Die() const noexcept;
  void FinishHeld() const noexcept;

  static const Immortal kEmptyRoot;

  mutable std::atomic<std::uint32_t> references_{1};
  mutable std::atomic<bool> claimed_{false};  // whoever sets it writes cause_
  mutable std::atomic<bool> cancelled_{false};
  bool remote_ = false;  // the parent's home is another one, or it has none
  Loop* loop_ = nullptr;
  Host* host_ = nullptr;
  mutable ContextRef parent_;
  Instant deadline_ = kNever;
  Duration budget_{};  // for the message when the deadline passes
  Event* draining_ = nullptr;
  Cost* cost_ = nullptr;
  std::pmr::memory_resource* arena_ = nullptr;
  TraceIds trace_;
  std::shared_ptr<const std::string> baggage_;
  mutable Status cause_;
  mutable internal::List<internal::CancelNode, internal::CancelTag> cancel_nodes_;
  mutable internal::List<const Context, internal::ChildTag> children_;
  mutable std::atomic<RemoteChildren*> remote_children_{nullptr};
  mutable DeadlineTimer deadline_timer_{this};
  std::source_location made_at_;
  Instant made_when_{};
  mutable Instant finished_when_ = kNever;
  internal::Holders* holders_ = nullptr;  // null: not recorded
};

// Never destroyed, so that it can be read while the process ends.
union Context::Immortal {
  constexpr Immortal() noexcept : context(EmptyRoot{}) {}
  ~Immortal() {}
  Context context;
};

inline constinit const Context::Immortal Context::kEmptyRoot{};

inline const Context& Context::current() noexcept {
  return thread_slot.context != nullptr ? *thread_slot.context : kEmptyRoot.context;
}

inline bool Context::empty_root() const noexcept { return this == &kEmptyRoot.context; }

namespace internal {

// Of a context that records its holders.
void AddHolder(Holders& holders, const ContextRef& reference, std::source_location where) noexcept;
void MoveHolder(Holders& holders, const ContextRef& from, const ContextRef& to) noexcept;
void RemoveHolder(Holders& holders, const ContextRef& reference) noexcept;
// From now on the current loop, if there is one, charges `cost`.
void SwitchCost(Cost* cost) noexcept;

}  // namespace internal

inline ContextRef::ContextRef(Adopt, const Context* context, std::source_location where) noexcept : context_(context) {
  if (context->holders_ != nullptr) [[unlikely]]
    internal::AddHolder(*context->holders_, *this, where);
}
inline ContextRef::ContextRef(const Context& context, std::source_location where) noexcept
    : ContextRef(Adopt{}, &context, where) {
  context.Ref();
}
inline ContextRef::ContextRef(const ContextRef& other, std::source_location where) noexcept : context_(other.context_) {
  if (context_ == nullptr) return;
  context_->Ref();
  if (context_->holders_ != nullptr) [[unlikely]]
    internal::AddHolder(*context_->holders_, *this, where);
}
inline void ContextRef::Take(ContextRef& other) noexcept {
  context_ = std::exchange(other.context_, nullptr);
  if (context_ != nullptr && context_->holders_ != nullptr) [[unlikely]] {
    internal::MoveHolder(*context_->holders_, other, *this);
  }
}
inline const Context* ContextRef::Release() noexcept {
  if (context_ != nullptr && context_->holders_ != nullptr) [[unlikely]] {
    internal::RemoveHolder(*context_->holders_, *this);
  }
  return std::exchange(context_, nullptr);
}
inline ContextRef::~ContextRef() {
  if (const Context* const context = Release(); context != nullptr) context->Unref();
}

// Makes a context current until the end of the scope, also across co_await. On a foreign thread this is how the thread
// adopts one.
class [[nodiscard]] ContextScope {
 public:
  // For whoever made the context for just this scope: its unit of work ends with the scope (Context::Finish).
  struct EndsWork {};

  explicit ContextScope(ContextRef context) noexcept
      : installed_(std::move(context)), previous_(std::exchange(thread_slot.context, installed_.get())) {
    if (other_cost()) [[unlikely]]
      internal::SwitchCost(installed_->cost());
  }
  ContextScope(ContextRef context, EndsWork) noexcept : ContextScope(std::move(context)) { ends_work_ = true; }
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;
  // A suspended frame may be destroyed while other work is current, which then stays so.
  ~ContextScope() {
    if (thread_slot.context == installed_.get()) {
      thread_slot.context = previous_;
      if (other_cost()) [[unlikely]]
        internal::SwitchCost(previous_ == nullptr ? nullptr : previous_->cost());
    }
    if (ends_work_) installed_->Finish();
  }

 private:
  [[nodiscard]] bool other_cost() const noexcept {
    return installed_->cost() != (previous_ == nullptr ? nullptr : previous_->cost());
  }

  ContextRef installed_;
  const Context* previous_;
  bool ends_work_ = false;
};

template <typename Function>
auto Context::Bind(Function function, std::source_location where) {
  return [context = ContextRef(current(), where),
          function = std::move(function)]<typename... Args>(Args&&... args) mutable -> decltype(auto) {
    const ContextScope scope(context);
    return function(std::forward<Args>(args)...);
  };
}

}  // namespace flywheel::inline v0
