// Ordinary coroutine idioms, each with every kind of co_await: exceptions, lifetimes and control flow around it. The
// others are in coroutine_hazards_test.cc.
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

#include "flywheel/runtime/internal/test_hazards.h"

namespace flywheel::inline v0::internal::hazards {
namespace {

template <typename Mode>
class CoroutineLifetimes : public CoroutineHazards<Mode> {};

TYPED_TEST_SUITE(CoroutineLifetimes, Modes, ModeNames);

// NOLINTBEGIN(cppcoreguidelines-avoid-capturing-lambda-coroutines): that they work where they are awaited at once is
// what is tested.

TYPED_TEST(CoroutineLifetimes, ExceptionBeforeTheFirstSuspension) {
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

TYPED_TEST(CoroutineLifetimes, ExceptionAfterASuspension) {
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

TYPED_TEST(CoroutineLifetimes, ExceptionInAParametersConstructor) {
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

TYPED_TEST(CoroutineLifetimes, ParametersLiveUntilTheTaskIsGone) {
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

TYPED_TEST(CoroutineLifetimes, ReferencesToTemporariesLiveForTheExpression) {
  this->Expect(6, [](Ledger& l) -> Task<int> {
    const int before = l.live;
    const int sum = co_await ValueOfReference<TypeParam>(Token(l, 1)) +
                    co_await ValueOfReference<TypeParam>(co_await TypeParam::Get(Token(l, 5)));
    EXPECT_EQ(l.live, before);
    co_return sum;
  });
}

TYPED_TEST(CoroutineLifetimes, MoveOnlyParametersAndResults) {
  this->Expect(9, [](Ledger& l) -> Task<int> {
    const auto pass = [](std::unique_ptr<Token> token) -> Task<std::unique_ptr<Token>> {
      co_return co_await TypeParam::Get(std::move(token));
    };
    const auto token = co_await pass(co_await pass(std::make_unique<Token>(l, 9)));
    co_return token->value();
  });
}

TYPED_TEST(CoroutineLifetimes, DefaultArguments) {
  this->Expect(43, [](Ledger& l) -> Task<int> {
    const auto callee = [](Ledger& ledger, std::optional<Token> token = std::nullopt,
                           std::vector<int> more = {1, 2}) -> Task<int> {
      if (!token.has_value()) token.emplace(ledger, 40);
      co_return co_await TypeParam::Get(token->value()) + more[0] + more[1];
    };
    co_return co_await callee(l);
  });
}

TYPED_TEST(CoroutineLifetimes, StructuredBindings) {
  this->Expect(12, [](Ledger& l) -> Task<int> {
    auto [a, b] = co_await TypeParam::Get(Pair{Token(l, 1), Token(l, 2)});
    const auto& [c, d] = co_await TypeParam::Get(std::pair(Token(l, 0), Token(l, 0)));
    (void)co_await TypeParam::Get(0);
    co_return 10 * a.value() + b.value() + c.value() + d.value();
  });
}

TYPED_TEST(CoroutineLifetimes, AwaitInReturn) {
  this->Expect(12, [](Ledger& l) -> Task<int> {
    const auto make = [](Ledger& ledger) -> Task<Pair> {
      co_return Pair{co_await TypeParam::Get(Token(ledger, 1)), co_await TypeParam::Get(Token(ledger, 2))};
    };
    const auto forward = [](Task<Pair> inner) -> Task<Pair> { co_return co_await std::move(inner); };
    const Pair pair = co_await forward(make(l));
    co_return 10 * pair.a.value() + pair.b.value();
  });
}

TYPED_TEST(CoroutineLifetimes, AwaitInConditions) {
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

TYPED_TEST(CoroutineLifetimes, AwaitInIndexAndArguments) {
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

TYPED_TEST(CoroutineLifetimes, LocalsEndInOrderAroundLoopsAndGotos) {
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

TYPED_TEST(CoroutineLifetimes, ReferenceExtendsTheLifeOfAnAwaitedValue) {
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

TYPED_TEST(CoroutineLifetimes, MemberCoroutineOfATemporary) {
  this->Expect(3, [](Ledger& l) -> Task<int> {
    co_return co_await Member{Token(l, 1)}.template Method<TypeParam>(Token(l, 2));
  });
}

TYPED_TEST(CoroutineLifetimes, GenericCoroutineWithAPack) {
  this->Expect(6, [](Ledger& l) -> Task<int> {
    const auto sum = [](auto... tokens) -> Task<int> {
      const int extra = co_await TypeParam::Get(0);
      co_return (extra + ... + tokens.value());
    };
    co_return co_await sum(Token(l, 1), Token(l, 2), Token(l, 3));
  });
}

TYPED_TEST(CoroutineLifetimes, RethrownThroughManyFrames) {
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

TYPED_TEST(CoroutineLifetimes, DestroyedUnstarted) {
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
TEST(CoroutineLifetimesTest, MillionTransfersInALoopUseNoStack) {
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
}  // namespace flywheel::inline v0::internal::hazards
