// What an application sees of files, case by case, on the kernel's and on the simulated file system.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/runtime/internal/test_sockets.h"
#include "flywheel/runtime/internal/thread_loop.h"
#include "flywheel/runtime/sim/world.h"

namespace flywheel::inline v0::sim {
namespace {

using internal::AsBytes;

class FileSemanticsTest : public testing::TestWithParam<const char*> {
 protected:
  // `folder` is an empty directory.
  using Body = Task<void> (*)(FileSystem& files, std::string folder);

  static void Run(Body body) {
    if (GetParam() == std::string("kernel")) {
      std::string folder = testing::TempDir() + "flywheel-files-XXXXXX";
      ASSERT_NE(::mkdtemp(folder.data()), nullptr);
      internal::ThreadLoop loop;
      loop.Run(body(loop.host().files(), folder));
      std::filesystem::remove_all(folder);
      return;
    }
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      SimWorld world(seed);
      SimHost& host = world.AddHost();
      const Status status = world.Run(host, [](FileSystem& files, Body run) -> Task<void> {
        EXPECT_TRUE((co_await files.MakeDirectory("/test")).ok());
        co_await run(files, "/test");
      }(host.host().files(), body));
      EXPECT_TRUE(status.ok()) << status.ToString();
    }
  }
};

INSTANTIATE_TEST_SUITE_P(FileSystems, FileSemanticsTest, testing::Values("kernel", "simulated"),
                         [](const auto& info) { return std::string(info.param); });

Task<std::string> ReadText(File& file, std::uint64_t offset, std::size_t size) {
  std::string text(size, 'x');
  const auto count = co_await file.ReadAt(offset, std::as_writable_bytes(std::span(text)));
  co_return count.ok() ? text.substr(0, *count) : count.status().ToString();
}

// "OK", or the errno in the message.
std::string Word(const Status& status) {
  if (status.ok()) return "OK";
  const std::string text(status.message());
  const std::size_t open = text.rfind('(');
  return text.substr(open + 1, text.size() - open - 2);
}

TEST_P(FileSemanticsTest, ReadsWhatWasWritten) {
  Run([](FileSystem& files, std::string folder) -> Task<void> {
    const auto file = (co_await files.Open(folder + "/a", OpenMode::kCreate)).value();
    EXPECT_EQ((co_await file->Size()).value(), 0U);
    EXPECT_EQ(co_await ReadText(*file, 0, 10), "");
    EXPECT_TRUE((co_await file->WriteAt(0, AsBytes("hello world"))).ok());
    EXPECT_TRUE((co_await file->WriteAt(6, AsBytes("W"))).ok());
    EXPECT_EQ(co_await ReadText(*file, 0, 100), "hello World");
    EXPECT_EQ(co_await ReadText(*file, 6, 3), "Wor");
    EXPECT_EQ(co_await ReadText(*file, 11, 3), "");
    EXPECT_EQ(co_await ReadText(*file, 1000, 3), "");
    EXPECT_TRUE((co_await file->Sync()).ok());
    EXPECT_EQ((co_await file->Size()).value(), 11U);
  });
}

TEST_P(FileSemanticsTest, GapsAreZero) {
  Run([](FileSystem& files, std::string folder) -> Task<void> {
    const auto file = (co_await files.Open(folder + "/a", OpenMode::kCreate)).value();
    EXPECT_TRUE((co_await file->WriteAt(10'000, AsBytes("end"))).ok());
    EXPECT_EQ((co_await file->Size()).value(), 10'003U);
    EXPECT_EQ(co_await ReadText(*file, 0, 20'000), std::string(10'000, '\0') + "end");
  });
}

TEST_P(FileSemanticsTest, TruncateCutsAndExtends) {
  Run([](FileSystem& files, std::string folder) -> Task<void> {
    const auto file = (co_await files.Open(folder + "/a", OpenMode::kCreate)).value();
    EXPECT_TRUE((co_await file->WriteAt(0, AsBytes("0123456789"))).ok());
    EXPECT_TRUE((co_await file->Truncate(4)).ok());
    EXPECT_TRUE((co_await file->Truncate(8)).ok());
    EXPECT_EQ(co_await ReadText(*file, 0, 100), std::string("0123\0\0\0\0", 8));
    EXPECT_TRUE((co_await file->Allocate(5)).ok());
    EXPECT_EQ((co_await file->Size()).value(), 8U) << "allocating never shortens";
    EXPECT_TRUE((co_await file->Allocate(5000)).ok());
    EXPECT_EQ((co_await file->Size()).value(), 5000U);
    EXPECT_EQ(co_await ReadText(*file, 4, 5000), std::string(4996, '\0'));
    EXPECT_TRUE((co_await file->Allocate(0)).ok());
  });
}

TEST_P(FileSemanticsTest, OpenModes) {
  Run([](FileSystem& files, std::string folder) -> Task<void> {
    const std::string path = folder + "/a";
    for (const OpenMode mode : {OpenMode::kRead, OpenMode::kReadWrite}) {
      const auto missing = co_await files.Open(path, mode);
      EXPECT_EQ(missing.status().message(), "open " + path + ": No such file or directory (ENOENT)");
    }
    EXPECT_TRUE((co_await (co_await files.Open(path, OpenMode::kCreateNew)).value()->WriteAt(0, AsBytes("kept"))).ok());
    EXPECT_EQ(Word((co_await files.Open(path, OpenMode::kCreateNew)).status()), "EEXIST");
    for (const OpenMode mode : {OpenMode::kRead, OpenMode::kReadWrite, OpenMode::kCreate}) {
      const auto file = (co_await files.Open(path, mode)).value();
      EXPECT_EQ(co_await ReadText(*file, 0, 10), "kept");
    }
    EXPECT_EQ(Word((co_await files.Open(folder + "/none/a", OpenMode::kCreate)).status()), "ENOENT");
    EXPECT_EQ(Word((co_await files.Open(path + "/b", OpenMode::kCreate)).status()), "ENOTDIR");
    EXPECT_EQ(Word((co_await files.Open(folder, OpenMode::kReadWrite)).status()), "EISDIR");
  });
}

TEST_P(FileSemanticsTest, FilesOpenForReadingRefuseChanges) {
  Run([](FileSystem& files, std::string folder) -> Task<void> {
    const std::string path = folder + "/a";
    EXPECT_TRUE((co_await files.Open(path, OpenMode::kCreate)).ok());
    const auto file = (co_await files.Open(path, OpenMode::kRead)).value();
    EXPECT_EQ(Word(co_await file->WriteAt(0, AsBytes("x"))), "EBADF");
    EXPECT_EQ(Word(co_await file->Truncate(1)), "EINVAL");
    EXPECT_EQ(Word(co_await file->Allocate(1)), "EBADF");
    EXPECT_TRUE((co_await file->Sync()).ok());
  });
}

TEST_P(FileSemanticsTest, TooLargeIsRefused) {
  Run([](FileSystem& files, std::string folder) -> Task<void> {
    const auto file = (co_await files.Open(folder + "/a", OpenMode::kCreate)).value();
    EXPECT_FALSE((co_await file->Truncate(std::numeric_limits<std::int64_t>::max())).ok());
    EXPECT_FALSE((co_await file->WriteAt(std::numeric_limits<std::int64_t>::max(), AsBytes("x"))).ok());
    EXPECT_EQ((co_await file->Size()).value(), 0U);
  });
}

TEST_P(FileSemanticsTest, RenameReplacesFiles) {
  Run([](FileSystem& files, std::string folder) -> Task<void> {
    const auto fresh = (co_await files.Open(folder + "/new", OpenMode::kCreate)).value();
    const auto old = (co_await files.Open(folder + "/old", OpenMode::kCreate)).value();
    EXPECT_TRUE((co_await fresh->WriteAt(0, AsBytes("new"))).ok());
    EXPECT_TRUE((co_await old->WriteAt(0, AsBytes("old"))).ok());
    EXPECT_TRUE((co_await files.Rename(folder + "/new", folder + "/old")).ok());
    EXPECT_EQ((co_await files.List(folder)).value(), std::vector<std::string>{"old"});
    const auto file = (co_await files.Open(folder + "/old", OpenMode::kRead)).value();
    EXPECT_EQ(co_await ReadText(*file, 0, 10), "new");
    EXPECT_EQ(co_await ReadText(*old, 0, 10), "old") << "what is open lives on";
    EXPECT_TRUE((co_await files.Rename(folder + "/old", folder + "/old")).ok());
    EXPECT_EQ(Word(co_await files.Rename(folder + "/none", folder + "/x")), "ENOENT");
    EXPECT_EQ(Word(co_await files.Rename(folder + "/old", folder + "/none/x")), "ENOENT");
  });
}

TEST_P(FileSemanticsTest, DirectoriesMoveWithWhatIsInside) {
  Run([](FileSystem& files, std::string folder) -> Task<void> {
    EXPECT_TRUE((co_await files.MakeDirectory(folder + "/d/e")).ok());
    EXPECT_TRUE((co_await files.Open(folder + "/d/e/file", OpenMode::kCreate)).ok());
    EXPECT_TRUE((co_await files.Rename(folder + "/d", folder + "/moved")).ok());
    EXPECT_EQ((co_await files.List(folder + "/moved/e")).value(), std::vector<std::string>{"file"});
    EXPECT_EQ(Word(co_await files.Rename(folder + "/moved", folder + "/moved/e/inside")), "EINVAL");
    EXPECT_TRUE((co_await files.MakeDirectory(folder + "/empty")).ok());
    EXPECT_TRUE((co_await files.MakeDirectory(folder + "/full/x")).ok());
    EXPECT_EQ(Word(co_await files.Rename(folder + "/empty", folder + "/full")), "ENOTEMPTY");
    EXPECT_TRUE((co_await files.Rename(folder + "/full", folder + "/empty")).ok());
    EXPECT_EQ((co_await files.List(folder + "/empty")).value(), std::vector<std::string>{"x"});
    EXPECT_TRUE((co_await files.Open(folder + "/file", OpenMode::kCreate)).ok());
    EXPECT_EQ(Word(co_await files.Rename(folder + "/file", folder + "/empty")), "EISDIR");
    EXPECT_EQ(Word(co_await files.Rename(folder + "/empty", folder + "/file")), "ENOTDIR");
  });
}

TEST_P(FileSemanticsTest, RemoveTakesFilesAndEmptyDirectories) {
  Run([](FileSystem& files, std::string folder) -> Task<void> {
    EXPECT_TRUE((co_await files.MakeDirectory(folder + "/d")).ok());
    const auto file = (co_await files.Open(folder + "/d/a", OpenMode::kCreate)).value();
    EXPECT_TRUE((co_await file->WriteAt(0, AsBytes("still open"))).ok());
    EXPECT_EQ(Word(co_await files.Remove(folder + "/d")), "ENOTEMPTY");
    EXPECT_TRUE((co_await files.Remove(folder + "/d/a")).ok());
    EXPECT_EQ(co_await ReadText(*file, 0, 100), "still open");
    EXPECT_EQ(Word(co_await files.Remove(folder + "/d/a")), "ENOENT");
    EXPECT_TRUE((co_await files.Remove(folder + "/d")).ok());
    EXPECT_EQ((co_await files.List(folder)).value(), std::vector<std::string>{});
  });
}

TEST_P(FileSemanticsTest, DirectoriesAreMadeWithTheirParents) {
  Run([](FileSystem& files, std::string folder) -> Task<void> {
    EXPECT_TRUE((co_await files.MakeDirectory(folder + "/x/y/z")).ok());
    EXPECT_TRUE((co_await files.MakeDirectory(folder + "/x/y/z")).ok());
    EXPECT_EQ((co_await files.List(folder + "/x")).value(), std::vector<std::string>{"y"});
    EXPECT_TRUE((co_await files.Open(folder + "/x/file", OpenMode::kCreate)).ok());
    EXPECT_EQ(Word(co_await files.MakeDirectory(folder + "/x/file/below")), "ENOTDIR");
  });
}

TEST_P(FileSemanticsTest, ListIsSorted) {
  Run([](FileSystem& files, std::string folder) -> Task<void> {
    for (const char* const name : {"b", "c", "a", "B", "10", "9"}) {
      EXPECT_TRUE((co_await files.Open(folder + "/" + name, OpenMode::kCreate)).ok());
    }
    EXPECT_EQ((co_await files.List(folder)).value(), (std::vector<std::string>{"10", "9", "B", "a", "b", "c"}));
    EXPECT_EQ(Word((co_await files.List(folder + "/none")).status()), "ENOENT");
    EXPECT_EQ(Word((co_await files.List(folder + "/a")).status()), "ENOTDIR");
  });
}

TEST_P(FileSemanticsTest, OnlyDirectoriesAreSyncedAsSuch) {
  Run([](FileSystem& files, std::string folder) -> Task<void> {
    EXPECT_TRUE((co_await files.Open(folder + "/a", OpenMode::kCreate)).ok());
    EXPECT_TRUE((co_await files.SyncDirectory(folder)).ok());
    const Status missing = co_await files.SyncDirectory(folder + "/none");
    EXPECT_EQ(missing.message(), "open " + folder + "/none: No such file or directory (ENOENT)");
    EXPECT_EQ(Word(co_await files.SyncDirectory(folder + "/a")), "ENOTDIR");
  });
}

TEST_P(FileSemanticsTest, PathsMayBeWrittenInSeveralWays) {
  Run([](FileSystem& files, std::string folder) -> Task<void> {
    EXPECT_TRUE((co_await files.MakeDirectory(folder + "/d")).ok());
    EXPECT_TRUE((co_await files.Open(folder + "//d/./a", OpenMode::kCreate)).ok());
    EXPECT_EQ((co_await files.List(folder + "/d/")).value(), std::vector<std::string>{"a"});
    EXPECT_TRUE((co_await files.Open(folder + "/d/../d/a", OpenMode::kRead)).ok());
  });
}

}  // namespace
}  // namespace flywheel::inline v0::sim
