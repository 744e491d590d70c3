#include "tools/tidy/headers.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <string>

#include "tools/tidy/command.h"
#include "tools/tidy/compile_commands.h"
#include "tools/tidy/sample_test.h"
#include "tools/tidy/scratch_test.h"

namespace flywheel::tidy {
namespace {

// A tree on disk whose only command names the compiler of this build.
class HeadersTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string error;
    const auto real = ReadCompileCommands(FromBuild("compile_commands.json"), SourceDir(), error);
    ASSERT_EQ(error, "");
    const std::string root = scratch_.root().string();
    scratch_.Write("build/commands.json", "[\n{\n  \"directory\": \"" + root + "\",\n  \"command\": \"" +
                                              FlagsFor(real, "flywheel/base").at(0) +
                                              " -std=c++23 -Wall -Werror -c a.cc\",\n" + "  \"file\": \"" + root +
                                              "/flywheel/base/a.cc\"\n}\n]\n");
  }

  Report Check() {
    return CheckHeadersAlone(ReadTree(scratch_.root()), {.compile_commands = scratch_.root() / "build/commands.json",
                                                         .cache = scratch_.root() / "build/cache"});
  }

  Scratch scratch_;
};

TEST_F(HeadersTest, AHeaderThatLeansOnItsIncludersIsFound) {
  scratch_.Write("flywheel/base/good.h", "#pragma once\n#include <string>\ninline std::string F() { return \"x\"; }\n");
  scratch_.Write("flywheel/base/bad.h", "#pragma once\n\ninline std::string G() { return \"x\"; }\n");
  scratch_.Write("flywheel/base/warns.h", "#pragma once\ninline int H() { int unused = 0; return 1; }\n");
  scratch_.Write("flywheel/base/leans.h", "#pragma once\n#include \"flywheel/base/bad.h\"\n");
  const Report report = Check();
  EXPECT_EQ(report.error, "");
  EXPECT_EQ(WhereOf(report.findings),
            (std::set<std::string>{"flywheel/base/bad.h:3", "flywheel/base/leans.h:1", "flywheel/base/warns.h:2"}));
  for (const Finding& finding : report.findings) EXPECT_EQ(finding.rule, "self-contained");
  EXPECT_TRUE(report.findings[0].what.contains("std")) << report.findings[0].what;
}

TEST_F(HeadersTest, OnlyWhatChangedIsCompiledAgain) {
  scratch_.Write("flywheel/base/a.h", "#pragma once\nusing A = int;\n");
  scratch_.Write("flywheel/base/b.h", "#pragma once\n#include \"flywheel/base/a.h\"\nusing B = A;\n");
  scratch_.Write("flywheel/base/c.h", "#pragma once\nusing C = int;\n");
  // A run proves nothing about a file written while it ran, and the files are as young as can be.
  const auto before = std::filesystem::file_time_type::clock::now() - std::chrono::seconds(10);
  const auto age = [&] {
    for (const char* const name : {"a.h", "b.h", "c.h"}) {
      std::filesystem::last_write_time(scratch_.root() / "flywheel/base" / name, before);
    }
  };
  age();
  EXPECT_TRUE(Check().summary.contains("3 compiled"));
  EXPECT_TRUE(Check().summary.contains("0 compiled"));
  scratch_.Write("flywheel/base/c.h", "#pragma once\nusing C = long;\n");
  age();
  EXPECT_TRUE(Check().summary.contains("1 compiled"));
  scratch_.Write("flywheel/base/a.h", "#pragma once\nusing Other = int;\n");
  age();
  const Report broken = Check();
  EXPECT_TRUE(broken.summary.contains("2 compiled")) << broken.summary;
  EXPECT_EQ(WhereOf(broken.findings), std::set<std::string>{"flywheel/base/b.h:3"});
  EXPECT_EQ(WhereOf(Check().findings), std::set<std::string>{"flywheel/base/b.h:3"}) << "a failure is not remembered";
}

TEST_F(HeadersTest, ARunIsNotRememberedForAFileThatWasSavedMeanwhile) {
  scratch_.Write("flywheel/base/a.h", "#pragma once\nusing A = int;\n");
  const auto now = std::filesystem::file_time_type::clock::now();
  std::filesystem::last_write_time(scratch_.root() / "flywheel/base/a.h", now + std::chrono::hours(1));
  EXPECT_TRUE(Check().summary.contains("1 compiled"));
  EXPECT_TRUE(Check().summary.contains("1 compiled"));
  std::filesystem::last_write_time(scratch_.root() / "flywheel/base/a.h", now - std::chrono::hours(1));
  EXPECT_TRUE(Check().summary.contains("1 compiled"));
  EXPECT_TRUE(Check().summary.contains("0 compiled"));
}

TEST_F(HeadersTest, WithoutCommandsItIsAnErrorAndNoPass) {
  scratch_.Write("build/commands.json", "[]");
  scratch_.Write("flywheel/base/a.h", "#pragma once\n");
  EXPECT_FALSE(Check().error.empty());
}

}  // namespace
}  // namespace flywheel::tidy
