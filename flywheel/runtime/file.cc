#include "flywheel/runtime/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "flywheel/runtime/descriptor.h"
#include "flywheel/runtime/offload.h"

namespace flywheel::inline v0 {
namespace {

// `call` until it is not interrupted; its failure as a Status that names the call and the path.
template <typename Call>
StatusOr<long> Retry(const char* name, const std::string& path, Call call) {
  for (;;) {
    const long result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return ErrnoStatus(errno, std::string(name) + " " + path);
  }
}

Status Done(const StatusOr<long>& result) { return result.status(); }

class SystemFile final : public File {
 public:
  SystemFile(Descriptor descriptor, std::string path) noexcept
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Task<StatusOr<std::size_t>> ReadAt(std::uint64_t offset, std::span<std::byte> buffer) override {
    co_return co_await Offload([this, offset, buffer]() -> StatusOr<std::size_t> {
      std::size_t done = 0;
      while (done < buffer.size()) {
        FW_ASSIGN_OR_RETURN(const long count, Retry("pread", path_, [&] {
                              return ::pread(descriptor_.get(), buffer.data() + done, buffer.size() - done,
                                             static_cast<off_t>(offset + done));
                            }));
        if (count == 0) break;
        done += static_cast<std::size_t>(count);
      }
      return done;
    });
  }

  Task<Status> WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) override {
    co_return co_await Offload([this, offset, bytes]() -> Status {
      std::size_t done = 0;
      while (done < bytes.size()) {
        FW_ASSIGN_OR_RETURN(const long count, Retry("pwrite", path_, [&] {
                              return ::pwrite(descriptor_.get(), bytes.data() + done, bytes.size() - done,
                                              static_cast<off_t>(offset + done));
                            }));
        done += static_cast<std::size_t>(count);
      }
      return Status::Ok();
    });
  }

  Task<Status> Sync() override {
    co_return co_await Offload(
        [this] { return Done(Retry("fdatasync", path_, [this] { return ::fdatasync(descriptor_.get()); })); });
  }

  Task<StatusOr<std::uint64_t>> Size() override {
    co_return co_await Offload([this]() -> StatusOr<std::uint64_t> {
      struct stat info{};
      FW_RETURN_IF_ERROR(Done(Retry("fstat", path_, [&] { return ::fstat(descriptor_.get(), &info); })));
      return static_cast<std::uint64_t>(info.st_size);
    });
  }

  Task<Status> Truncate(std::uint64_t size) override {
    co_return co_await Offload([this, size] {
      return Done(Retry("ftruncate", path_, [&] { return ::ftruncate(descriptor_.get(), static_cast<off_t>(size)); }));
    });
  }

  Task<Status> Allocate(std::uint64_t size) override {
    if (size == 0) co_return Status::Ok();  // which the kernel calls invalid
    co_return co_await Offload([this, size] {
      return Done(
          Retry("fallocate", path_, [&] { return ::fallocate(descriptor_.get(), 0, 0, static_cast<off_t>(size)); }));
    });
  }

 private:
  Descriptor descriptor_;
  const std::string path_;
};

int Flags(OpenMode mode) noexcept {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT;
    case OpenMode::kCreateNew:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

StatusOr<Descriptor> OpenDescriptor(const std::string& path, int flags) {
  FW_ASSIGN_OR_RETURN(const long opened,
                      Retry("open", path, [&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); }));
  return Descriptor(static_cast<int>(opened));
}

Status MakeParents(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) return ErrnoStatus(errno, "mkdir " + part);
    if (end != std::string::npos) continue;
    struct stat info{};
    if (::stat(part.c_str(), &info) != 0) return ErrnoStatus(errno, "mkdir " + part);
    return S_ISDIR(info.st_mode) ? Status::Ok() : ErrnoStatus(ENOTDIR, "mkdir " + part);
  }
}

StatusOr<std::vector<std::string>> ListNames(const std::string& path) {
  DIR* const directory = ::opendir(path.c_str());
  if (directory == nullptr) return ErrnoStatus(errno, "opendir " + path);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* const entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int error = errno;
  ::closedir(directory);
  if (error != 0) return ErrnoStatus(error, "readdir " + path);
  std::sort(names.begin(), names.end());
  return names;
}

class SystemFileSystem final : public FileSystem {
 public:
  Task<StatusOr<std::unique_ptr<File>>> Open(std::string path, OpenMode mode) override {
    co_return co_await Offload([&]() -> StatusOr<std::unique_ptr<File>> {
      FW_ASSIGN_OR_RETURN(Descriptor descriptor, OpenDescriptor(path, Flags(mode)));
      return std::unique_ptr<File>(std::make_unique<SystemFile>(std::move(descriptor), path));
    });
  }
  Task<Status> Rename(std::string from, std::string to) override {
    co_return co_await Offload([&] {
      return Done(Retry("rename", from + " to " + to, [&] { return std::rename(from.c_str(), to.c_str()); }));
    });
  }
  Task<Status> Remove(std::string path) override {
    co_return co_await Offload([&] { return Done(Retry("remove", path, [&] { return std::remove(path.c_str()); })); });
  }
  Task<Status> MakeDirectory(std::string path) override {
    co_return co_await Offload([&] { return MakeParents(path); });
  }
  Task<Status> SyncDirectory(std::string path) override {
    co_return co_await Offload([&]() -> Status {
      FW_ASSIGN_OR_RETURN(const Descriptor descriptor, OpenDescriptor(path, O_RDONLY | O_DIRECTORY));
      return Done(Retry("fsync", path, [&] { return ::fsync(descriptor.get()); }));
    });
  }
  Task<StatusOr<std::vector<std::string>>> List(std::string path) override {
    co_return co_await Offload([&] { return ListNames(path); });
  }
};

}  // namespace

std::unique_ptr<FileSystem> MakeSystemFileSystem() { return std::make_unique<SystemFileSystem>(); }

}  // namespace flywheel::inline v0
