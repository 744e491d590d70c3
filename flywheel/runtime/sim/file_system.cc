#include "flywheel/runtime/sim/file_system.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "flywheel/runtime/sim/disk.h"
#include "flywheel/runtime/sim/offload.h"

namespace flywheel::inline v0::sim {
namespace {

class SimFile final : public File {
 public:
  SimFile(SimDisk& disk, SimOffload& offload, SimDisk::Opened opened, OpenMode mode) noexcept
      : disk_(disk),
        offload_(offload),
        file_(std::move(opened.file)),
        path_(std::move(opened.path)),
        writable_(mode != OpenMode::kRead) {}

  Task<StatusOr<std::size_t>> ReadAt(std::uint64_t offset, std::span<std::byte> buffer) override {
    co_return co_await Offload([this, offset, buffer]() -> StatusOr<std::size_t> {
      offload_.Extend(disk_.CallTime(buffer.size()));
      std::size_t count = 0;
      FW_RETURN_IF_ERROR(Done(disk_.Read(*file_, path_, offset, buffer, count), "pread"));
      return count;
    });
  }

  Task<Status> WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) override {
    co_return co_await Offload([this, offset, bytes] {
      offload_.Extend(disk_.CallTime(bytes.size()));
      if (!writable_) return Done(EBADF, "pwrite");
      return Done(disk_.Write(*file_, path_, offset, bytes), "pwrite");
    });
  }

  Task<Status> Sync() override {
    co_return co_await Offload([this] {
      const Duration takes = disk_.SyncTime();
      offload_.Extend(takes);
      return Done(disk_.Sync(file_, path_, takes), "fdatasync");
    });
  }

  Task<StatusOr<std::uint64_t>> Size() override {
    co_return co_await Offload([this] { return file_->size(); });
  }

  Task<Status> Truncate(std::uint64_t size) override {
    co_return co_await Offload([this, size] {
      offload_.Extend(disk_.CallTime(0));
      return Done(writable_ ? disk_.Resize(*file_, size) : EINVAL, "ftruncate");
    });
  }

  Task<Status> Allocate(std::uint64_t size) override {
    co_return co_await Offload([this, size] {
      if (size == 0) return Status::Ok();
      offload_.Extend(disk_.CallTime(0));
      if (!writable_) return Done(EBADF, "fallocate");
      return Done(disk_.Resize(*file_, std::max(size, file_->size())), "fallocate");
    });
  }

 private:
  [[nodiscard]] Status Done(int error, const char* call) const {
    return error == 0 ? Status::Ok() : ErrnoStatus(error, call + (" " + path_));
  }

  SimDisk& disk_;
  SimOffload& offload_;
  const std::shared_ptr<DiskFile> file_;
  const std::string path_;
  const bool writable_;
};

Status Done(int error, const std::string& what) { return error == 0 ? Status::Ok() : ErrnoStatus(error, what); }

}  // namespace

Task<StatusOr<std::unique_ptr<File>>> SimFileSystem::Open(std::string path, OpenMode mode) {
  co_return co_await Offload([&]() -> StatusOr<std::unique_ptr<File>> {
    offload_.Extend(disk_.CallTime(0));
    SimDisk::Opened opened = disk_.Open(path, mode);
    FW_RETURN_IF_ERROR(Done(opened.error, "open " + path));
    return std::unique_ptr<File>(std::make_unique<SimFile>(disk_, offload_, std::move(opened), mode));
  });
}

Task<Status> SimFileSystem::Rename(std::string from, std::string to) {
  co_return co_await Offload([&] {
    offload_.Extend(disk_.CallTime(0));
    return Done(disk_.Rename(from, to), "rename " + from + " to " + to);
  });
}

Task<Status> SimFileSystem::Remove(std::string path) {
  co_return co_await Offload([&] {
    offload_.Extend(disk_.CallTime(0));
    return Done(disk_.Remove(path), "remove " + path);
  });
}

Task<Status> SimFileSystem::MakeDirectory(std::string path) {
  co_return co_await Offload([&] {
    offload_.Extend(disk_.CallTime(0));
    std::string failed;
    const int error = disk_.MakeDirectory(path, failed);
    return Done(error, "mkdir " + failed);
  });
}

Task<Status> SimFileSystem::SyncDirectory(std::string path) {
  co_return co_await Offload([&] {
    const Duration takes = disk_.SyncTime();
    offload_.Extend(takes);
    const int error = disk_.SyncDirectory(path, takes);
    const bool opened = error != ENOENT && error != ENOTDIR;
    return Done(error, (opened ? "fsync " : "open ") + path);
  });
}

Task<StatusOr<std::vector<std::string>>> SimFileSystem::List(std::string path) {
  co_return co_await Offload([&]() -> StatusOr<std::vector<std::string>> {
    offload_.Extend(disk_.CallTime(0));
    std::vector<std::string> names;
    FW_RETURN_IF_ERROR(Done(disk_.List(path, names), "opendir " + path));
    return names;
  });
}

}  // namespace flywheel::inline v0::sim
