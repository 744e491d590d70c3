// Ordinary coroutine idioms, each with every kind of co_await: what is passed and built in one expression. g++ 12 gets
// half of them wrong; whatever compiler comes next must not. The others are in coroutine_lifetimes_test.cc.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/runtime/internal/test_hazards.h"

namespace flywheel::inline v0::internal::hazards {
namespace {

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

// NOLINTEND(cppcoreguidelines-avoid-capturing-lambda-coroutines)

}  // namespace
}  // namespace flywheel::inline v0::internal::hazards
