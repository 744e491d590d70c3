#include "tools/tidy/tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "tools/tidy/command.h"
#include "tools/tidy/rooms.h"
#include "tools/tidy/scratch_test.h"

namespace flywheel::tidy {
namespace {

using Paths = std::set<std::string>;

Paths TextsOf(const Tree& tree) {
  Paths paths;
  for (const File& file : tree.files) paths.insert(file.path());
  return paths;
}

void Git(const Scratch& scratch, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"env", "-u", "GIT_DIR", "-u", "GIT_WORK_TREE", "-u", "GIT_INDEX_FILE", "git",
                                       "-C", scratch.root().string()});
  const Outcome outcome = RunCommand({.arguments = arguments, .input = {}, .directory = {}});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
}

TEST(TreeTest, WithoutGitEverythingButBuildAndHiddenFolders) {
  const Scratch scratch;
  scratch.Write("run", "x");
  scratch.Write(".clang-format", "x");
  scratch.Write(".ci/run", "x");
  scratch.Write(".cache/x.cc", "x");
  scratch.Write("build/x.cc", "x");
  scratch.Write("flywheel/build/x.cc", "x");
  scratch.Write("flywheel/a b.h", "x");
  const Tree tree = ReadTree(scratch.root());
  EXPECT_EQ(TextsOf(tree), (Paths{"run", ".clang-format", ".ci/run", "flywheel/build/x.cc", "flywheel/a b.h"}));
  EXPECT_EQ(tree.note, "");
}

TEST(TreeTest, WithGitWhatIsTrackedOrWouldBe) {
  const Scratch scratch;
  Git(scratch, {"init", "-q"});
  scratch.Write(".gitignore", "/out/\n*.o\n");
  scratch.Write("tracked.cc", "x");
  scratch.Write("deleted.cc", "x");
  Git(scratch, {"add", "."});
  std::filesystem::remove(scratch.root() / "deleted.cc");
  scratch.Write("untracked \"\xc3\xa4\".cc", "x");
  scratch.Write("out/x.cc", "x");
  scratch.Write("x.o", "x");
  EXPECT_EQ(TextsOf(ReadTree(scratch.root())), (Paths{".gitignore", "tracked.cc", "untracked \"\xc3\xa4\".cc"}));
}

TEST(TreeTest, ABrokenCheckoutIsWalkedAndSaysSo) {
  const Scratch scratch;
  scratch.Write(".git", "gitdir: nowhere\n");
  scratch.Write("x.cc", "x");
  const Tree tree = ReadTree(scratch.root());
  EXPECT_TRUE(TextsOf(tree).contains("x.cc"));
  EXPECT_TRUE(tree.note.contains("git")) << tree.note;
}

TEST(TreeTest, BinaryFilesAndLinksAreThereButNotRead) {
  const Scratch scratch;
  scratch.Write("picture.png", std::string("P\0NG", 4));
  scratch.Write("text.md", "x");
  std::filesystem::create_symlink("text.md", scratch.root() / "link.md");
  const Tree tree = ReadTree(scratch.root());
  EXPECT_EQ(TextsOf(tree), Paths{"text.md"});
  EXPECT_TRUE(tree.Has("picture.png"));
  EXPECT_FALSE(tree.Has("link.md"));
}

TEST(TreeTest, FilesAndFoldersAreFound) {
  const Scratch scratch;
  scratch.Write("a/b/c.md", "text");
  scratch.Write("a/b-c.md", "text");
  const Tree tree = ReadTree(scratch.root());
  EXPECT_TRUE(tree.Has("a/b/c.md") && tree.Has("a/b") && tree.Has("a") && tree.Has("") && tree.Has("."));
  EXPECT_FALSE(tree.Has("a/b/c") || tree.Has("a/b-") || tree.Has("b"));
  ASSERT_NE(tree.Find("a/b/c.md"), nullptr);
  EXPECT_EQ(tree.Find("a/b/c.md")->text(), "text");
  EXPECT_EQ(tree.Find("a/b"), nullptr);
}

TEST(TreeTest, PathsAreNormalized) {
  EXPECT_EQ(Normalize("a/./b/../c"), "a/c");
  EXPECT_EQ(Normalize("a/b/"), "a/b");
  EXPECT_EQ(Normalize("./"), "");
  EXPECT_EQ(Join("a/b", "../c.h"), "a/c.h");
  EXPECT_EQ(Join("", "c.h"), "c.h");
  EXPECT_EQ(Join("a", "../../c.h"), "../c.h");
  EXPECT_EQ(Join("", "../c.h"), "../c.h");
}

// What keeps the other tests of the real tree from passing over nothing.
TEST(TreeTest, TheRealTreeIsReadWithItsRooms) {
  const Tree tree = ReadTree(SourceDir());
  EXPECT_EQ(tree.note, "");
  const File* const status = tree.Find("flywheel/base/status.h");
  ASSERT_NE(status, nullptr);
  EXPECT_GT(status->tokens().size(), 500U);
  EXPECT_NE(tree.Find("tools/tidy/tree_test.cc"), nullptr);
  EXPECT_FALSE(std::ranges::any_of(tree.paths, [](const std::string& path) { return path.starts_with("build/"); }));
  const std::vector<Room> rooms = RoomsOf(tree);
  for (const char* const name : {"base", "runtime"}) {
    EXPECT_TRUE(std::ranges::find(rooms, name, &Room::name) != rooms.end()) << name;
  }
}

}  // namespace
}  // namespace flywheel::tidy
