// DiskFile: the content of one simulated file: what reads see, what is durable, and the changes in between.
//
// The page cache holds the newest content. A completed sync makes all changes durable that had completed when it began.
// When the machine loses power, each change since then has reached the disk or not, or some of its sectors have; later
// ones may have while earlier have not, because a kernel writes back when and in which order it likes. What it writes
// back is the cache: a sector is never newer in one half than in the other. The size of a file is metadata, which
// file systems keep in order: it is what it was after some change, and sectors behind it are gone.
// After a sync that failed the changes it covered count as written and are not (Rebello et al. 2020): reads show them
// until the power fails, and a later sync has nothing to write.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "flywheel/runtime/random.h"
#include "flywheel/runtime/sim/sparse_bytes.h"

namespace flywheel::inline v0::sim {

inline constexpr std::size_t kSectorBytes = 512;  // what a disk writes whole

class DiskFile {
 public:
  // `used` counts the bytes of all files of a disk, in whole blocks.
  explicit DiskFile(std::uint64_t& used) noexcept : used_(used) {}
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;
  ~DiskFile() { SetSize(0); }

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  // How much larger `used` gets when the file grows to `size`.
  [[nodiscard]] std::uint64_t Growth(std::uint64_t size) const noexcept;

  std::size_t Read(std::uint64_t offset, std::span<std::byte> to) const;
  void Write(std::uint64_t offset, std::span<const std::byte> from);
  // Shorter or longer, by zeros.
  void Resize(std::uint64_t size);

  // A sync in two steps: what Begin covers, and then its end.
  using SyncMark = std::uint64_t;
  [[nodiscard]] SyncMark BeginSync() const noexcept { return first_ + changes_.size(); }
  void CompleteSync(SyncMark mark);
  void FailSync(SyncMark mark);

  // The machine loses power; then reads see what has survived.
  void LosePower(Random& random);

  // For who looks from outside.
  [[nodiscard]] std::string Cached() const { return Text(cache_, size_); }
  [[nodiscard]] std::string Durable() const { return Text(durable_, durable_size_); }
  [[nodiscard]] std::size_t unsynced() const noexcept { return changes_.size(); }
  // Changes a byte both in the cache and on the disk.
  void Corrupt(std::uint64_t offset, std::byte flip);

 private:
  using Sector = std::array<std::byte, kSectorBytes>;
  struct Change {
    std::uint64_t offset;
    std::vector<std::byte> bytes;  // none: only the size
    std::uint64_t size_before;
    std::uint64_t size_after;
    bool lost = false;  // a failed sync has covered it: only the size is left to do

    [[nodiscard]] bool cuts() const noexcept { return size_after < size_before; }
  };

  struct Lost {
    Sector content;
    SyncMark change;  // the last one in it
  };

  static std::string Text(const SparseBytes& bytes, std::uint64_t size);
  void SetSize(std::uint64_t size) noexcept;
  void Apply(const Change& change);
  void CutDurable(const Change& change);
  [[nodiscard]] Sector CachedBefore(std::uint64_t sector) const;
  // This change has cut the file off at `size`.
  void CutLost(std::uint64_t size, SyncMark change);

  std::uint64_t& used_;
  SparseBytes cache_;
  std::uint64_t size_ = 0;
  SparseBytes durable_;
  std::uint64_t durable_size_ = 0;
  SyncMark first_ = 0;  // of changes_
  std::deque<Change> changes_;
  // Sectors that the cache has, takes for written, and are not.
  std::map<std::uint64_t, Lost> lost_;
};

}  // namespace flywheel::inline v0::sim
