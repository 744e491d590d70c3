#include "flywheel/runtime/file.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/internal/thread_loop.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using namespace std::chrono_literals;

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

class FileTest : public testing::Test {
 protected:
  FileTest() {
    std::string pattern = testing::TempDir() + "flywheel_file_test_XXXXXX";
    FW_CHECK(::mkdtemp(pattern.data()) != nullptr) << pattern;
    folder_ = pattern;
  }
  ~FileTest() override { std::filesystem::remove_all(folder_); }

  template <typename T>
  WhenValue<T> Run(Task<T> task) {
    return loop_.Run(std::move(task));
  }
  [[nodiscard]] std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::unique_ptr<File> Open(const std::string& name, OpenMode mode) {
    auto file = Run(Files().Open(Path(name), mode));
    FW_CHECK(file.ok()) << file.status();
    return *std::move(file);
  }
  std::string Read(File& file, std::uint64_t offset, std::size_t length) {
    std::string text(length, '?');
    const auto count = Run(file.ReadAt(offset, std::as_writable_bytes(std::span(text))));
    FW_CHECK(count.ok()) << count.status();
    return text.substr(0, *count);
  }
  FileSystem& Files() { return loop_.host().files(); }

  internal::ThreadLoop loop_;
  std::string folder_;
};

TEST_F(FileTest, WritesReadsAndKnowsItsSize) {
  const auto file = Open("a", OpenMode::kCreateNew);
  EXPECT_EQ(*Run(file->Size()), 0u);
  EXPECT_EQ(Run(file->WriteAt(0, Bytes("hello"))), Status::Ok());
  EXPECT_EQ(Run(file->WriteAt(8, Bytes("world"))), Status::Ok());
  EXPECT_EQ(*Run(file->Size()), 13u);
  EXPECT_EQ(Read(*file, 0, 100), std::string("hello\0\0\0world", 13));
  EXPECT_EQ(Read(*file, 8, 3), "wor");
  EXPECT_EQ(Read(*file, 13, 10), "");
  EXPECT_EQ(Read(*file, 1000, 10), "");
  EXPECT_EQ(Run(file->Sync()), Status::Ok());
  EXPECT_EQ(Run(file->WriteAt(4, {})), Status::Ok());
  EXPECT_EQ(Read(*file, 0, 0), "");
}

TEST_F(FileTest, LargeTransfersAreWhole) {
  const auto file = Open("large", OpenMode::kCreate);
  std::string text;
  for (int i = 0; text.size() < (8 << 20); ++i) text += std::to_string(i);
  EXPECT_EQ(Run(file->WriteAt(3, Bytes(text))), Status::Ok());
  EXPECT_EQ(*Run(file->Size()), text.size() + 3);
  EXPECT_EQ(Read(*file, 3, text.size() + 10), text);
}

TEST_F(FileTest, ShortReadsAreContinued) {
  // The kernel gives this one a page at a time.
  const auto file = Run(Files().Open("/proc/self/smaps", OpenMode::kRead));
  ASSERT_TRUE(file.ok());
  const std::string text = Read(**file, 0, 1 << 20);
  EXPECT_GT(text.size(), 10'000u);
  EXPECT_TRUE(text.ends_with('\n'));
}

TEST_F(FileTest, TruncateAndAllocate) {
  const auto file = Open("a", OpenMode::kCreate);
  EXPECT_EQ(Run(file->WriteAt(0, Bytes("hello"))), Status::Ok());
  EXPECT_EQ(Run(file->Truncate(2)), Status::Ok());
  EXPECT_EQ(Read(*file, 0, 10), "he");
  EXPECT_EQ(Run(file->Allocate(4096)), Status::Ok());
  EXPECT_EQ(*Run(file->Size()), 4096u);
  EXPECT_EQ(Read(*file, 0, 3), std::string("he\0", 3));
  struct stat info{};
  ASSERT_EQ(::stat(Path("a").c_str(), &info), 0);
  EXPECT_GE(info.st_blocks * 512, 4096);
  EXPECT_EQ(Run(file->Allocate(10)), Status::Ok());  // what is there stays
  EXPECT_EQ(*Run(file->Size()), 4096u);
  EXPECT_EQ(Run(file->Allocate(0)), Status::Ok());
}

TEST_F(FileTest, ModesSayWhatMustExist) {
  EXPECT_EQ(Run(Files().Open(Path("a"), OpenMode::kRead)).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Run(Files().Open(Path("a"), OpenMode::kReadWrite)).status().code(), StatusCode::kNotFound);
  {
    const auto made = Open("a", OpenMode::kCreate);
  }
  {
    const auto again = Open("a", OpenMode::kCreate);
  }
  EXPECT_EQ(Run(Files().Open(Path("a"), OpenMode::kCreateNew)).status().code(), StatusCode::kAlreadyExists);
  const auto writes = Open("a", OpenMode::kReadWrite);
  EXPECT_EQ(Run(writes->WriteAt(0, Bytes("x"))), Status::Ok());
  const auto reads = Open("a", OpenMode::kRead);
  EXPECT_EQ(Read(*reads, 0, 5), "x");
  EXPECT_FALSE(Run(reads->WriteAt(0, Bytes("y"))).ok());
}

TEST_F(FileTest, ErrorsNameTheCallAndThePath) {
  const auto message = [](const Status& status) { return std::string(status.message()); };
  EXPECT_EQ(message(Run(Files().Open(Path("none/a"), OpenMode::kCreate)).status()),
            "open " + Path("none/a") + ": No such file or directory (ENOENT)");
  EXPECT_EQ(message(Run(Files().Rename(Path("b"), Path("c")))),
            "rename " + Path("b") + " to " + Path("c") + ": No such file or directory (ENOENT)");
  EXPECT_EQ(message(Run(Files().Remove(Path("b")))), "remove " + Path("b") + ": No such file or directory (ENOENT)");
  EXPECT_EQ(message(Run(Files().List(Path("b"))).status()),
            "opendir " + Path("b") + ": No such file or directory (ENOENT)");
  EXPECT_EQ(message(Run(Files().SyncDirectory(Path("b")))),
            "open " + Path("b") + ": No such file or directory (ENOENT)");
  const auto file = Open("a", OpenMode::kCreate);
  EXPECT_EQ(message(Run(Files().MakeDirectory(Path("a/x")))), "mkdir " + Path("a/x") + ": Not a directory (ENOTDIR)");
  EXPECT_EQ(message(Run(Files().MakeDirectory(Path("a")))), "mkdir " + Path("a") + ": Not a directory (ENOTDIR)");
  EXPECT_EQ(message(Run(file->Truncate(std::uint64_t{1} << 63))),
            "ftruncate " + Path("a") + ": Invalid argument (EINVAL)");
  const auto full = Run(Files().Open("/dev/full", OpenMode::kReadWrite));
  ASSERT_TRUE(full.ok());
  EXPECT_EQ(message(Run((*full)->WriteAt(0, Bytes("x")))), "pwrite /dev/full: No space left on device (ENOSPC)");
  EXPECT_EQ(message(Run((*full)->Sync())), "fdatasync /dev/full: Invalid argument (EINVAL)");
}

TEST_F(FileTest, DirectoriesAreMadeListedRenamedAndRemoved) {
  EXPECT_EQ(Run(Files().MakeDirectory(Path("x/y//z/"))), Status::Ok());
  EXPECT_EQ(Run(Files().MakeDirectory(Path("x/y"))), Status::Ok());
  EXPECT_EQ(Run(Files().MakeDirectory("/")), Status::Ok());
  EXPECT_FALSE(Run(Files().MakeDirectory("")).ok());
  for (const char* const name : {"b", "a", ".hidden"}) (void)Open(std::string("x/") + name, OpenMode::kCreate);
  EXPECT_EQ(*Run(Files().List(Path("x"))), (std::vector<std::string>{".hidden", "a", "b", "y"}));
  EXPECT_EQ(Run(Files().Rename(Path("x/a"), Path("x/b"))), Status::Ok());
  EXPECT_EQ(*Run(Files().List(Path("x"))), (std::vector<std::string>{".hidden", "b", "y"}));
  EXPECT_EQ(Run(Files().SyncDirectory(Path("x"))), Status::Ok());
  EXPECT_FALSE(Run(Files().Remove(Path("x/y"))).ok());  // not empty
  EXPECT_EQ(Run(Files().Remove(Path("x/y/z"))), Status::Ok());
  EXPECT_EQ(Run(Files().Remove(Path("x/b"))), Status::Ok());
  EXPECT_EQ(*Run(Files().List(Path("x"))), (std::vector<std::string>{".hidden", "y"}));
}

TEST_F(FileTest, CancelledCallDoesNothing) {
  const auto test = [](FileSystem& files, std::string path) -> Task<void> {
    const ContextRef mine = Context::current().Child();
    const ContextScope scope(mine);
    mine->Cancel(Aborted("over"));
    EXPECT_EQ((co_await files.Open(path, OpenMode::kCreate)).status(), Aborted("over"));
  };
  Run(test(Files(), Path("a")));
  EXPECT_TRUE(Run(Files().List(folder_))->empty());
}

TEST_F(FileTest, CallsOfManyTasksGoThroughAtOnce) {
  const auto file = Open("a", OpenMode::kCreate);
  const auto test = [](File& shared) -> Task<void> {
    const auto one = [](File& mine, std::uint64_t number) -> Task<Status> {
      const std::string text = std::to_string(10'000 + number);
      FW_CO_RETURN_IF_ERROR(co_await mine.WriteAt(number * 5, Bytes(text)));
      std::string read(5, '?');
      FW_CO_ASSIGN_OR_RETURN(const auto count,
                             co_await mine.ReadAt(number * 5, std::as_writable_bytes(std::span(read))));
      co_return count == 5 && read == text ? Status::Ok() : DataLoss(read);
    };
    TaskGroup group;
    for (std::uint64_t i = 0; i < 200; ++i) group.Spawn(one(shared, i));
    EXPECT_EQ(co_await group.Join(), Status::Ok());
  };
  Run(test(*file));
  EXPECT_EQ(*Run(file->Size()), 1000u);
}

}  // namespace
}  // namespace flywheel::inline v0
