#include "tools/tidy/format.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tools/tidy/sample_test.h"
#include "tools/tidy/scratch_test.h"

namespace flywheel::tidy {
namespace {

TEST(FormatTest, WhatClangFormatWouldChangeIsFoundOnceAFile) {
  const Scratch scratch;
  scratch.Write(".clang-format", "BasedOnStyle: Google\nColumnLimit: 120\n");
  scratch.Write("good.cc", "int F() { return 1; }\n");
  scratch.Write("a/bad.cc", "int a;\nint  b;\nint   c;\n");
  scratch.Write("a/bad.h", "int F( );\n");
  scratch.Write("text.md", "int  b;\n");
  for (int i = 0; i < 40; ++i)
    scratch.Write("many/" + std::to_string(i) + ".cc", i % 10 == 0 ? "int  x;\n" : "int x;\n");
  const Report report = CheckFormat(ReadTree(scratch.root()), {});
  EXPECT_EQ(report.error, "");
  EXPECT_EQ(WhereOf(report.findings), (std::set<std::string>{"a/bad.cc:2", "a/bad.h:1", "many/0.cc:1", "many/10.cc:1",
                                                             "many/20.cc:1", "many/30.cc:1"}));
  EXPECT_EQ(report.findings.size(), 6U);
  EXPECT_EQ(report.summary, "43 files");
}

TEST(FormatTest, TheStyleIsTheOneOfTheTree) {
  const Scratch scratch;
  scratch.Write(".clang-format", "BasedOnStyle: Google\nColumnLimit: 20\n");
  scratch.Write("x.cc", "int Function(int a, int b);\n");
  EXPECT_EQ(CheckFormat(ReadTree(scratch.root()), {}).findings.size(), 1U);
}

TEST(FormatTest, AMissingProgramIsAnErrorThatSaysWhereItComesFrom) {
  const Scratch scratch;
  scratch.Write(".clang-format", "BasedOnStyle: Google\n");
  scratch.Write("x.cc", "int x;\n");
  const Report report = CheckFormat(ReadTree(scratch.root()), {.program = "no-such-clang-format"});
  EXPECT_TRUE(report.error.contains("no-such-clang-format") && report.error.contains("packages.debian"))
      << report.error;
}

TEST(FormatTest, AMissingStyleIsAnError) {
  const Scratch scratch;
  scratch.Write("x.cc", "int  x;\n");
  EXPECT_TRUE(CheckFormat(ReadTree(scratch.root()), {}).error.contains(".clang-format"));
}

TEST(FormatTest, ABrokenStyleIsAnError) {
  const Scratch scratch;
  scratch.Write(".clang-format", "BasedOnStyle: Nobody\n");
  scratch.Write("x.cc", "int x;\n");
  EXPECT_FALSE(CheckFormat(ReadTree(scratch.root()), {}).error.empty());
}

}  // namespace
}  // namespace flywheel::tidy
