#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/tidy/command.h"
#include "tools/tidy/scratch_test.h"

namespace flywheel::tidy {
namespace {

Outcome Tidy(std::vector<std::string> arguments, const std::string& directory = {}) {
  arguments.insert(arguments.begin(), FromBuild("tools/tidy/tidy"));
  return RunCommand({.arguments = arguments, .input = {}, .directory = directory});
}

TEST(ProgramTest, AFindingIsOneLineThatSaysWhereWhatWhyAndWhatInstead) {
  const Scratch scratch;
  scratch.Write("flywheel/a.cc", "\nvoid F() { usleep(1); }\n");
  const Outcome outcome = Tidy({"--root", scratch.root().string()});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(outcome.output.contains("flywheel/a.cc:2: sleep: 'usleep' is used; a thread that sleeps"))
      << outcome.output;
  EXPECT_TRUE(outcome.output.contains("wait for the event itself")) << outcome.output;
  EXPECT_TRUE(outcome.output.contains("tidy text: 1 findings in 1 files")) << outcome.output;
}

// One file for each rule about text, so that none can be left out of the program.
TEST(ProgramTest, EveryRuleRuns) {
  const Scratch scratch;
  scratch.Write("flywheel/base/CMakeLists.txt", "flywheel_room(base)\n");
  scratch.Write("flywheel/base/a.h", "#include \"flywheel/net/b.h\"\n");
  scratch.Write("flywheel/net/CMakeLists.txt", "flywheel_room(net)\n");
  scratch.Write("flywheel/net/b.cc",
                "int g;\n// TO"
                "DO\nMutex m;\nint a; // tidy: a b\n \nauto x = \"/home"
                "/anna\";\n");
  scratch.Write("flywheel/net/long.cc", std::string(501, '\n'));
  scratch.Write("README.md", "[a](b)\n");
  const Outcome outcome = Tidy({"text", "--root", scratch.root().string()});
  EXPECT_EQ(outcome.exit_code, 1);
  for (const char* const rule : {"layering", "header", "state", "marker", "unguarded-mutex", "suppression",
                                 "whitespace", "machine-path", "length", "link", "room-readme"}) {
    EXPECT_TRUE(outcome.output.contains(std::string(": ") + rule + ": ")) << rule << "\n" << outcome.output;
  }
}

TEST(ProgramTest, ATidyTreePasses) {
  const Scratch scratch;
  scratch.Write("a.cc", "int F() { return 1; }\n");
  scratch.Write(".clang-format", "BasedOnStyle: Google\n");
  EXPECT_EQ(Tidy({"text", "format"}, scratch.root().string()).exit_code, 0);
}

TEST(ProgramTest, WhatCannotBeCheckedIsNeitherGoodNorBad) {
  const Scratch empty;
  EXPECT_EQ(Tidy({"--root", empty.root().string()}).exit_code, 2);
  const Scratch scratch;
  scratch.Write("a.cc", "int  x;\n");
  const std::string root = scratch.root().string();
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"--root", root, "headers"},
           {"--root", root, "format"},
           {"--root", root + "/missing"},
           {"--root"},
           {"--root", root, "everything"},
           {"--root", root, "--wrong", "x"},
           {"--root", root, "--jobs", "0"},
       }) {
    const Outcome outcome = Tidy(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << arguments.back() << "\n" << outcome.output;
    EXPECT_TRUE(outcome.output.starts_with("tidy")) << outcome.output;
  }
}

}  // namespace
}  // namespace flywheel::tidy
