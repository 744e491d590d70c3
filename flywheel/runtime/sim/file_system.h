// SimFileSystem: the FileSystem of a simulated process, on the disk of its machine (SimDisk). Every call is an Offload
// job, as those of the real one are, so calls of one task take virtual time and those of several interleave; errors are
// worded as the real ones.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "flywheel/runtime/file.h"

namespace flywheel::inline v0::sim {

class SimDisk;
class SimOffload;

class SimFileSystem final : public FileSystem {
 public:
  SimFileSystem(SimDisk& disk, SimOffload& offload) noexcept : disk_(disk), offload_(offload) {}

  Task<StatusOr<std::unique_ptr<File>>> Open(std::string path, OpenMode mode) override;
  Task<Status> Rename(std::string from, std::string to) override;
  Task<Status> Remove(std::string path) override;
  Task<Status> MakeDirectory(std::string path) override;
  Task<Status> SyncDirectory(std::string path) override;
  Task<StatusOr<std::vector<std::string>>> List(std::string path) override;

 private:
  SimDisk& disk_;
  SimOffload& offload_;
};

}  // namespace flywheel::inline v0::sim
