#include "tools/tidy/layering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/tidy/sample_test.h"

namespace flywheel::tidy {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;
using Where = std::set<std::string>;

Findings Check(const Files& files) {
  const Tree tree = TreeOf(files);
  Findings findings;
  CheckLayering(tree, findings);
  for (const Finding& finding : findings) EXPECT_EQ(finding.rule, "layering");
  return findings;
}

// A small house in order, and what a test puts into it.
Files House(Files more = {}) {
  Files files = {
      {"flywheel/base/CMakeLists.txt", "flywheel_room(base)\n"},
      {"flywheel/base/status.h", "#include <string>\n"},
      {"flywheel/base/internal/rep.h", ""},
      {"flywheel/runtime/CMakeLists.txt", "flywheel_room(runtime USES base)\n"},
      {"flywheel/runtime/loop.h",
       "#include \"flywheel/base/status.h\"\n#include \"flywheel/runtime/internal/epoll.h\"\n"},
      {"flywheel/runtime/internal/epoll.h", ""},
      {"flywheel/net/CMakeLists.txt", "flywheel_room(net\n  USES base\n    runtime)\n"},
      {"flywheel/net/tcp.h", "#include \"flywheel/runtime/loop.h\"\n"},
      {"flywheel/net/tcp_test.cc", "#include \"flywheel/base/status.h\"\n#include \"flywheel/net/tcp.h\"\n"},
      {"apps/flywheel/main.cc", "#include \"flywheel/base/status.h\"\n#include \"flywheel/net/tcp.h\"\n"},
      {"tools/tidy/x.cc", "#include \"tools/tidy/y.h\"\n"},
  };
  for (auto& [path, text] : more) {
    std::erase_if(files, [&](const auto& file) { return file.first == path; });
    files.emplace_back(path, text);
  }
  return files;
}

TEST(LayeringTest, AHouseInOrder) { EXPECT_EQ(WhereOf(Check(House())), Where{}); }

TEST(LayeringTest, AnIncludeUpwardsNamesTheRuleAndTheLineToChange) {
  const Findings findings = Check(House({{"flywheel/base/status.h", "\n#include \"flywheel/net/tcp.h\"\n"}}));
  ASSERT_EQ(WhereOf(findings), Where{"flywheel/base/status.h:2"});
  const std::string text = ToString(findings[0]);
  EXPECT_TRUE(text.contains("flywheel/net/tcp.h") && text.contains("'base'") && text.contains("'net'")) << text;
  EXPECT_TRUE(text.contains("USES in flywheel/base/CMakeLists.txt:1")) << text;
}

TEST(LayeringTest, TheListIsDirect) {
  // net uses runtime, which uses base; that does not let net say base without listing it.
  EXPECT_EQ(WhereOf(Check(House({{"flywheel/net/CMakeLists.txt", "flywheel_room(net USES runtime)\n"}}))),
            Where{"flywheel/net/tcp_test.cc:1"});
}

TEST(LayeringTest, NoSpellingOfAnIncludeGetsThrough) {
  const Findings findings = Check(House({{"flywheel/base/status.h",
                                          "#include <flywheel/net/tcp.h>\n"
                                          "#  include \"flywheel/net/tcp.h\"\n"
                                          "#include \"../net/tcp.h\"\n"
                                          "#include \"flywheel/base/../net/tcp.h\"\n"
                                          "#if 0\n"
                                          "#include \"flywheel/net/tcp.h\"\n"
                                          "#endif\n"
                                          "#inc\\\nlude \"flywheel/net/tcp.h\"\n"
                                          "/* */ #include /* */ \"flywheel/net/tcp.h\"\n"
                                          "#define TCP \"flywheel/net/tcp.h\"\n"
                                          "#include TCP\n"
                                          "#include_next <flywheel/net/tcp.h>\n"}}));
  Where expected;
  for (const int line : {1, 2, 3, 4, 6, 9, 10, 12, 13})
    expected.insert("flywheel/base/status.h:" + std::to_string(line));
  EXPECT_EQ(WhereOf(findings), expected);
}

TEST(LayeringTest, WhatLooksLikeAnIncludeButIsNone) {
  EXPECT_EQ(WhereOf(Check(House({{"flywheel/base/status.h",
                                  "// #include \"flywheel/net/tcp.h\"\n"
                                  "/*\n#include \"flywheel/net/tcp.h\"\n*/\n"
                                  "const char* const kText = R\"(\n#include \"flywheel/net/tcp.h\"\n)\";\n"
                                  "// goes on \\\n#include \"flywheel/net/tcp.h\"\n"
                                  "#if __has_include(\"flywheel/net/tcp.h\")\n#endif\n"}}))),
            Where{});
}

TEST(LayeringTest, InternalIsForItsRoomAlone) {
  const Findings findings = Check(House({
      {"flywheel/net/tcp.h", "#include \"flywheel/runtime/internal/epoll.h\"\n"},
      {"apps/flywheel/main.cc", "#include \"flywheel/base/internal/rep.h\"\n"},
      {"tests/x.cc", "#include \"flywheel/runtime/internal/epoll.h\"\n"},
      {"bench/x.cc", "#include \"flywheel/runtime/internal/epoll.h\"\n"},
      {"examples/x.cc", "#include \"flywheel/runtime/internal/epoll.h\"\n"},
      {"flywheel/base/internal/rep_test.cc", "#include \"flywheel/base/internal/rep.h\"\n"},
  }));
  EXPECT_EQ(WhereOf(findings), (Where{"flywheel/net/tcp.h:1", "apps/flywheel/main.cc:1", "tests/x.cc:1", "bench/x.cc:1",
                                      "examples/x.cc:1"}));
}

TEST(LayeringTest, AUseThatNothingNeedsIsToGo) {
  const Findings findings = Check(House({{"flywheel/net/tcp.h", ""}}));
  EXPECT_EQ(WhereOf(findings), Where{"flywheel/net/CMakeLists.txt:3"});
}

TEST(LayeringTest, ATestIsAReasonToUseARoom) {
  EXPECT_EQ(WhereOf(Check(House({{"flywheel/net/tcp_test.cc", ""},
                                 {"flywheel/net/x_bench.cc", "#include \"flywheel/base/status.h\"\n"}}))),
            Where{});
}

TEST(LayeringTest, ACircleIsShownWhole) {
  const Findings findings = Check(House({
      {"flywheel/base/CMakeLists.txt", "flywheel_room(base\n  USES net)\n"},
      {"flywheel/base/status.h", "#include \"flywheel/net/tcp.h\"\n"},
  }));
  ASSERT_FALSE(findings.empty());
  EXPECT_TRUE(std::ranges::any_of(findings, [](const Finding& finding) {
    return finding.what.contains("base -> net -> base") || finding.what.contains("net -> base -> net");
  }));
  // runtime is in a circle of its own: net -> runtime -> base -> net.
  EXPECT_EQ(findings.size(), 2U);
}

TEST(LayeringTest, MistakesInADeclaration) {
  EXPECT_EQ(WhereOf(Check(House({{"flywheel/base/CMakeLists.txt", "flywheel_room(base USES base)\n"}}))),
            Where{"flywheel/base/CMakeLists.txt:1"});
  EXPECT_EQ(WhereOf(Check(House({{"flywheel/base/CMakeLists.txt", "flywheel_room(base USES\n nghttp2)\n"}}))),
            Where{"flywheel/base/CMakeLists.txt:2"});
  EXPECT_FALSE(Check(House({{"flywheel/base/CMakeLists.txt", "flywheel_room(ground)\n"}})).empty());
}

TEST(LayeringTest, EveryFileBelowFlywheelHasARoom) {
  EXPECT_EQ(WhereOf(Check(House({{"flywheel/attic/x.h", ""}}))), Where{"flywheel/attic/x.h:1"});
  EXPECT_EQ(WhereOf(Check(House({{"flywheel/base/status.h", "#include \"flywheel/attic/x.h\"\n"}}))),
            Where{"flywheel/base/status.h:1"});
}

TEST(LayeringTest, AnUmbrellaHeaderIsForOutsiders) {
  const std::string umbrella = "#include \"flywheel/base/status.h\"\n#include \"flywheel/net/tcp.h\"\n";
  EXPECT_EQ(WhereOf(Check(House({{"flywheel/flywheel.h", umbrella}}))), Where{});
  EXPECT_EQ(WhereOf(Check(House(
                {{"flywheel/flywheel.h", umbrella}, {"flywheel/net/x.cc", "#include \"flywheel/flywheel.h\"\n"}}))),
            Where{"flywheel/net/x.cc:1"});
}

TEST(LayeringTest, HeadersAreNamedFromTheRootEverywhere) {
  EXPECT_EQ(WhereOf(Check(
                House({{"flywheel/base/status.cc", "#include \"status.h\"\n"},
                       {"apps/flywheel/x.h", ""},
                       {"apps/flywheel/y.cc", "#include \"x.h\"\n#include \"generated.pb.h\"\n#include <x.h>\n"}}))),
            (Where{"flywheel/base/status.cc:1", "apps/flywheel/y.cc:1"}));
}

}  // namespace
}  // namespace flywheel::tidy
