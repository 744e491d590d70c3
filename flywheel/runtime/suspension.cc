#include "flywheel/runtime/suspension.h"

#include "flywheel/base/mutant.h"
#include "flywheel/runtime/internal/bridge.h"
#include "flywheel/runtime/loop.h"

namespace flywheel::inline v0 {

Suspension::~Suspension() {
  if (state_ == State::kIdle) return;
  if (state_ == State::kReady) loop_->RemoveReady(*this);
  if (task_ != nullptr && task_->awaiting == this) task_->awaiting = nullptr;
}

void Suspension::Suspend(std::coroutine_handle<> handle, bool cancellable) noexcept {
  FW_CHECK(thread_slot.loop != nullptr) << what_ << " awaited outside a loop; use Runtime::BlockOn on other threads";
  handle_ = handle;
  context_ = thread_slot.context;
  task_ = thread_slot.task;
  loop_ = thread_slot.loop;
  state_ = State::kWaiting;
  if (task_ != nullptr) task_->awaiting = this;
  if (cancellable && context_ != nullptr) AddToContext();
}

void Suspension::AddToContext() noexcept {
  FW_CHECK(context_->loop() == loop_) << what_ << " awaited under a context of another home than loop " << loop_->name()
                                      << "; make a Child() of it here";
  context_->AddCancelNode(*this);
}

void Suspension::MarkReady() noexcept {
  state_ = State::kReady;
  CancelNode::Unlink();
  if (context_ != nullptr && context_->cost() != nullptr) ready_ticks_ = loop_->meter().Ticks();
}

void Suspension::Wake() noexcept {
  if (state_ != State::kWaiting) return;
  FW_DCHECK(thread_slot.loop == loop_) << what_ << " woken from another loop; Post to " << loop_->name() << " instead";
  MarkReady();
  loop_->Ready(*this);
}

void Suspension::WakeNextTurn() noexcept {
  MarkReady();
  loop_->ReadyNextTurn(*this);
}

void Suspension::OnCancel(CancelNode& node) {
  auto& self = static_cast<Suspension&>(node);
  if (!self.Cancelled()) return;
  self.cancelled_ = true;
  self.ListNode<WaitTag>::Unlink();
  self.Wake();
}

void Suspension::Resume(Work& work) {
  auto& self = static_cast<Suspension&>(work);
  self.state_ = State::kIdle;
  if (self.task_ != nullptr) self.task_->awaiting = nullptr;
  if (!FW_MUTANT("suspension.forgets_context")) self.loop_->SetRunning(self.context_, self.task_);
  if (Cost* const cost = Context::current().cost(); cost != nullptr) {
    cost->queue_wait += self.loop_->meter().Since(self.ready_ticks_);
  }
  self.handle_.resume();
}

namespace internal {

bool InCrash() noexcept { return thread_slot.loop != nullptr && thread_slot.loop->abandoned(); }

void WakeFromAnywhere(Loop& home, Suspension& waiter) noexcept {
  if (thread_slot.loop == &home) {
    waiter.Wake();
  } else {
    home.Post([&waiter] { waiter.Wake(); });
  }
}

}  // namespace internal
}  // namespace flywheel::inline v0
