#include "tools/tidy/machine_paths.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tools/tidy/sample_test.h"

namespace flywheel::tidy {
namespace {

bool Finds(std::string_view line, std::string_view checkout = "", std::string_view path = "docs/x.md") {
  const File file(std::string(path), "first\n" + std::string(line) + "\nlast\n");
  Findings findings;
  CheckMachinePaths(file, checkout, findings);
  for (const Finding& finding : findings) EXPECT_EQ(finding.line, 2);
  return !findings.empty();
}

// '@' stands for a slash: this file must not hold what it looks for.
bool FindsAt(std::string line, std::string_view checkout = "") {
  for (char& c : line) {
    if (c == '@') c = '/';
  }
  return Finds(line, checkout);
}

TEST(MachinePathsTest, FoldersOfPeopleAndBuildServices) {
  for (const char* const line : {
           "see @home@anna@flywheel",
           "'@root@project'",
           "root=@Users@anna@x",
           "`@tmp@build.log`",
           "(@work@tree@x.cc)",
           "-I@home@anna@include",
           "-L@tmp@lib",
           "PATH=@usr@bin:@home@anna@bin",
           "file:@@@home@anna@x",
           "cd @builds@7@x",
           "\"@mnt@disk@x\"",
           "@workspace@x",
           "@__w@flywheel@x",
           "@github@workspace",
           "@var@tmp@x",
           "@run@user@1000",
           "> @tmp@x",
           "\"$dir\" \"@home@anna\"",
       }) {
    EXPECT_TRUE(FindsAt(line)) << line;
  }
  EXPECT_TRUE(Finds(std::string("see C:") + "\\Users\\anna"));
}

TEST(MachinePathsTest, WhatIsOnNobodysMachine) {
  for (const char* const line : {
           "a@home@b",
           "$HOME@x",
           "${TMPDIR:-@tmp}",
           "@tmp@$name",
           "@home@$USER@x",
           "@home@<you>@x",
           "build@tmp@x",
           ".@tmp@x",
           "..@home@x",
           "\"$dir\"@tmp@x",
           "$(pwd)@tmp@x",
           "{prefix}@home@x",
           "https:@@host@home@page",
           "~@tmp@x",
           "@homes@x",
           "@usr@lib@x",
           "@tmp",
           "@tmp@",
           "@etc@flywheel",
           "*@tmp@*",
           "[a](@docs@x.md)",
           "@rooted@x",
           "the home@root distinction",
           "@workers@1",
           "@proc@self@root@x",
       }) {
    EXPECT_FALSE(FindsAt(line)) << line;
  }
}

TEST(MachinePathsTest, ThePlaceOfThisCheckout) {
  EXPECT_TRUE(Finds("cd /data/flywheel/build", "/data/flywheel"));
  EXPECT_TRUE(Finds("at /data/flywheel.", "/data/flywheel"));
  EXPECT_TRUE(Finds("(/data/flywheel)", "/data/flywheel"));
  EXPECT_FALSE(Finds("/data/flywheel2/x", "/data/flywheel"));
  EXPECT_FALSE(Finds("/data/flywheel.old/x", "/data/flywheel"));
  EXPECT_FALSE(Finds("x/data/flywheel/x", "/data/flywheel"));
  EXPECT_FALSE(Finds("/data/flywheel/x", "/data/other"));
}

TEST(MachinePathsTest, ACheckoutThatSaysNothingIsNotLookedFor) {
  EXPECT_FALSE(Finds("the key /flywheel/i/prod", "/flywheel")) << "one part may mean anything";
  EXPECT_FALSE(Finds("installs to /opt/flywheel", "/opt/flywheel"));
  EXPECT_FALSE(Finds("reads /etc/flywheel/x", "/etc/flywheel"));
  EXPECT_FALSE(Finds("anything", ""));
}

TEST(MachinePathsTest, EveryTextFileIsRead) {
  const std::string line = std::string("x = ") + "/home" + "/anna/x";
  EXPECT_TRUE(Finds(line, "", "run"));
  EXPECT_TRUE(Finds("// " + line, "", "flywheel/base/x.cc"));
  EXPECT_TRUE(Finds("const char* a = \"" + line + "\";", "", "flywheel/base/x.cc"));
  EXPECT_TRUE(Finds(line, "", "CMakePresets.json"));
}

}  // namespace
}  // namespace flywheel::tidy
