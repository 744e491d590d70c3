#include "tools/tidy/lexer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace flywheel::tidy {
namespace {

// "line text" of each token, directives with a '#' before.
std::vector<std::string> Describe(const Lexed& lexed) {
  std::vector<std::string> out;
  for (const Token& token : lexed.tokens) {
    out.push_back(std::to_string(token.line) + (token.directive ? "#" : " ") + std::string(token.text));
  }
  return out;
}

using Tokens = std::vector<std::string>;

TEST(LexerTest, CommentsAreApartAndKeepTheirLines) {
  const Lexed lexed = Lex("a // b \"c\n/* d\n e */ f /**/ g\n// last");
  EXPECT_EQ(Describe(lexed), (Tokens{"1 a", "3 f", "3 g"}));
  ASSERT_EQ(lexed.comments.size(), 4U);
  EXPECT_EQ(lexed.comments[0].text, "// b \"c");
  EXPECT_EQ(lexed.comments[1].line, 2);
  EXPECT_EQ(lexed.comments[1].text, "/* d\n e */");
  EXPECT_EQ(lexed.comments[2].text, "/**/");
  EXPECT_EQ(lexed.comments[3].line, 4);
}

TEST(LexerTest, ASpliceContinuesALineComment) {
  const Lexed lexed = Lex("// one \\\n two\nthree");
  EXPECT_EQ(Describe(lexed), (Tokens{"3 three"}));
  EXPECT_EQ(lexed.comments[0].text, "// one  two");
}

TEST(LexerTest, ALiteralIsOneToken) {
  EXPECT_EQ(
      Describe(Lex(R"x("a // b" "q\"r\\" 'c' '\'' '"' u8"x" L'y' uR"(z)")x")),
      (Tokens{"1 \"a // b\"", R"(1 "q\"r\\")", "1 'c'", R"(1 '\'')", "1 '\"'", "1 u8\"x\"", "1 L'y'", "1 uR\"(z)\""}));
}

TEST(LexerTest, ARawStringEndsWithItsOwnDelimiterOnly) {
  const Lexed lexed = Lex("R\"x( )\" // \\\n )y\" \"\n)x\" after\nRx\"s\" LR\"(\\)\"t");
  EXPECT_EQ(Describe(lexed),
            (Tokens{"1 R\"x( )\" // \\\n )y\" \"\n)x\"", "3 after", "4 Rx", "4 \"s\"", "4 LR\"(\\)\"", "4 t"}));
  EXPECT_TRUE(lexed.comments.empty());
}

TEST(LexerTest, SplicesJoinTokensAndKeepTheLineWhereTheyBegan) {
  EXPECT_EQ(Describe(Lex("sle\\\nep_\\\r\nfor(\"a\\\nb\") :\\\n: x")),
            (Tokens{"1 sleep_for", "3 (", "3 \"ab\"", "4 )", "4 ::", "5 x"}));
}

TEST(LexerTest, NumbersSwallowTheirSeparatorsAndExponents) {
  EXPECT_EQ(Describe(Lex("1'000'000 0x1p-3 1.5e+7f .5 1..2 3'x'")),
            (Tokens{"1 1'000'000", "1 0x1p-3", "1 1.5e+7f", "1 .5", "1 1..2", "1 3'x", "1 '"}));
}

TEST(LexerTest, PunctuatorsAreTheLongestExceptWhereTemplatesAndAttributesNest) {
  EXPECT_EQ(Describe(Lex("a<b<c>>d [[e]] f->g ::h <<= <=> >= ... x.y")),
            (Tokens{"1 a", "1 <",  "1 b", "1 <",  "1 c", "1 >",   "1 >",   "1 d",  "1 [",   "1 [", "1 e", "1 ]", "1 ]",
                    "1 f", "1 ->", "1 g", "1 ::", "1 h", "1 <<=", "1 <=>", "1 >=", "1 ...", "1 x", "1 .", "1 y"}));
}

TEST(LexerTest, ADirectiveReachesToTheEndOfItsJoinedLine) {
  const Lexed lexed = Lex("# define A(x) \\\n  x##1 /* c\n d */ y\nz # w\n/* e */ #if B\nu");
  EXPECT_EQ(Describe(lexed), (Tokens{"1##", "1#define", "1#A", "1#(", "1#x", "1#)", "2#x", "2###", "2#1", "3#y", "4 z",
                                     "4 #", "4 w", "5##", "5#if", "5#B", "6 u"}));
  EXPECT_EQ(lexed.tokens[0].kind, TokenKind::kHash);
  EXPECT_EQ(lexed.tokens[11].kind, TokenKind::kPunctuator) << "a '#' in the middle of a line begins no directive";
}

TEST(LexerTest, AngleBracketsNameAHeaderOnlyAfterInclude) {
  const Lexed lexed = Lex("#include <a/b.h>\n#include \"c.h\"\n#if X <a> Y\n#define include <z>\nx < include <y>");
  EXPECT_EQ(lexed.tokens[2].kind, TokenKind::kHeaderName);
  EXPECT_EQ(lexed.tokens[2].text, "<a/b.h>");
  EXPECT_EQ(lexed.tokens[5].kind, TokenKind::kString);
  EXPECT_EQ(std::ranges::count(lexed.tokens, TokenKind::kHeaderName, &Token::kind), 1);
}

TEST(LexerTest, WhatIsNotTerminatedEndsSomewhere) {
  EXPECT_EQ(Describe(Lex("\"open\nnext")), (Tokens{"1 \"open", "2 next"}));
  EXPECT_EQ(Describe(Lex("'o\\")), (Tokens{"1 'o\\"}));
  EXPECT_EQ(Lex("a /* b").comments.size(), 1U);
  EXPECT_EQ(Describe(Lex("R\"x(abc)y\"")).size(), 1U);
  EXPECT_EQ(Describe(Lex("R\"never")).size(), 1U);
  EXPECT_EQ(Describe(Lex("\\")).size(), 1U);
}

// Random files from pieces that are easy to get wrong: only the plain name may be seen as one.
RC_GTEST_PROP(LexerProperty, ANameIsFoundWhereItIsCodeAndNowhereElse, ()) {
  struct Piece {
    const char* text;
    int names;
  };
  const std::vector<Piece> pieces = {
      {"sleep ", 1},     {"\nsleep\n", 1}, {"sl\\\neep ", 1},    {"#define X sleep\n", 1}, {"/* sleep */", 0},
      {"// sleep\n", 0}, {"\"sleep\"", 0}, {"\"\\\"sleep\"", 0}, {"R\"a(sleep)\")a\"", 0}, {"'s'", 0},
      {"sleeper ", 0},   {"1'000 ", 0},    {"/* \" */", 0},      {"// ' \\\nsleep\n", 0},  {"#include <sleep>\n", 0},
      {"\"/*\"", 0},     {"\n", 0},        {"a/b ", 0},          {"u8R\"(\\)\"", 0},       {"'\\\\'", 0},
  };
  std::string code;
  int expected = 0;
  for (const int choice : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, static_cast<int>(pieces.size())))) {
    const Piece& piece = pieces[static_cast<std::size_t>(choice)];
    // A directive begins a line.
    if (piece.text[0] == '#') code += '\n';
    code.append(piece.text).push_back(' ');
    expected += piece.names;
  }
  const Lexed lexed = Lex(code);
  RC_ASSERT(std::ranges::count(lexed.tokens, "sleep", &Token::text) == expected);
}

RC_GTEST_PROP(LexerProperty, AnyBytesEndAndTokensKeepTheirOrder, ()) {
  const auto bytes =
      *rc::gen::container<std::string>(rc::gen::elementOf(std::string("\"'\\\n\r/*#R()ab0.<>[ :x\0", 22)));
  const Lexed lexed = Lex(bytes);
  const int lines = static_cast<int>(std::ranges::count(bytes, '\n')) + 1;
  int last = 1;
  for (const Token& token : lexed.tokens) {
    RC_ASSERT(token.line >= last);
    RC_ASSERT(token.line <= lines);
    RC_ASSERT(!token.text.empty());
    last = token.line;
  }
}

}  // namespace
}  // namespace flywheel::tidy
