#include "tools/tidy/layout.h"

#include <gtest/gtest.h>

#include <string>

#include "tools/tidy/sample_test.h"

namespace flywheel::tidy {
namespace {

Places Check(void (*check)(const File&, Findings&), const std::string& path, const std::string& text) {
  const File file(path, text);
  Findings findings;
  check(file, findings);
  return PlacesOf(findings);
}

std::string Lines(int count, const std::string& line = "int x();\n") {
  std::string text;
  for (int i = 0; i < count; ++i) text += line;
  return text;
}

TEST(LengthTest, TheLimitIsInclusiveAndHigherForTests) {
  EXPECT_EQ(Check(CheckLength, "a/x.cc", Lines(500)), Places{});
  EXPECT_EQ(Check(CheckLength, "a/x.cc", Lines(501)), (Places{{501, "length"}}));
  EXPECT_EQ(Check(CheckLength, "a/x.h", Lines(900)), (Places{{501, "length"}}));
  EXPECT_EQ(Check(CheckLength, "a/x_test.cc", Lines(700)), Places{});
  EXPECT_EQ(Check(CheckLength, "a/x_test.cc", Lines(701)), (Places{{701, "length"}}));
  EXPECT_EQ(Check(CheckLength, "a/x_bench.cc", Lines(501)), (Places{{501, "length"}}));
  EXPECT_EQ(Check(CheckLength, "a/x.cc", Lines(500) + "last"), (Places{{501, "length"}})) << "without its line end";
  EXPECT_EQ(Check(CheckLength, "README.md", Lines(900)), Places{});
  EXPECT_EQ(Check(CheckLength, "a/x.cc", ""), Places{});
}

TEST(HeaderTest, OpensWithItsWhyAndThePragma) {
  const std::string pragma = "#pragma once\n\nint x();\n";
  EXPECT_EQ(Check(CheckHeader, "a/x.h", Lines(3, "// why\n") + pragma), Places{});
  EXPECT_EQ(Check(CheckHeader, "a/x.h", Lines(16, "//\n") + "\n" + pragma), Places{});
  EXPECT_EQ(Check(CheckHeader, "a/x.h", Lines(2, "// why\n") + pragma), (Places{{1, "header"}}));
  EXPECT_EQ(Check(CheckHeader, "a/x.h", Lines(17, "// why\n") + pragma), (Places{{1, "header"}}));
  EXPECT_EQ(Check(CheckHeader, "a/x.h", "\n" + Lines(3, "// why\n") + pragma), (Places{{1, "header"}, {2, "header"}}));
  EXPECT_EQ(Check(CheckHeader, "a/x.h", "/* why\n why\n why\n */\n" + pragma), (Places{{1, "header"}}));
  EXPECT_EQ(Check(CheckHeader, "a/x.h", pragma), (Places{{1, "header"}}));
  EXPECT_EQ(Check(CheckHeader, "a/x.h", ""), (Places{{1, "header"}}));
  EXPECT_EQ(Check(CheckHeader, "a/x.cc", "int x();\n"), Places{});
}

TEST(HeaderTest, ThePragmaComesFirst) {
  const std::string why = Lines(3, "// why\n");
  EXPECT_EQ(Check(CheckHeader, "a/x.h", why + "int x();\n"), (Places{{4, "header"}}));
  EXPECT_EQ(Check(CheckHeader, "a/x.h", why + "\n#include <string>\n#pragma once\n"), (Places{{5, "header"}}));
  EXPECT_EQ(Check(CheckHeader, "a/x.h", why + "#ifndef X\n#define X\n#endif\n"), (Places{{4, "header"}}));
  EXPECT_EQ(Check(CheckHeader, "a/x.h", why), (Places{{4, "header"}}));
}

// The markers are put together here, because this file is checked too.
const std::string kTodo =
    "TO"
    "DO";
const std::string kFixme =
    "FIX"
    "ME";

TEST(MarkerTest, UnfinishedWorkInComments) {
  EXPECT_EQ(Check(CheckMarkers, "a/x.cc", "// " + kTodo + ": later\nint x;  /* a\n b " + kFixme + "(me) */\n"),
            (Places{{1, "marker"}, {3, "marker"}}));
  EXPECT_EQ(Check(CheckMarkers, "a/x.cc", "const char* a = \"" + kTodo + "\";\nint " + kTodo + " = 1;\n"), Places{});
  EXPECT_EQ(Check(CheckMarkers, "a/x.cc", "// " + kTodo + "S and MY_" + kTodo + "\n"), Places{}) << "other words";
  EXPECT_EQ(Check(CheckMarkers, "a/x.cc",
                  "// @"
                  "author me\n"),
            (Places{{1, "marker"}}));
}

TEST(MarkerTest, UnfinishedWorkInScripts) {
  EXPECT_EQ(Check(CheckMarkers, "run", "set -e\n# " + kTodo + "\nmktemp x.XXXXXX\n"), (Places{{2, "marker"}}));
  EXPECT_EQ(Check(CheckMarkers, "run",
                  "# XX"
                  "X\n"),
            (Places{{1, "marker"}}));
  EXPECT_EQ(Check(CheckMarkers, "CONTRIBUTING.md", "No " + kTodo + ".\n"), Places{});
}

TEST(WhitespaceTest, WhatDoesNotDiffCleanly) {
  EXPECT_EQ(Check(CheckWhitespace, "a/x.cc", "a \nb\t\n c\n"), (Places{{1, "whitespace"}, {2, "whitespace"}}));
  EXPECT_EQ(Check(CheckWhitespace, "a/x.cc", "a\r\nb\n"), (Places{{1, "whitespace"}}));
  EXPECT_EQ(Check(CheckWhitespace, "a/x.cc", "a\nb"), (Places{{2, "whitespace"}}));
  EXPECT_EQ(Check(CheckWhitespace, "a/x.cc", "a\tb\n"), (Places{{1, "whitespace"}}));
  EXPECT_EQ(Check(CheckWhitespace, "a/CMakeLists.txt", "\ta\n"), (Places{{1, "whitespace"}}));
  EXPECT_EQ(Check(CheckWhitespace, "README.md", "a  \n"), (Places{{1, "whitespace"}}));
  EXPECT_EQ(Check(CheckWhitespace, "Makefile", "\ta\n"), Places{});
  EXPECT_EQ(Check(CheckWhitespace, "a/x.cc", "a\n\n b\n"), Places{});
  EXPECT_EQ(Check(CheckWhitespace, "a/x.cc", ""), Places{});
}

TEST(WhitespaceTest, TestDataIsAsItIs) {
  EXPECT_EQ(Check(CheckWhitespace, "flywheel/http/testdata/request.txt", "GET / HTTP/1.1\r\n\r\n "), Places{});
  EXPECT_EQ(Check(CheckWhitespace, "flywheel/http/corpus/1.txt", "x "), Places{});
  EXPECT_EQ(Check(CheckWhitespace, "flywheel/http/mytestdata/1.txt", "x \n"), (Places{{1, "whitespace"}}));
}

}  // namespace
}  // namespace flywheel::tidy
