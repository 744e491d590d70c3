// SimDisk: the file system of a simulated machine. It survives crashes of processes with its page cache, and of the
// machine with what was durable.
//
// Contents follow disk_file.h. Creations, renames and removals are durable once their directory has been synced; when
// the power fails, each that was not has happened or not, a rename as a whole. (A renamed directory is stricter: what
// came before it has happened too, as journals see to it; else directories could end up inside each other.)
// Calls happen at one instant; what they take is up to the caller (file_system.h), except that a sync ends when its
// time is over. Faults are one-shot or last until they are changed, and are part of the world's history.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flywheel/runtime/file.h"
#include "flywheel/runtime/random.h"
#include "flywheel/runtime/sim/alarm.h"
#include "flywheel/runtime/sim/disk_file.h"

namespace flywheel::inline v0::sim {

class SimWorld;

// The defaults are those of an SSD behind a page cache.
struct DiskOptions {
  Duration call = std::chrono::microseconds(5);
  Duration call_jitter = std::chrono::microseconds(50);
  Duration sync = std::chrono::microseconds(300);
  Duration sync_jitter = std::chrono::milliseconds(2);
  std::uint64_t bytes_per_second = 1'000'000'000;
  std::uint64_t capacity = std::uint64_t{1} << 40;  // bytes; files take whole blocks
  bool operator==(const DiskOptions&) const = default;
};

enum class DiskCall : unsigned char { kRead, kWrite, kSync };

class SimDisk {
 public:
  SimDisk(SimWorld& world, std::string host_name);
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;
  ~SimDisk();

  // For scenarios and tests.
  // From now on; a slow disk, a full one.
  void SetOptions(const DiskOptions& options);
  [[nodiscard]] const DiskOptions& options() const noexcept { return options_; }
  // The next such call on `path` (empty: on any file) fails with EIO. Of a write, a part may have happened; what a sync
  // covered counts as written and is not.
  void FailNext(DiskCall call, std::string path = {});
  // Flips bits of a byte, in the page cache and on the disk. False if there is no such byte.
  bool Corrupt(std::string_view path, std::uint64_t offset, std::byte flip = std::byte{1});
  // What would be there if the power failed now and nothing unsynced had reached the disk; empty: no such file.
  [[nodiscard]] std::optional<std::string> Durable(std::string_view path) const;
  // What reads see.
  [[nodiscard]] std::optional<std::string> Cached(std::string_view path) const;
  [[nodiscard]] std::uint64_t used_bytes() const noexcept { return used_; }

  // The machine loses power.
  void LosePower();

  // For SimFileSystem. Failures are errnos; 0 is success.
  struct Opened {
    int error = 0;
    std::shared_ptr<DiskFile> file = nullptr;
    std::string path = {};  // canonical
  };
  Opened Open(std::string_view path, OpenMode mode);
  int Rename(std::string_view from, std::string_view to);
  int Remove(std::string_view path);
  // With all missing parents; `failed` is the first that could not be made.
  int MakeDirectory(std::string_view path, std::string& failed);
  int List(std::string_view path, std::vector<std::string>& names) const;

  int Read(const DiskFile& file, const std::string& path, std::uint64_t offset, std::span<std::byte> to,
           std::size_t& count);
  int Write(DiskFile& file, const std::string& path, std::uint64_t offset, std::span<const std::byte> from);
  int Resize(DiskFile& file, std::uint64_t size);
  // Begin now; what they cover is durable after `takes`, if the power lasts.
  int Sync(const std::shared_ptr<DiskFile>& file, const std::string& path, Duration takes);
  int SyncDirectory(std::string_view path, Duration takes);
  // How long a call that moves so many bytes takes, and a sync.
  [[nodiscard]] Duration CallTime(std::size_t bytes) noexcept;
  [[nodiscard]] Duration SyncTime() noexcept;

 private:
  struct Node;
  using NodeRef = std::shared_ptr<Node>;
  using Entries = std::map<std::string, NodeRef, std::less<>>;
  struct Change;
  struct Syncing;
  struct Place;

  [[nodiscard]] NodeRef Find(std::string_view path) const;
  // Where a path's last part is or would be.
  [[nodiscard]] int FindPlace(std::string_view path, Place& place) const;
  void Record(Change change);
  static void Apply(const Change& change);
  // A change of a node implies those that brought it where the change found it: a file has one place at a time.
  void ChooseEarlier(std::vector<bool>& chosen) const;
  void CompleteDirectorySync(const NodeRef& directory, std::uint64_t mark);
  void Begin(std::function<void()> complete, Duration takes);
  bool TakeFault(DiskCall call, const std::string& path);
  // The durable tree becomes the one that is seen.
  void Restore(Node& directory);

  SimWorld& world_;
  const std::string host_name_;
  Random random_;
  Random latency_;
  DiskOptions options_;
  std::uint64_t used_ = 0;
  NodeRef root_;
  std::uint64_t first_change_ = 0;
  std::deque<Change> changes_;
  std::list<Syncing> syncing_;
  std::vector<std::pair<DiskCall, std::string>> faults_;
};

}  // namespace flywheel::inline v0::sim
