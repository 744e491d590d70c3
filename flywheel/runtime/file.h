// Files: regular files behind a seam, so that a simulation can lose, tear and reorder what was not yet synced.
//
// Every call is a Task, because the disk blocks: the real one runs pread, pwrite and fdatasync in Offload. Errors are
// the kernel's, as a Status that names the call and the path. Nothing here retries: after a failed Sync the state of
// unsynced writes is unknown, and the caller must not ask again (Rebello et al., "Can Applications Recover from fsync
// Failures?", 2020).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flywheel/base/status_or.h"
#include "flywheel/runtime/task.h"

namespace flywheel::inline v0 {

class File {
 public:
  // Closes; must not run while a call is under way.
  virtual ~File() = default;

  // Reads until `buffer` is full or the file ends; the number of bytes read.
  virtual Task<StatusOr<std::size_t>> ReadAt(std::uint64_t offset, std::span<std::byte> buffer) = 0;
  // Writes all of `bytes` or fails; what a failed write left behind is unknown. `bytes` outlives the call.
  virtual Task<Status> WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  // fdatasync: when it is OK, all completed writes survive a crash.
  virtual Task<Status> Sync() = 0;
  virtual Task<StatusOr<std::uint64_t>> Size() = 0;
  virtual Task<Status> Truncate(std::uint64_t size) = 0;
  // Reserves blocks and extends the file with zeros, so that later writes change no metadata.
  virtual Task<Status> Allocate(std::uint64_t size) = 0;
};

enum class OpenMode : unsigned char {
  kRead,       // must exist
  kReadWrite,  // must exist
  kCreate,     // read and write, made if missing
  kCreateNew,  // read and write, ALREADY_EXISTS if it is there
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual Task<StatusOr<std::unique_ptr<File>>> Open(std::string path, OpenMode mode) = 0;
  // Atomic; survives a crash once the directory is synced.
  virtual Task<Status> Rename(std::string from, std::string to) = 0;
  virtual Task<Status> Remove(std::string path) = 0;
  // With all missing parents; OK if it is there.
  virtual Task<Status> MakeDirectory(std::string path) = 0;
  // Makes creations, renames and removals in this directory durable.
  virtual Task<Status> SyncDirectory(std::string path) = 0;
  // Names in the directory, sorted, without "." and "..".
  virtual Task<StatusOr<std::vector<std::string>>> List(std::string path) = 0;
};

// The kernel's files, through Offload.
std::unique_ptr<FileSystem> MakeSystemFileSystem();

}  // namespace flywheel::inline v0
