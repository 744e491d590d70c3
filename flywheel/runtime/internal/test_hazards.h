// What the tests of coroutine idioms share: a value that notices a double destruction, a leak, a bitwise copy and a use
// after its end, the ways in which a co_await can go, and the callees of most idioms.
// Each idiom is tried with every way (CoroutineHazards<Mode>).
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0::internal::hazards {

struct Ledger {
  int live = 0;
  int made = 0;
};

// A value that knows where it lives: whoever destroys it twice, moves its bits or uses it too late is caught.
class Token {
 public:
  Token(Ledger& ledger, int value) : ledger_(&ledger), value_(value) { Begin(); }
  Token(const Token& other) : ledger_(other.Checked().ledger_), value_(other.value_) { Begin(); }
  Token(Token&& other) noexcept : ledger_(other.Checked().ledger_), value_(std::exchange(other.value_, -1'000'000)) {
    Begin();
  }
  Token& operator=(const Token& other) {
    value_ = other.Checked().value_;
    Checked();
    return *this;
  }
  ~Token() {
    Checked();
    canary_ = 0;
    --ledger_->live;
  }

  [[nodiscard]] int value() const { return Checked().value_; }

 private:
  static constexpr std::uintptr_t kCanary = 0x746f'6b65'6e21'2121;

  void Begin() noexcept {
    canary_ = reinterpret_cast<std::uintptr_t>(this) ^ kCanary;
    ++ledger_->live;
    ++ledger_->made;
  }
  const Token& Checked() const {
    FW_CHECK(canary_ == (reinterpret_cast<std::uintptr_t>(this) ^ kCanary))
        << "a value was used after its end, destroyed twice, or its bytes were moved";
    return *this;
  }

  std::uintptr_t canary_ = 0;
  Ledger* ledger_;
  int value_;
};

struct Pair {
  Token a;
  Token b;
};

// The four ways in which a co_await can go. Each Get is an awaitable that yields `value`.
struct Ready {
  template <typename T>
  struct Awaiter : NativeAwaitable {
    explicit Awaiter(T result) : value(std::move(result)) {}
    static bool await_ready() noexcept { return true; }
    static void await_suspend(std::coroutine_handle<>) noexcept {}
    T await_resume() { return std::move(value); }
    T value;
  };
  template <typename T>
  static Awaiter<T> Get(T value) {
    return Awaiter<T>(std::move(value));
  }
};

struct Suspended {
  template <typename T>
  class Awaiter final : public Suspension {
   public:
    explicit Awaiter(T value) : Suspension("test", std::source_location::current()), value_(std::move(value)) {}
    static bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
      Suspend(handle);
      WakeNextTurn();
    }
    T await_resume() { return std::move(value_); }

   private:
    T value_;
  };
  template <typename T>
  static Awaiter<T> Get(T value) {
    return Awaiter<T>(std::move(value));
  }
};

struct Child {
  template <typename T>
  static Task<T> Get(T value) {
    FW_CHECK((co_await Sleep(std::chrono::milliseconds(1))).ok());
    co_return std::move(value);
  }
};

struct Foreign {
  template <typename T>
  struct Awaiter {
    static bool await_ready() noexcept { return false; }
    static void await_suspend(std::coroutine_handle<> handle) {
      Loop::current()->Post([handle] { handle.resume(); });
    }
    T await_resume() { return std::move(value); }
    T value;
  };
  template <typename T>
  static Awaiter<T> Get(T value) {
    return Awaiter<T>{std::move(value)};
  }
};

// The callee of most idioms: waits, then looks at what it was given.
template <typename Mode>
Task<int> Sum(Pair pair) {
  const int a = pair.a.value();
  co_return co_await Mode::Get(a) + pair.b.value();
}
template <typename Mode>
Task<int> SumOfReference(const Pair& pair) {
  const int a = pair.a.value();
  co_return co_await Mode::Get(a) + pair.b.value();
}
template <typename Mode>
Task<int> ValueOf(Token token) {
  co_return co_await Mode::Get(token.value()) + 0 * token.value();
}
template <typename Mode>
Task<int> ValueOfReference(const Token& token) {
  const int before = token.value();
  co_return (co_await Mode::Get(before) + token.value()) / 2;
}
template <typename Mode, typename Function>
Task<int> Invoke(Function function) {
  const int before = function();
  co_return (co_await Mode::Get(before) + function()) / 2;
}
template <typename Mode>
Task<int> InvokeErased(std::function<int()> function) {
  const int before = function();
  co_return (co_await Mode::Get(before) + function()) / 2;
}
template <typename Mode>
Task<int> Fail(Token token, bool before_waiting) {
  if (before_waiting) throw std::runtime_error("early " + std::to_string(token.value()));  // tidy: what is tested
  (void)co_await Mode::Get(1);
  throw std::runtime_error("late " + std::to_string(token.value()));  // tidy: what is tested
}

template <typename Mode>
class CoroutineHazards : public testing::Test {
 protected:
  using Body = Task<int> (*)(Ledger&);

  static void Expect(int expected, Body body) {
    Ledger ledger;
    {
      OneHost sim;
      EXPECT_EQ(sim.Run(body(ledger)), expected);
    }
    EXPECT_EQ(ledger.live, 0);
    EXPECT_GT(ledger.made, 0);
  }
};

struct ModeNames {
  template <typename Mode>
  static std::string GetName(int) {
    if constexpr (std::same_as<Mode, Ready>) return "Ready";
    if constexpr (std::same_as<Mode, Suspended>) return "Suspended";
    if constexpr (std::same_as<Mode, Child>) return "Child";
    return "Foreign";
  }
};

using Modes = testing::Types<Ready, Suspended, Child, Foreign>;

}  // namespace flywheel::inline v0::internal::hazards
