#include "flywheel/base/status_or.h"

#include <gtest/gtest.h>

#include <any>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace flywheel::inline v0 {
namespace {

// A T that a Status could become would make `return status;` mean either of two things.
static_assert(!StatusOrValue<Status> && !StatusOrValue<const Status>);
static_assert(!StatusOrValue<StatusOr<int>>);
static_assert(!StatusOrValue<std::optional<Status>> && !StatusOrValue<std::variant<int, Status>>);
static_assert(!StatusOrValue<std::any>);
struct FromStatus {
  explicit FromStatus(const Status&) {}
};
static_assert(!StatusOrValue<FromStatus>);
static_assert(!StatusOrValue<int&> && !StatusOrValue<void> && !StatusOrValue<int[3]>);
struct HoldsStatus {
  Status status;
  int other;
};
static_assert(StatusOrValue<int> && StatusOrValue<std::unique_ptr<int>> && StatusOrValue<std::vector<Status>>);
static_assert(StatusOrValue<Status*> && StatusOrValue<HoldsStatus>);

static_assert(std::is_convertible_v<Status, StatusOr<int>> && std::is_convertible_v<int, StatusOr<int>>);
static_assert(std::is_convertible_v<const char*, StatusOr<std::string>>);
struct Explicit {
  explicit Explicit(int) {}
};
static_assert(std::is_constructible_v<StatusOr<Explicit>, int> && !std::is_convertible_v<int, StatusOr<Explicit>>);
static_assert(!std::is_copy_constructible_v<StatusOr<std::unique_ptr<int>>>);
static_assert(std::is_nothrow_move_constructible_v<StatusOr<std::unique_ptr<int>>>);
static_assert(!std::is_default_constructible_v<StatusOr<int>>);

struct Incomplete;
[[maybe_unused]] StatusOr<Incomplete> Declared();  // must compile: a header may know T by name only

// Counts what lives, so that a value that is destroyed twice or never shows.
struct Counted {
  explicit Counted(int v, int* alive) : value(v), living(alive) { ++*living; }
  Counted(const Counted& other) : value(other.value), living(other.living) { ++*living; }
  Counted(Counted&& other) noexcept : value(std::exchange(other.value, -1)), living(other.living) { ++*living; }
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*living; }
  int value;
  int* living;
};

TEST(StatusOrTest, HoldsAValueOrTheReasonWhyNot) {
  const StatusOr<std::string> value = "text";
  ASSERT_TRUE(value.ok());
  EXPECT_TRUE(value.status().ok());
  EXPECT_EQ(*value, "text");
  EXPECT_EQ(value.value(), "text");
  EXPECT_EQ(value->size(), 4);
  const StatusOr<std::string> failure = NotFound("gone");
  ASSERT_FALSE(failure.ok());
  EXPECT_EQ(failure.status(), NotFound("gone"));
}

TEST(StatusOrDeathTest, TheValueOfAFailureAborts) {
  StatusOr<std::string> failure = NotFound("gone");
  EXPECT_DEATH(static_cast<void>(*failure), "value of a failed StatusOr taken: NOT_FOUND: gone");
  EXPECT_DEATH(static_cast<void>(failure.value()), "NOT_FOUND: gone");
  EXPECT_DEATH(static_cast<void>(failure->size()), "NOT_FOUND: gone");
  EXPECT_DEATH(static_cast<void>(*std::move(failure)), "NOT_FOUND: gone");
  EXPECT_DEATH(static_cast<void>(std::as_const(failure).value()), "NOT_FOUND: gone");
}

TEST(StatusOrDeathTest, MadeFromOkAborts) {
  EXPECT_DEATH(static_cast<void>(StatusOr<int>(Status::Ok())), "StatusOr made from an OK status");
  Status moved_from = NotFound("x");
  const Status taken = std::move(moved_from);
  // NOLINTNEXTLINE(bugprone-use-after-move): the point of it
  EXPECT_DEATH(static_cast<void>(StatusOr<int>(moved_from)), "StatusOr made from an OK status");
}

TEST(StatusOrTest, HoldsWhatCanOnlyBeMoved) {
  StatusOr<std::unique_ptr<int>> from = std::make_unique<int>(7);
  StatusOr<std::unique_ptr<int>> to = std::move(from);
  ASSERT_TRUE(to.ok());
  EXPECT_EQ(**to, 7);
  const std::unique_ptr<int> out = *std::move(to);
  EXPECT_EQ(*out, 7);
  from = NotFound("x");
  EXPECT_FALSE(from.ok());
  from = std::make_unique<int>(8);
  EXPECT_EQ(**from, 8);
}

TEST(StatusOrTest, BuildsTheValueInPlace) {
  const StatusOr<std::string> text(std::in_place, 3, 'x');
  EXPECT_EQ(*text, "xxx");
  const StatusOr<HoldsStatus> holds(std::in_place, NotFound("inside"), 3);
  EXPECT_TRUE(holds.ok());
  EXPECT_EQ(holds->status, NotFound("inside"));
}

TEST(StatusOrTest, EveryAssignmentDestroysTheOldAndKeepsTheNew) {
  int living = 0;
  for (const bool target_ok : {true, false}) {
    for (const bool source_ok : {true, false}) {
      const auto make = [&](bool ok, int value) {
        return ok ? StatusOr<Counted>(std::in_place, value, &living) : StatusOr<Counted>(NotFound("source"));
      };
      StatusOr<Counted> copied = make(target_ok, 1);
      StatusOr<Counted> moved = make(target_ok, 1);
      StatusOr<Counted> source = make(source_ok, 2);
      copied = source;
      ASSERT_EQ(source.ok(), source_ok);
      if (source_ok) EXPECT_EQ(source->value, 2);
      moved = std::move(source);
      for (const StatusOr<Counted>* result : {&copied, &moved}) {
        ASSERT_EQ(result->ok(), source_ok);
        if (source_ok) {
          EXPECT_EQ((*result)->value, 2);
        } else {
          EXPECT_EQ(result->status(), NotFound("source"));
        }
      }
      EXPECT_EQ(living, source_ok ? 3 : 0);  // copied, moved and the source, whose value is moved from
    }
    EXPECT_EQ(living, 0);
  }
}

TEST(StatusOrTest, MovedFromKeepsItsState) {
  StatusOr<std::string> value = std::string(100, 'x');
  StatusOr<std::string> failure = NotFound("x");
  const StatusOr<std::string> value_to = std::move(value);
  const StatusOr<std::string> failure_to = std::move(failure);
  EXPECT_EQ(*value_to, std::string(100, 'x'));
  EXPECT_EQ(failure_to.status(), NotFound("x"));
  // NOLINTBEGIN(bugprone-use-after-move): the state is promised
  EXPECT_TRUE(value.ok());
  EXPECT_EQ(failure.status(), NotFound("x"));
  // NOLINTEND(bugprone-use-after-move)
}

TEST(StatusOrTest, SelfAssignmentKeepsIt) {
  StatusOr<std::string> value = std::string(100, 'x');
  StatusOr<std::string> failure = NotFound("gone");
  StatusOr<std::string>& same_value = value;
  StatusOr<std::string>& same_failure = failure;
  value = same_value;
  failure = same_failure;
  EXPECT_EQ(*value, std::string(100, 'x'));
  EXPECT_EQ(failure.status(), NotFound("gone"));
  value = std::move(same_value);
  failure = std::move(same_failure);
  EXPECT_EQ(*value, std::string(100, 'x'));
  EXPECT_EQ(failure.status(), NotFound("gone"));
}

TEST(StatusOrTest, ValueOrFallsBackAndMovesOut) {
  EXPECT_EQ(StatusOr<std::string>("a").value_or("b"), "a");
  EXPECT_EQ(StatusOr<std::string>(NotFound("x")).value_or("b"), "b");
  const StatusOr<std::string> kept = "a";
  EXPECT_EQ(kept.value_or("b"), "a");
  EXPECT_EQ(*kept, "a");
  EXPECT_EQ(*StatusOr<std::unique_ptr<int>>(std::make_unique<int>(3)).value_or(nullptr), 3);
}

TEST(StatusOrTest, GivesTheValueByReferenceOfTheRightKind) {
  static_assert(std::is_same_v<decltype(*std::declval<StatusOr<int>&>()), int&>);
  static_assert(std::is_same_v<decltype(*std::declval<const StatusOr<int>&>()), const int&>);
  static_assert(std::is_same_v<decltype(*std::declval<StatusOr<int>>()), int&&>);
  StatusOr<int> value = 1;
  *value = 2;
  EXPECT_EQ(*value, 2);
}

TEST(StatusOrTest, CopiesMayBeUsedOnSeveralThreads) {
  const StatusOr<std::string> value = std::string(100, 'x');
  const StatusOr<std::string> failure = NotFound("gone");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 1000; ++round) {
        StatusOr<std::string> value_copy = NotFound("replaced");
        StatusOr<std::string> failure_copy = "replaced";
        value_copy = value;
        failure_copy = failure;
        ASSERT_EQ(value_copy->size(), 100);
        ASSERT_EQ(failure_copy.status(), NotFound("gone"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

StatusOr<std::unique_ptr<int>> Make(int& calls, bool ok) {
  ++calls;
  if (!ok) return NotFound("no number");
  return std::make_unique<int>(5);
}

StatusOr<std::string> Assign(int& calls, bool first, bool second) {
  FW_ASSIGN_OR_RETURN(const std::unique_ptr<int> number, Make(calls, first));
  std::unique_ptr<int> other;
  FW_ASSIGN_OR_RETURN(other, Make(calls, second));
  return std::to_string(*number + *other);
}

TEST(StatusOrMacroTest, DeclaresAssignsOrReturnsAndEvaluatesOnce) {
  int calls = 0;
  EXPECT_EQ(*Assign(calls, true, true), "10");
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(Assign(calls, true, false).status(), NotFound("no number"));
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(Assign(calls, false, true).status(), NotFound("no number"));
  EXPECT_EQ(calls, 5);
}

TEST(StatusOrMacroTest, LeavesANamedResultAsItIs) {
  StatusOr<std::string> named = "kept";
  const auto run = [&]() -> Status {
    FW_ASSIGN_OR_RETURN(const std::string text, named);
    return Aborted(text);
  };
  EXPECT_EQ(run(), Aborted("kept"));
  EXPECT_EQ(*named, "kept");
}

// The smallest coroutine that returns a StatusOr.
struct NumberCoroutine {
  struct promise_type {
    std::optional<StatusOr<int>>* result = nullptr;
    NumberCoroutine get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void unhandled_exception() { std::terminate(); }
    void return_value(StatusOr<int> value) { result->emplace(std::move(value)); }
  };
  std::coroutine_handle<promise_type> handle;

  StatusOr<int> Run() && {
    std::optional<StatusOr<int>> result;
    handle.promise().result = &result;
    handle.resume();
    handle.destroy();
    return *std::move(result);
  }
};

struct AwaitNumber {
  StatusOr<std::unique_ptr<int>> number;
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  StatusOr<std::unique_ptr<int>> await_resume() { return std::move(number); }
};

NumberCoroutine CoAssign(int& awaits, bool first, bool second) {
  FW_CO_ASSIGN_OR_RETURN(const std::unique_ptr<int> number, co_await AwaitNumber{Make(awaits, first)});
  FW_CO_RETURN_IF_ERROR(second ? Status::Ok() : Aborted("second"));
  co_return *number;
}

TEST(StatusOrMacroTest, WorksInCoroutinesAroundAnAwait) {
  int awaits = 0;
  EXPECT_EQ(*CoAssign(awaits, true, true).Run(), 5);
  EXPECT_EQ(CoAssign(awaits, false, true).Run().status(), NotFound("no number"));
  EXPECT_EQ(CoAssign(awaits, true, false).Run().status(), Aborted("second"));
  EXPECT_EQ(awaits, 3);
}

}  // namespace
}  // namespace flywheel::inline v0
