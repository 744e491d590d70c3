#include "tools/tidy/file.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace flywheel::tidy {
namespace {

TEST(FileTest, LinesAreWithoutTheirEnds) {
  using Lines = std::vector<std::string_view>;
  EXPECT_EQ(File("x", "a\n\nb\n").lines(), (Lines{"a", "", "b"}));
  EXPECT_EQ(File("x", "a\nb").lines(), (Lines{"a", "b"}));
  EXPECT_EQ(File("x", "\n").lines(), (Lines{""}));
  EXPECT_EQ(File("x", "").lines(), (Lines{}));
}

TEST(FileTest, OnlyCppIsLexed) {
  EXPECT_EQ(File("a/x.cc", "a b").tokens().size(), 2U);
  EXPECT_EQ(File("a/x.h", "a // b").comments().size(), 1U);
  EXPECT_TRUE(File("a/x.md", "a b").tokens().empty());
  EXPECT_TRUE(File("a/x.cc.in", "a b").tokens().empty());
}

TEST(FileTest, ThePathSaysWhatItIs) {
  const File product("flywheel/base/status.h", "");
  EXPECT_EQ(product.folder(), "flywheel/base");
  EXPECT_EQ(product.name(), "status.h");
  EXPECT_TRUE(product.IsHeader() && product.IsProduct() && !product.IsTest() && !product.IsBench());
  const File test("flywheel/base/status_test.cc", "");
  EXPECT_TRUE(test.IsTest() && !test.IsProduct() && !test.IsHeader());
  const File helper("flywheel/base/internal/model_test.h", "");
  EXPECT_TRUE(helper.IsTest() && helper.IsHeader() && !helper.IsProduct());
  EXPECT_TRUE(File("flywheel/base/status_fuzz.cc", "").IsTest());
  EXPECT_TRUE(File("flywheel/base/status_bench.cc", "").IsBench());
  EXPECT_FALSE(File("flywheel/base/status_bench.cc", "").IsProduct());
  EXPECT_TRUE(File("bench/harness.h", "").IsBench());
  EXPECT_TRUE(File("tests/x.cc", "").IsTest());
  EXPECT_FALSE(File("flywheel/base/contest.h", "").IsTest());
  EXPECT_FALSE(File("apps/flywheel/main.cc", "").IsProduct());
  EXPECT_EQ(File("run", "").folder(), "");
}

TEST(FileTest, PathPatterns) {
  EXPECT_TRUE(MatchesPath("a/b.cc", "a/b.cc"));
  EXPECT_FALSE(MatchesPath("a/b.cc", "a/b.cc.in"));
  EXPECT_TRUE(MatchesPath("bench/*", "bench/a/b.cc"));
  EXPECT_FALSE(MatchesPath("bench/*", "workbench/a.cc"));
  EXPECT_TRUE(MatchesPath("*_bench.cc", "flywheel/a_bench.cc"));
  EXPECT_FALSE(MatchesPath("*_bench.cc", "flywheel/a_bench.h"));
  EXPECT_TRUE(MatchesPath("a*b*c", "abbc"));
  EXPECT_FALSE(MatchesPath("a*b*c", "acb"));
  EXPECT_TRUE(MatchesPath("*", ""));
  EXPECT_FALSE(MatchesPath("", "a"));
}

}  // namespace
}  // namespace flywheel::tidy
