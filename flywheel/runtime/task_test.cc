#include "flywheel/runtime/task.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/runtime/event.h"
#include "flywheel/runtime/internal/system_allocations.h"
#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0 {
namespace {

using internal::kFramesAreRecycled;
using internal::OneHost;
using internal::SystemAllocations;
using namespace std::chrono_literals;

static_assert(!std::is_copy_constructible_v<Task<int>>);
static_assert(std::is_nothrow_move_constructible_v<Task<int>> && std::is_nothrow_move_assignable_v<Task<int>>);

Task<int> Number(int value) { co_return value; }
Task<void> Nothing() { co_return; }
Task<void> Throws(std::string what) {
  throw std::runtime_error(what);
  co_return;
}

TEST(TaskTest, YieldsValuesReferencesAndMoveOnlyResults) {
  OneHost sim;
  const auto all = [](std::string& text) -> Task<void> {
    EXPECT_EQ(co_await Number(3), 3);
    const auto reference = [](std::string& of) -> Task<std::string&> { co_return of; };
    std::string& same = co_await reference(text);
    EXPECT_EQ(&same, &text);
    const auto constant = [](const std::string& of) -> Task<const std::string&> { co_return of; };
    EXPECT_EQ(&co_await constant(text), &text);
    const auto unique = [](int value) -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(value); };
    EXPECT_EQ(*co_await unique(5), 5);
    const auto list = []() -> Task<std::vector<int>> { co_return {1, 2, 3}; };
    EXPECT_EQ((co_await list()).size(), 3u);
    struct NoDefault {
      explicit NoDefault(int v) : value(v) {}
      int value;
    };
    const auto made = []() -> Task<NoDefault> { co_return NoDefault(4); };
    EXPECT_EQ((co_await made()).value, 4);
    const auto converted = []() -> Task<std::string> { co_return "text"; };
    EXPECT_EQ(co_await converted(), "text");
    const auto fallible = [](bool fails) -> Task<StatusOr<int>> {
      if (fails) co_return NotFound("no");
      co_return 1;
    };
    EXPECT_EQ((co_await fallible(true)).status(), NotFound("no"));
    EXPECT_EQ(*co_await fallible(false), 1);
    const auto nested = []() -> Task<Task<int>> { co_return Number(8); };
    EXPECT_EQ(co_await co_await nested(), 8);
    co_await Nothing();
  };
  std::string text = "text";
  sim.Run(all(text));
}

TEST(TaskTest, RunsOnlyWhenAwaited) {
  OneHost sim;
  const auto test = []() -> Task<void> {
    int runs = 0;
    const auto count = [](int& counter) -> Task<int> { co_return ++counter; };
    Task<int> task = count(runs);
    EXPECT_TRUE(task.valid());
    EXPECT_TRUE((co_await Yield()).ok());
    EXPECT_EQ(runs, 0);
    EXPECT_EQ(co_await std::move(task), 1);
    {
      const Task<int> dropped = count(runs);
    }
    EXPECT_EQ(runs, 1);
  };
  sim.Run(test());
}

TEST(TaskTest, MovesItsFrameAlong) {
  OneHost sim;
  auto alive = std::make_shared<int>(1);
  const auto hold = [](std::shared_ptr<int> held) -> Task<int> { co_return *held; };
  Task<int> a = hold(alive);
  Task<int> b = hold(alive);
  EXPECT_EQ(alive.use_count(), 3);
  b = std::move(a);
  EXPECT_EQ(alive.use_count(), 2);
  EXPECT_FALSE(a.valid());  // NOLINT(bugprone-use-after-move): empty is promised
  Task<int>& same = b;
  b = std::move(same);
  EXPECT_TRUE(b.valid());
  EXPECT_EQ(sim.Run(std::move(b)), 1);
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_FALSE(Task<int>().valid());
}

TEST(TaskTest, ExceptionsLeaveThroughTheAwait) {
  OneHost sim;
  const auto test = []() -> Task<int> {
    try {
      co_await Throws("first");
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "first");
    }
    struct Picky {
      explicit Picky(int value) {
        if (value == 0) throw std::invalid_argument("zero");
      }
    };
    const auto result_throws = []() -> Task<Picky> { co_return 0; };
    bool caught = false;
    try {
      (void)co_await result_throws();
    } catch (const std::invalid_argument&) {
      caught = true;
    }
    EXPECT_TRUE(caught);
    const auto reference_throws = [](int& value) -> Task<int&> {
      if (value == 0) throw 17;
      co_return value;
    };
    int zero = 0;
    try {
      co_return co_await reference_throws(zero);
    } catch (int number) {
      co_return number;
    }
  };
  EXPECT_EQ(sim.Run(test()), 17);
}

TEST(TaskTest, ExceptionOfADestructorReplacesTheResult) {
  struct Loud {
    ~Loud() noexcept(false) { throw std::runtime_error("destroyed"); }
  };
  OneHost sim;
  const auto held = std::make_shared<int>(1);
  const auto test = [](std::shared_ptr<int> result) -> Task<bool> {
    const auto loud = [](std::shared_ptr<int> value) -> Task<std::shared_ptr<int>> {
      const Loud last_word;
      co_return value;
    };
    try {
      (void)co_await loud(std::move(result));
    } catch (const std::runtime_error&) {
      co_return true;
    }
    co_return false;
  };
  EXPECT_TRUE(sim.Run(test(held)));
  EXPECT_EQ(held.use_count(), 1);
}

// A task that stands where a test wants it: started by hand, destroyed by hand, as only a crash does it.
class Puppet {
 public:
  struct promise_type {
    Puppet get_return_object() { return Puppet(std::coroutine_handle<promise_type>::from_promise(*this)); }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    static std::suspend_always final_suspend() noexcept { return {}; }
    static void return_void() noexcept {}
    [[noreturn]] static void unhandled_exception() { std::terminate(); }
  };

  explicit Puppet(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Puppet(Puppet&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Puppet& operator=(Puppet&&) = delete;
  ~Puppet() { Destroy(); }

  void Start() { handle_.resume(); }
  [[nodiscard]] bool done() const { return handle_.done(); }
  void Destroy() {
    if (handle_) std::exchange(handle_, nullptr).destroy();
  }

 private:
  std::coroutine_handle<promise_type> handle_;
};

Puppet Hang(Task<void> task) { co_await std::move(task); }

TEST(TaskTest, DestroyingAWaitingTaskTakesItOutOfWhatItWaitsFor) {
  OneHost sim;
  Event event;
  bool went_on = false;
  auto alive = std::make_shared<int>(0);
  const auto wait = [](Event& waited, bool& after, std::shared_ptr<int> local) -> Task<void> {
    const auto inner = [](Event& deep, std::shared_ptr<int> held) -> Task<void> {
      (co_await deep.Wait()).IgnoreError();
      ++*held;
    };
    co_await inner(waited, local);
    after = true;
  };
  for (const bool woken : {false, true}) {
    event.Reset();
    Puppet puppet = Hang(wait(event, went_on, alive));
    sim.host.loop().Post([&] {
      puppet.Start();
      EXPECT_EQ(alive.use_count(), 3);
      if (woken) event.Set();  // now it lies in the ready queue
      puppet.Destroy();
      EXPECT_EQ(alive.use_count(), 1);
      event.Set();
    });
    while (sim.world.Step()) continue;
    EXPECT_FALSE(went_on);
    EXPECT_EQ(*alive, 0);
  }
}

TEST(TaskTest, DestroyingASleepingTaskDisarmsItsTimer) {
  OneHost sim;
  const auto sleep = []() -> Task<void> { (co_await Sleep(1h)).IgnoreError(); };
  Puppet puppet = Hang(sleep());
  sim.host.loop().Post([&] { puppet.Start(); });
  sim.world.RunFor(1s);
  EXPECT_LT(sim.host.loop().IdleTime(), 1h);
  sim.host.loop().Post([&] { puppet.Destroy(); });
  sim.world.RunFor(1s);
  EXPECT_EQ(sim.host.loop().IdleTime(), Duration::max());
}

TEST(TaskTest, DestroyingAYieldedTaskTakesItOutOfTheQueue) {
  OneHost sim;
  bool went_on = false;
  const auto yield = [](bool& after) -> Task<void> {
    (co_await Yield()).IgnoreError();
    after = true;
  };
  Puppet first = Hang(yield(went_on));
  Puppet second = Hang(yield(went_on));
  sim.host.loop().Post([&] {
    first.Start();
    second.Start();
    second.Destroy();
    first.Destroy();
  });
  while (sim.world.Step()) continue;
  EXPECT_FALSE(went_on);
}

struct Depths {
  // Memory is what bounds the chain; frames grow under AddressSanitizer.
  static constexpr int kDeep = kFramesAreRecycled ? 1'000'000 : 200'000;

  static Task<int> Down(int depth, bool waits, bool throws) {
    if (depth != 0) co_return co_await Down(depth - 1, waits, throws) + 1;
    if (waits) (co_await Yield()).IgnoreError();
    if (throws) throw std::runtime_error("at the bottom");
    co_return 0;
  }
  static Task<bool> Catch(Task<int> task) {
    try {
      (void)co_await std::move(task);
    } catch (const std::runtime_error&) {
      co_return true;
    }
    co_return false;
  }
};

TEST(TaskTest, ChainOfAMillionAwaitsUsesNoStack) {
  OneHost sim;
  EXPECT_EQ(sim.Run(Depths::Down(Depths::kDeep, false, false)), Depths::kDeep);
  EXPECT_EQ(sim.Run(Depths::Down(Depths::kDeep, true, false)), Depths::kDeep);
}

TEST(TaskTest, ExceptionUnwindsADeepChainWithoutStack) {
  OneHost sim;
  EXPECT_TRUE(sim.Run(Depths::Catch(Depths::Down(100'000, true, true))));
}

TEST(TaskTest, SteadyAwaitsNeverReachTheSystemAllocator) {
  if (!kFramesAreRecycled) GTEST_SKIP() << "frames are not recycled under AddressSanitizer";
  OneHost sim;
  const auto test = []() -> Task<std::uint64_t> {
    const auto around = []() -> Task<int> {
      int sum = 0;
      for (int i = 0; i < 100; ++i) sum += co_await Number(i);
      (co_await Yield()).IgnoreError();
      co_return sum;
    };
    for (int warm = 0; warm < 2; ++warm) (void)co_await around();
    const std::uint64_t before = SystemAllocations();
    for (int i = 0; i < 100; ++i) (void)co_await around();
    co_return SystemAllocations() - before;
  };
  EXPECT_EQ(sim.Run(test()), 0u);
}

TEST(TaskTest, ListsWhoWaitsForWhatSinceWhere) {
  OneHost sim;
  Event event;
  const auto wait = [](Event& waited) -> Task<void> { (co_await waited.Wait()).IgnoreError(); };
  sim.host.Spawn(wait(event));
  const auto line = std::source_location::current().line() - 1;
  sim.world.RunFor(1ms);
  int found = 0;
  sim.host.loop().ForEachTask([&](const TaskRecord& task) {
    ++found;
    EXPECT_EQ(task.spawned_at.line(), line);
    ASSERT_NE(task.awaiting, nullptr);
    EXPECT_STREQ(task.awaiting->what(), "Event::Wait");
    EXPECT_EQ(task.awaiting->where().line(), line - 1);
  });
  EXPECT_EQ(found, 1);
  sim.host.loop().Post([&] { event.Set(); });
  sim.world.RunFor(1ms);
  sim.host.loop().ForEachTask([](const TaskRecord&) { ADD_FAILURE() << "it has ended"; });
}

TEST(TaskDeathTest, WaitingOutsideALoopNamesThePrimitive) {
  const auto wait = []() -> Task<void> {
    Event never;
    (co_await never.Wait()).IgnoreError();
  };
  EXPECT_DEATH(
      {
        Puppet puppet = Hang(wait());
        puppet.Start();
      },
      "Event::Wait awaited outside a loop; use Runtime::BlockOn");
  const auto sleep = []() -> Task<void> { (co_await Sleep(1s)).IgnoreError(); };
  EXPECT_DEATH(
      {
        Puppet puppet = Hang(sleep());
        puppet.Start();
      },
      "Sleep awaited outside a loop; use Runtime::BlockOn");
}

#ifndef NDEBUG
TEST(TaskDeathTest, AwaitingTwiceOrNothingIsABug) {
  const auto twice = []() -> Task<void> {
    Task<void> task = Nothing();
    co_await std::move(task);
    co_await std::move(task);  // NOLINT(bugprone-use-after-move): the bug that is tested
  };
  const auto empty = []() -> Task<void> { co_await Task<void>(); };
  EXPECT_DEATH({ OneHost().Run(twice()); }, "awaited before");
  EXPECT_DEATH({ OneHost().Run(empty()); }, "empty");
}
#endif

}  // namespace
}  // namespace flywheel::inline v0
