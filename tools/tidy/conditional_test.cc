#include "tools/tidy/conditional.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace flywheel::tidy {
namespace {

std::vector<std::string> Join(const std::vector<std::vector<Token>>& lists) {
  std::vector<std::string> out;
  for (const std::vector<Token>& list : lists) {
    std::string& text = out.emplace_back();
    for (const Token& token : list) text.append(text.empty() ? "" : " ").append(token.text);
  }
  return out;
}

std::vector<std::string> ReadingsOf(std::string_view code) {
  const Lexed lexed = Lex(code);
  return Join(Readings(lexed.tokens));
}

std::vector<std::string> BodiesOf(std::string_view code) {
  const Lexed lexed = Lex(code);
  return Join(MacroBodies(lexed.tokens));
}

using Texts = std::vector<std::string>;

TEST(ConditionalTest, AFileWithoutConditionalsIsReadOnceWithoutItsDirectives) {
  EXPECT_EQ(ReadingsOf("#include <a>\nint x;\n#define Y z\n"), (Texts{"int x ;"}));
}

TEST(ConditionalTest, EveryBranchIsReadAndNeverTwoOfOneConditional) {
  EXPECT_EQ(ReadingsOf("a\n#if X\nb\n#elif Y\nc\n#else\nd\n#endif\ne"), (Texts{"a b e", "a c e", "a d e"}));
}

TEST(ConditionalTest, ABranchWithoutAlternativeIsAlwaysRead) {
  EXPECT_EQ(ReadingsOf("#ifdef X\na\n#endif\n#ifndef Y\nb\n#endif\n"), (Texts{"a b"}));
}

TEST(ConditionalTest, AnInnerBranchIsReadTogetherWithTheOnesAroundIt) {
  EXPECT_EQ(ReadingsOf("#if A\n1\n#else\n2\n#if B\n3\n#else\n4\n#endif\n5\n#endif\n6"),
            (Texts{"1 6", "2 3 5 6", "2 4 5 6"}));
}

TEST(ConditionalTest, WhatIsSwitchedOffIsNotRead) {
  EXPECT_EQ(ReadingsOf("#if 0\na\n#else\nb\n#endif\n#if 0\nc\n#endif\n#if 01 + x\nd\n#endif"), (Texts{"b d"}));
}

TEST(ConditionalTest, UnbalancedConditionalsAreReadAsFarAsTheyGo) {
  EXPECT_EQ(ReadingsOf("#endif\na\n#else\nb\n#if X\nc"), (Texts{"a b c"}));
}

TEST(ConditionalTest, AMacroBodyStartsAfterItsParameters) {
  EXPECT_EQ(BodiesOf("#define A(x, y) static x y;\n#define B (1)\n#define C\n#define D \\\n  f(\\\n  2)\n"),
            (Texts{"static x y ;", "( 1 )", "f ( 2 )"}));
}

}  // namespace
}  // namespace flywheel::tidy
