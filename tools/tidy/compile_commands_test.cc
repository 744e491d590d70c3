#include "tools/tidy/compile_commands.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/tidy/scratch_test.h"

namespace flywheel::tidy {
namespace {

using Words = std::vector<std::string>;

std::string Entry(const std::string& root, const std::string& file, const std::string& command) {
  return "{\n  \"directory\": \"" + root + "/build\",\n  \"command\": \"" + command + "\",\n  \"file\": \"" + root +
         "/" + file + "\"\n}";
}

TEST(CompileCommandsTest, AHeaderBorrowsTheFlagsButNotTheFiles) {
  const Scratch scratch;
  const std::string root = scratch.root().string();
  scratch.Write(
      "list.json",
      "[\n" +
          Entry(root, "flywheel/base/a.cc",
                "/usr/bin/env CCACHE_SLOPPINESS=x,y /usr/bin/ccache /usr/bin/clang++-19 -DA=\\\\\\\"b c\\\\\\\" -I" +
                    root + " -O2 '-DB=c d' -std=c++23 -Winvalid-pch -Xclang -include-pch -Xclang /b/p.pch " +
                    "-Xclang -include -Xclang /b/p.hxx -Xclang -fno-pch-timestamp -MD -MT a.o -MF a.o.d -o a.o -c " +
                    root + "/flywheel/base/a.cc") +
          "\n]\n");
  std::string error;
  const auto commands = ReadCompileCommands(scratch.root() / "list.json", scratch.root(), error);
  EXPECT_EQ(error, "");
  ASSERT_EQ(commands.size(), 1U);
  EXPECT_EQ(commands[0].file, "flywheel/base/a.cc");
  EXPECT_EQ(commands[0].directory, root + "/build");
  EXPECT_EQ(FlagsFor(commands, "flywheel/base"),
            (Words{"/usr/bin/clang++-19", "-DA=\"b", "c\"", "-I" + root, "-O2", "-DB=c d", "-std=c++23"}));
}

TEST(CompileCommandsTest, TheNearestFolderCountsAndProductsBeforeTests) {
  const Scratch scratch;
  const std::string root = scratch.root().string();
  std::string list = "[";
  for (const char* const file : {"bench/b.cc", "flywheel/base/a_test.cc", "flywheel/base/z.cc",
                                 "flywheel/net/n_test.cc", "flywheel/net/tls/t.cc"}) {
    list += (list.size() > 1 ? ",\n" : "\n") + Entry(root, file, std::string("c++ -DOF=") + file + " -c x");
  }
  scratch.Write("list.json", list + "\n]\n");
  std::string error;
  const auto commands = ReadCompileCommands(scratch.root() / "list.json", scratch.root(), error);
  const auto of = [&](const char* folder) { return FlagsFor(commands, folder).at(1).substr(5); };
  EXPECT_EQ(of("flywheel/base"), "flywheel/base/z.cc");
  EXPECT_EQ(of("flywheel/base/internal"), "flywheel/base/z.cc");
  EXPECT_EQ(of("flywheel/net"), "flywheel/net/n_test.cc") << "a room of headers has only its test";
  EXPECT_EQ(of("flywheel/net/tls/internal"), "flywheel/net/tls/t.cc");
  EXPECT_EQ(of("bench"), "bench/b.cc");
  EXPECT_EQ(of("apps/x"), "flywheel/base/z.cc") << "a room's flags where nothing is near";
}

TEST(CompileCommandsTest, AListThatSaysNothingIsAnError) {
  const Scratch scratch;
  std::string error;
  EXPECT_TRUE(ReadCompileCommands(scratch.root() / "none.json", scratch.root(), error).empty());
  EXPECT_TRUE(error.contains("none.json") && error.contains("configure")) << error;
  error.clear();
  scratch.Write("list.json", "[" + Entry("/elsewhere", "a.cc", "c++ -c a.cc") + "]");
  EXPECT_TRUE(ReadCompileCommands(scratch.root() / "list.json", scratch.root(), error).empty());
  EXPECT_FALSE(error.empty());
  error.clear();
  scratch.Write("list.json", "[{\"directory\": \"x\", \"command");
  EXPECT_TRUE(ReadCompileCommands(scratch.root() / "list.json", scratch.root(), error).empty());
  EXPECT_FALSE(error.empty());
}

}  // namespace
}  // namespace flywheel::tidy
