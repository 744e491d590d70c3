// Ordinary coroutine idioms, each with every kind of co_await, and with values that notice a double destruction, a
// leak, a bitwise copy and a use after their end. g++ 12 gets half of them wrong; whatever compiler comes next must
// not.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0 {
namespace {

using internal::OneHost;

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
  if (before_waiting) throw std::runtime_error("early " + std::to_string(token.value()));
  (void)co_await Mode::Get(1);
  throw std::runtime_error("late " + std::to_string(token.value()));
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
TYPED_TEST_SUITE(CoroutineHazards, Modes, ModeNames);

// NOLINTBEGIN(cppcoreguidelines-avoid-capturing-lambda-coroutines): that they work where they are awaited at once is
// what is tested.

TYPED_TEST(CoroutineHazards, AggregateByValue) {
  this->Expect(3, [](Ledger& l) -> Task<int> { co_return co_await Sum<TypeParam>(Pair{Token(l, 1), Token(l, 2)}); });
}

TYPED_TEST(CoroutineHazards, AggregateByValueWithDesignators) {
  this->Expect(3,
               [](Ledger& l) -> Task<int> { co_return co_await Sum<TypeParam>({.a = Token(l, 1), .b = Token(l, 2)}); });
}

TYPED_TEST(CoroutineHazards, AggregateByReference) {
  this->Expect(
      3, [](Ledger& l) -> Task<int> { co_return co_await SumOfReference<TypeParam>({Token(l, 1), Token(l, 2)}); });
}

TYPED_TEST(CoroutineHazards, AggregateOfAwaitedMembers) {
  this->Expect(12, [](Ledger& l) -> Task<int> {
    const Pair pair{co_await TypeParam::Get(Token(l, 1)), co_await TypeParam::Get(Token(l, 2))};
    co_return 10 * pair.a.value() + pair.b.value();
  });
}

TYPED_TEST(CoroutineHazards, AggregateWithDesignatedAwaitedMember) {
  this->Expect(12, [](Ledger& l) -> Task<int> {
    const Pair pair{.a = co_await TypeParam::Get(Token(l, 1)), .b = Token(l, 2)};
    co_return 10 * pair.a.value() + pair.b.value();
  });
}

TYPED_TEST(CoroutineHazards, CopyCapturingLambdaAsTemplateArgument) {
  this->Expect(7, [](Ledger& l) -> Task<int> {
    const Token token(l, 7);
    co_return co_await Invoke<TypeParam>([token] { return token.value(); });
  });
}

TYPED_TEST(CoroutineHazards, MoveCapturingLambdaAsTemplateArgument) {
  this->Expect(7, [](Ledger& l) -> Task<int> {
    Token token(l, 7);
    co_return co_await Invoke<TypeParam>([token = std::move(token)] { return token.value(); });
  });
}

TYPED_TEST(CoroutineHazards, CapturingLambdaAsStdFunction) {
  this->Expect(7, [](Ledger& l) -> Task<int> {
    const Token token(l, 7);
    co_return co_await InvokeErased<TypeParam>([token] { return token.value(); });
  });
}

TYPED_TEST(CoroutineHazards, ImmediatelyInvokedCapturingLambdaCoroutine) {
  this->Expect(8, [](Ledger& l) -> Task<int> {
    const Token token(l, 7);
    co_return co_await [token]() -> Task<int> { co_return co_await TypeParam::Get(1) + token.value(); }();
  });
}

TYPED_TEST(CoroutineHazards, ImmediatelyInvokedLambdaCoroutineThatOwnsItsCapture) {
  this->Expect(8, [](Ledger& l) -> Task<int> {
    Token token(l, 7);
    const int value = co_await [token = std::move(token)]() mutable -> Task<int> {
      const Token own = std::move(token);
      co_return co_await TypeParam::Get(1) + own.value();
    }();
    co_return value;
  });
}

TYPED_TEST(CoroutineHazards, InitializerListArgument) {
  this->Expect(6, [](Ledger& l) -> Task<int> {
    const auto sum = [](std::initializer_list<Token> tokens) -> Task<int> {
      int result = co_await TypeParam::Get(0);
      for (const Token& token : tokens) result += token.value();
      co_return result;
    };
    co_return co_await sum({Token(l, 1), Token(l, 2), Token(l, 3)});
  });
}

TYPED_TEST(CoroutineHazards, VectorLiteralArgument) {
  this->Expect(3, [](Ledger& l) -> Task<int> {
    const auto sum = [](std::vector<Token> tokens) -> Task<int> {
      int result = co_await TypeParam::Get(0);
      for (const Token& token : tokens) result += token.value();
      co_return result;
    };
    co_return co_await sum(std::vector{Token(l, 1), Token(l, 2)});
  });
}

TYPED_TEST(CoroutineHazards, RangeForOverVectorOfAwaited) {
  this->Expect(12, [](Ledger& l) -> Task<int> {
    int digits = 0;
    for (const Token& token :
         std::vector<Token>{co_await TypeParam::Get(Token(l, 1)), co_await TypeParam::Get(Token(l, 2))}) {
      digits = 10 * digits + co_await TypeParam::Get(token.value());
    }
    co_return digits;
  });
}

TYPED_TEST(CoroutineHazards, RangeForOverAwaited) {
  this->Expect(12, [](Ledger& l) -> Task<int> {
    int digits = 0;
    for (const Token& token : co_await TypeParam::Get(std::vector<Token>{Token(l, 1), Token(l, 2)})) {
      if (token.value() == 0) continue;
      digits = 10 * digits + co_await TypeParam::Get(token.value());
    }
    co_return digits;
  });
}

TYPED_TEST(CoroutineHazards, TemporaryBeforeShortCircuit) {
  this->Expect(3, [](Ledger& l) -> Task<int> {
    const bool awaited = Token(l, 0).value() != 0 || co_await ValueOf<TypeParam>(Token(l, 7)) == 7;
    const bool skipped = Token(l, 1).value() != 0 || co_await ValueOf<TypeParam>(Token(l, 7)) != 7;
    co_return (awaited ? 1 : 0) + (skipped ? 2 : 0);
  });
}

TYPED_TEST(CoroutineHazards, ConditionalAndAwaitsOnlyWhatIsNeeded) {
  this->Expect(1, [](Ledger& l) -> Task<int> {
    const int before = l.made;
    const bool skipped = l.made < 0 && co_await ValueOf<TypeParam>(Token(l, 7)) == 7;
    const bool none_made = l.made == before;
    const bool awaited = none_made && co_await ValueOf<TypeParam>(Token(l, 7)) == 7 && Token(l, 1).value() == 1;
    co_return !skipped && awaited ? 1 : 0;
  });
}

TYPED_TEST(CoroutineHazards, TernaryAwaitsOneBranch) {
  this->Expect(12, [](Ledger& l) -> Task<int> {
    int digits = 0;
    for (const bool left : {true, false}) {
      const Token token = left ? co_await TypeParam::Get(Token(l, 1)) : co_await TypeParam::Get(Token(l, 2));
      digits = 10 * digits + token.value();
    }
    const Token& bound = digits > 0 ? co_await TypeParam::Get(Token(l, 0)) : Token(l, 5);
    co_return digits + bound.value();
  });
}

TYPED_TEST(CoroutineHazards, ExceptionBeforeTheFirstSuspension) {
  this->Expect(5, [](Ledger& l) -> Task<int> {
    const Token local(l, 5);
    try {
      co_return co_await Fail<TypeParam>(Token(l, 7), true);
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "early 7");
    }
    co_return co_await TypeParam::Get(local.value());
  });
}

TYPED_TEST(CoroutineHazards, ExceptionAfterASuspension) {
  this->Expect(5, [](Ledger& l) -> Task<int> {
    const Token local(l, 5);
    std::string what;
    try {
      const Token inner(l, 1);
      co_return co_await Fail<TypeParam>(Token(l, 7), false) + inner.value();
    } catch (const std::runtime_error& error) {
      what = error.what();
    }
    EXPECT_EQ(what, "late 7");
    co_return co_await TypeParam::Get(local.value());
  });
}

struct Explosive {
  Explosive(Ledger& l, bool explodes) : token(l, 1), armed(explodes) {}
  Explosive(const Explosive& other) : token(other.token), armed(other.armed) {
    if (armed) throw std::runtime_error("copied");
  }
  Token token;
  bool armed;
};

TYPED_TEST(CoroutineHazards, ExceptionInAParametersConstructor) {
  this->Expect(3, [](Ledger& l) -> Task<int> {
    const auto callee = [](Token first, Explosive second, Token third) -> Task<int> {
      co_return co_await TypeParam::Get(first.value()) + second.token.value() + third.value();
    };
    const Explosive harmless(l, false);
    const Explosive armed(l, true);
    const int before = l.live;
    try {
      (void)co_await callee(Token(l, 1), armed, Token(l, 1));
      ADD_FAILURE() << "the copy did not throw";
    } catch (const std::runtime_error&) {
      EXPECT_EQ(l.live, before);
    }
    co_return co_await callee(Token(l, 1), harmless, Token(l, 1));
  });
}

TYPED_TEST(CoroutineHazards, ParametersLiveUntilTheTaskIsGone) {
  this->Expect(1, [](Ledger& l) -> Task<int> {
    const int before = l.live;
    {
      Task<int> task = ValueOf<TypeParam>(Token(l, 7));
      EXPECT_EQ(l.live, before + 1);
      EXPECT_EQ(co_await std::move(task), 7);
      EXPECT_EQ(l.live, before + 1);
    }
    EXPECT_EQ(l.live, before);
    Token original(l, 8);
    Task<int> copied = ValueOf<TypeParam>(original);
    original = Token(l, 9);
    EXPECT_EQ(co_await std::move(copied), 8);
    co_return 1;
  });
}

TYPED_TEST(CoroutineHazards, ReferencesToTemporariesLiveForTheExpression) {
  this->Expect(6, [](Ledger& l) -> Task<int> {
    const int before = l.live;
    const int sum = co_await ValueOfReference<TypeParam>(Token(l, 1)) +
                    co_await ValueOfReference<TypeParam>(co_await TypeParam::Get(Token(l, 5)));
    EXPECT_EQ(l.live, before);
    co_return sum;
  });
}

TYPED_TEST(CoroutineHazards, MoveOnlyParametersAndResults) {
  this->Expect(9, [](Ledger& l) -> Task<int> {
    const auto pass = [](std::unique_ptr<Token> token) -> Task<std::unique_ptr<Token>> {
      co_return co_await TypeParam::Get(std::move(token));
    };
    const auto token = co_await pass(co_await pass(std::make_unique<Token>(l, 9)));
    co_return token->value();
  });
}

TYPED_TEST(CoroutineHazards, DefaultArguments) {
  this->Expect(43, [](Ledger& l) -> Task<int> {
    const auto callee = [](Ledger& ledger, std::optional<Token> token = std::nullopt,
                           std::vector<int> more = {1, 2}) -> Task<int> {
      if (!token.has_value()) token.emplace(ledger, 40);
      co_return co_await TypeParam::Get(token->value()) + more[0] + more[1];
    };
    co_return co_await callee(l);
  });
}

TYPED_TEST(CoroutineHazards, StructuredBindings) {
  this->Expect(12, [](Ledger& l) -> Task<int> {
    auto [a, b] = co_await TypeParam::Get(Pair{Token(l, 1), Token(l, 2)});
    const auto& [c, d] = co_await TypeParam::Get(std::pair(Token(l, 0), Token(l, 0)));
    (void)co_await TypeParam::Get(0);
    co_return 10 * a.value() + b.value() + c.value() + d.value();
  });
}

TYPED_TEST(CoroutineHazards, AwaitInReturn) {
  this->Expect(12, [](Ledger& l) -> Task<int> {
    const auto make = [](Ledger& ledger) -> Task<Pair> {
      co_return Pair{co_await TypeParam::Get(Token(ledger, 1)), co_await TypeParam::Get(Token(ledger, 2))};
    };
    const auto forward = [](Task<Pair> inner) -> Task<Pair> { co_return co_await std::move(inner); };
    const Pair pair = co_await forward(make(l));
    co_return 10 * pair.a.value() + pair.b.value();
  });
}

TYPED_TEST(CoroutineHazards, AwaitInConditions) {
  this->Expect(16, [](Ledger& l) -> Task<int> {
    int total = 0;
    if (const Token token = co_await TypeParam::Get(Token(l, 1)); token.value() == 1) total += token.value();
    for (int i = 0; co_await TypeParam::Get(Token(l, i < 3 ? 1 : 0).value()) != 0; ++i) total += 1;
    while (co_await ValueOf<TypeParam>(Token(l, total)) < 8) ++total;
    do {
      ++total;
    } while (co_await ValueOf<TypeParam>(Token(l, total)) < 10);
    switch (co_await ValueOf<TypeParam>(Token(l, 6))) {
      case 6:
        total += 6;
        break;
      default:
        total = -1;
    }
    co_return total;
  });
}

TYPED_TEST(CoroutineHazards, AwaitInIndexAndArguments) {
  this->Expect(1256, [](Ledger& l) -> Task<int> {
    std::array<Token, 2> tokens = {Token(l, 5), Token(l, 6)};
    const auto digits = [](Token a, const Token& b) { return 10 * a.value() + b.value(); };
    const int first = digits(co_await TypeParam::Get(Token(l, 1)), co_await TypeParam::Get(Token(l, 2)));
    const auto index = static_cast<std::size_t>(co_await ValueOf<TypeParam>(Token(l, 1)));
    const int last = tokens[static_cast<std::size_t>(co_await TypeParam::Get(0))].value() * 10 + tokens[index].value();
    // Braces promise an order.
    const std::array<int, 2> ordered = {co_await TypeParam::Get(first), co_await TypeParam::Get(last)};
    co_return 100 * ordered[0] + ordered[1];
  });
}

TYPED_TEST(CoroutineHazards, LocalsEndInOrderAroundLoopsAndGotos) {
  this->Expect(4, [](Ledger& l) -> Task<int> {
    int rounds = 0;
    const int before = l.live;
    for (;;) {
      const Token outer(l, rounds);
      ++rounds;
      if (co_await TypeParam::Get(outer.value()) == 1) continue;
      const Token inner = co_await TypeParam::Get(Token(l, rounds));
      if (inner.value() == 4) break;
    }
    EXPECT_EQ(l.live, before);
    co_return rounds;
  });
}

TYPED_TEST(CoroutineHazards, ReferenceExtendsTheLifeOfAnAwaitedValue) {
  this->Expect(9, [](Ledger& l) -> Task<int> {
    const Token& extended = co_await TypeParam::Get(Token(l, 4));
    Token&& also = co_await TypeParam::Get(Token(l, 5));
    (void)co_await TypeParam::Get(0);
    co_return extended.value() + also.value();
  });
}

struct Member {
  template <typename Mode>
  Task<int> Method(Token argument) const& {
    co_return co_await Mode::Get(argument.value()) + token.value();
  }
  Token token;
};

TYPED_TEST(CoroutineHazards, MemberCoroutineOfATemporary) {
  this->Expect(3, [](Ledger& l) -> Task<int> {
    co_return co_await Member{Token(l, 1)}.template Method<TypeParam>(Token(l, 2));
  });
}

TYPED_TEST(CoroutineHazards, GenericCoroutineWithAPack) {
  this->Expect(6, [](Ledger& l) -> Task<int> {
    const auto sum = [](auto... tokens) -> Task<int> {
      const int extra = co_await TypeParam::Get(0);
      co_return (extra + ... + tokens.value());
    };
    co_return co_await sum(Token(l, 1), Token(l, 2), Token(l, 3));
  });
}

TYPED_TEST(CoroutineHazards, RethrownThroughManyFrames) {
  this->Expect(1, [](Ledger& l) -> Task<int> {
    struct Recursion {
      static Task<int> Down(Ledger& ledger, int depth) {
        const Token local(ledger, depth);
        if (depth == 0) co_return co_await Fail<TypeParam>(local, false);
        try {
          co_return co_await Down(ledger, depth - 1) + local.value();
        } catch (...) {
          const Token handler(ledger, depth);
          throw;
        }
      }
    };
    try {
      co_return co_await Recursion::Down(l, 20);
    } catch (const std::runtime_error& error) {
      co_return std::string(error.what()) == "late 0" ? 1 : 0;
    }
  });
}

TYPED_TEST(CoroutineHazards, DestroyedUnstarted) {
  this->Expect(1, [](Ledger& l) -> Task<int> {
    const int before = l.live;
    {
      const Task<int> dropped = Sum<TypeParam>({Token(l, 1), Token(l, 2)});
    }
    EXPECT_EQ(l.live, before);
    co_return co_await TypeParam::Get(Token(l, 1).value());
  });
}

// NOLINTEND(cppcoreguidelines-avoid-capturing-lambda-coroutines)

// A transfer that is no tail call costs stack, which a million of them do not have.
TEST(CoroutineHazardsTest, MillionTransfersInALoopUseNoStack) {
  OneHost sim;
  const auto count = [](int rounds) -> Task<int> {
    const auto child = [](int value) -> Task<int> { co_return value; };
    int sum = 0;
    for (int i = 0; i < rounds; ++i) sum += co_await child(1);
    co_return sum;
  };
  EXPECT_EQ(sim.Run(count(1'000'000)), 1'000'000);
}

}  // namespace
}  // namespace flywheel::inline v0
