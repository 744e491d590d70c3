#include "flywheel/runtime/on_loop.h"

namespace flywheel::inline v0::internal {
namespace {

// Cancels one context when another is cancelled.
struct CancelLink : CancelNode {
  CancelLink(const Context& from, const Context& to) noexcept
      : CancelNode(&CancelLink::OnCancel), above(from), below(to) {}
  static void OnCancel(CancelNode& node) {
    const auto& self = static_cast<CancelLink&>(node);
    self.below.Cancel(self.above.status());
  }
  const Context& above;
  const Context& below;
};

}  // namespace

Task<void> UnderContext(ContextRef parent, Task<void> task) {
  const Context& current = Context::current();
  const ContextScope scope(parent->Child(), ContextScope::EndsWork{});
  const Context& mine = Context::current();
  CancelLink link(current, mine);
  if (current.cancelled()) {
    mine.Cancel(current.status());
  } else {
    current.AddCancelNode(link);
  }
  co_await std::move(task);
}

void RemoteEnd::await_suspend(std::coroutine_handle<> handle) {
  Loop& home = *Loop::current();
  Suspend(handle, /*cancellable=*/false);
  target_.Post([this, &home, parent = ContextRef(Context::current())]() mutable {
    const auto run = [](ContextRef above, Task<void> task, Loop& back, RemoteEnd& waiter) -> Task<void> {
      {
        Task<void> owned = UnderContext(std::move(above), std::move(task));
        co_await std::move(owned);
      }
      back.Post([&waiter] { waiter.Wake(); });
    };
    target_.roots().Spawn(run(std::move(parent), std::move(task_), home, *this), where());
  });
}

}  // namespace flywheel::inline v0::internal
