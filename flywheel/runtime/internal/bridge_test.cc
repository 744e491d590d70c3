#include "flywheel/runtime/internal/bridge.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/runtime.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;

// What another library could give us: knows a thread of its own and nothing of loops.
template <typename T>
struct OnAThread {
  static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    thread = std::thread([this, handle] {
      resumed_on = std::this_thread::get_id();
      handle.resume();
    });
  }
  T await_resume() {
    if (fails) throw std::runtime_error("from afar");
    return static_cast<T>(value);
  }
  ~OnAThread() {
    if (thread.joinable()) thread.join();
  }
  T value;
  bool fails = false;
  std::thread thread = {};
  std::thread::id resumed_on = {};
};

std::unique_ptr<Runtime> OneLoop() { return *Runtime::Create({.name = "test", .loops = 1}); }

TEST(BridgeTest, ResultOfAnotherThreadComesHome) {
  const auto runtime = OneLoop();
  const auto test = [](Loop& home) -> Task<void> {
    const ContextScope scope(Context::current().Child());
    const Context* const mine = &Context::current();
    OnAThread<int> number{.value = 4};
    EXPECT_EQ(co_await number, 4);
    EXPECT_NE(number.resumed_on, std::this_thread::get_id());
    EXPECT_EQ(Loop::current(), &home);
    EXPECT_EQ(&Context::current(), mine);
    auto moved = co_await OnAThread<std::unique_ptr<int>&&>{.value = std::make_unique<int>(5)};
    EXPECT_EQ(*moved, 5);
    int target = 6;
    int& same = co_await OnAThread<int&>{.value = target};
    EXPECT_EQ(&same, &target);
    bool caught = false;
    try {
      (void)co_await OnAThread<int>{.value = 1, .fails = true};
    } catch (const std::runtime_error& error) {
      caught = std::string(error.what()) == "from afar";
    }
    EXPECT_TRUE(caught);
    EXPECT_EQ(Loop::current(), &home);
    EXPECT_EQ(&Context::current(), mine);
  };
  EXPECT_TRUE(runtime->BlockOn(test(runtime->loop(0))).ok());
}

TEST(BridgeTest, ManyTasksAtOnceFromManyThreads) {
  const auto runtime = OneLoop();
  const auto test = []() -> Task<int> {
    int sum = 0;  // one loop: no lock
    const auto add = [](int value, int& total) -> Task<void> {
      const std::string before = "a local that must not move " + std::to_string(value);
      const int got = co_await OnAThread<int>{.value = value};
      EXPECT_TRUE(before.ends_with(std::to_string(got)));
      total += got;
    };
    TaskGroup group;
    for (int i = 1; i <= 50; ++i) group.Spawn(add(i, sum));
    EXPECT_TRUE((co_await group.Join()).ok());
    co_return sum;
  };
  EXPECT_EQ(*runtime->BlockOn(test()), 1275);
}

struct Immediate {
  static bool await_ready() noexcept { return true; }
  static void await_suspend(std::coroutine_handle<>) noexcept { ADD_FAILURE() << "it was ready"; }
  static int await_resume() noexcept { return 1; }
};
struct ChangesItsMind {
  static bool await_ready() noexcept { return false; }
  static bool await_suspend(std::coroutine_handle<>) noexcept { return false; }
  static int await_resume() noexcept { return 2; }
};
struct TransfersBack {
  static bool await_ready() noexcept { return false; }
  static std::coroutine_handle<> await_suspend(std::coroutine_handle<> handle) noexcept { return handle; }
  static int await_resume() noexcept { return 3; }
};
struct ResumesInside {
  static bool await_ready() noexcept { return false; }
  static void await_suspend(std::coroutine_handle<> handle) { handle.resume(); }
  static void await_resume() noexcept {}
};
struct HasOperator {
  ChangesItsMind operator co_await() const noexcept { return {}; }
};
struct HasFreeOperator {
  int value;
};
Immediate operator co_await(const HasFreeOperator&) { return {}; }

TEST(BridgeTest, TakesEveryFormOfAwaitable) {
  OneHost sim;
  const auto test = []() -> Task<int> {
    const HasFreeOperator constant{0};
    co_await ResumesInside();
    co_return co_await Immediate() + 10 * co_await ChangesItsMind() + 100 * co_await TransfersBack() +
        1000 * co_await HasOperator() + 10000 * co_await constant;
  };
  EXPECT_EQ(sim.Run(test()), 12321);
}

// Resumed in the midst of another task's turn, it must neither run there nor under that task's context.
TEST(BridgeTest, TaskGoesOnInItsOwnTurnAndContext) {
  OneHost sim;
  struct Stored {
    static bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) noexcept { place = handle; }
    static void await_resume() noexcept {}
    std::coroutine_handle<>& place;
  };
  const auto test = []() -> Task<void> {
    std::coroutine_handle<> stored;
    bool resumed = false;
    const auto waiter = [](std::coroutine_handle<>& place, bool& flag) -> Task<void> {
      const ContextScope scope(Context::current().Child());
      const Context* const mine = &Context::current();
      co_await Stored{place};
      EXPECT_EQ(&Context::current(), mine);
      flag = true;
    };
    TaskGroup group;
    group.Spawn(waiter(stored, resumed));
    while (!stored) EXPECT_TRUE((co_await Yield()).ok());
    const Context* const mine = &Context::current();
    stored.resume();
    EXPECT_FALSE(resumed);
    EXPECT_EQ(&Context::current(), mine);
    EXPECT_TRUE((co_await group.Join()).ok());
    EXPECT_TRUE(resumed);
  };
  sim.Run(test());
}

// A foreign operation cannot be told to stop, so the wait ends when it does.
TEST(BridgeTest, WaitIsNotCutByCancellation) {
  const auto runtime = OneLoop();
  const auto test = []() -> Task<int> {
    const ContextRef child = Context::current().Child();
    const ContextScope scope(child);
    child->Cancel(Cancelled("now"));
    co_return co_await OnAThread<int>{.value = 7};
  };
  EXPECT_EQ(*runtime->BlockOn(test()), 7);
}

}  // namespace
}  // namespace flywheel::inline v0
