#include "flywheel/runtime/sim/disk_file.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace flywheel::inline v0::sim {
namespace {

constexpr std::uint64_t kBlockBytes = 4096;

constexpr std::uint64_t Blocks(std::uint64_t size) noexcept { return (size + kBlockBytes - 1) / kBlockBytes; }

// Copies what of a write at `offset` falls into a sector.
void Overlay(std::span<std::byte> sector, std::uint64_t number, std::uint64_t offset,
             std::span<const std::byte> bytes) {
  const std::uint64_t begin = std::max(number * kSectorBytes, offset);
  const std::uint64_t end = std::min((number + 1) * kSectorBytes, offset + bytes.size());
  std::memcpy(sector.data() + (begin - number * kSectorBytes), bytes.data() + (begin - offset), end - begin);
}

constexpr std::uint64_t NextSector(std::uint64_t offset) noexcept {
  return (offset + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
}

// What of a sector lies behind the end of a file is zero.
void ZeroBehind(std::span<std::byte> sector, std::uint64_t number, std::uint64_t size) {
  const std::uint64_t begin = number * kSectorBytes;
  const std::size_t kept =
      size <= begin ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(size - begin, kSectorBytes));
  std::ranges::fill(sector.subspan(kept), std::byte{0});
}

// Calls `visit` with the number of each sector that a write touches.
template <typename Visit>
void ForEachSector(std::uint64_t offset, std::size_t bytes, Visit visit) {
  if (bytes == 0) return;
  for (std::uint64_t number = offset / kSectorBytes; number <= (offset + bytes - 1) / kSectorBytes; ++number) {
    visit(number);
  }
}

}  // namespace

void DiskFile::SetSize(std::uint64_t size) noexcept {
  used_ = used_ - Blocks(size_) * kBlockBytes + Blocks(size) * kBlockBytes;
  size_ = size;
}

std::uint64_t DiskFile::Growth(std::uint64_t size) const noexcept {
  return Blocks(size) > Blocks(size_) ? (Blocks(size) - Blocks(size_)) * kBlockBytes : 0;
}

std::string DiskFile::Text(const SparseBytes& bytes, std::uint64_t size) {
  std::string text(size, '\0');
  bytes.Read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

std::size_t DiskFile::Read(std::uint64_t offset, std::span<std::byte> to) const {
  if (offset >= size_) return 0;
  to = to.first(static_cast<std::size_t>(std::min<std::uint64_t>(to.size(), size_ - offset)));
  cache_.Read(offset, to);
  return to.size();
}

void DiskFile::Write(std::uint64_t offset, std::span<const std::byte> from) {
  if (from.empty()) return;
  cache_.Write(offset, from);
  const std::uint64_t size_before = size_;
  SetSize(std::max(size_, offset + from.size()));
  changes_.push_back({.offset = offset,
                      .bytes = std::vector<std::byte>(from.begin(), from.end()),
                      .size_before = size_before,
                      .size_after = size_});
}

void DiskFile::Resize(std::uint64_t size) {
  if (size == size_) return;
  if (size < size_) cache_.ZeroFrom(size);
  changes_.push_back({.offset = 0, .bytes = {}, .size_before = size_, .size_after = size});
  SetSize(size);
}

DiskFile::Sector DiskFile::CachedBefore(std::uint64_t sector) const {
  if (const auto found = lost_.find(sector); found != lost_.end()) return found->second.content;
  Sector content;
  durable_.Read(sector * kSectorBytes, content);
  return content;
}

void DiskFile::CutLost(std::uint64_t size, SyncMark change) {
  for (auto entry = lost_.lower_bound(size / kSectorBytes); entry != lost_.end();) {
    if (entry->second.change > change) {
      ++entry;
    } else if (entry->first * kSectorBytes < size) {
      ZeroBehind(entry->second.content, entry->first, size);
      ++entry;
    } else {
      entry = lost_.erase(entry);
    }
  }
}

void DiskFile::CutDurable(const Change& change) {
  // The sector in which the file now ends is a write of its own; if that was lost, old bytes stay behind the end.
  durable_.ZeroFrom(change.lost ? NextSector(change.size_after) : change.size_after);
}

void DiskFile::Apply(const Change& change) {
  // A sector is written back whole, with what an earlier sync has lost of it.
  const auto write_back = [this](std::uint64_t number) {
    const auto lost = lost_.find(number);
    if (lost == lost_.end()) return;
    durable_.Write(number * kSectorBytes, lost->second.content);
    lost_.erase(lost);
  };
  if (change.cuts()) {
    CutLost(change.size_after, first_);
    if (!change.lost && change.size_after % kSectorBytes != 0) write_back(change.size_after / kSectorBytes);
    CutDurable(change);
  }
  durable_size_ = change.size_after;
  ForEachSector(change.offset, change.bytes.size(), write_back);
  durable_.Write(change.offset, change.bytes);
}

void DiskFile::CompleteSync(SyncMark mark) {
  for (; first_ < mark; ++first_) {
    Apply(changes_.front());
    changes_.pop_front();
  }
}

void DiskFile::FailSync(SyncMark mark) {
  // Sizes are the journal's business and stay as unsynced as they were, so the disk has not cut the file off yet.
  std::uint64_t size = std::numeric_limits<std::uint64_t>::max();
  for (SyncMark index = first_; index < mark; ++index) {
    Change& change = changes_[static_cast<std::size_t>(index - first_)];
    const auto lose = [&](std::uint64_t number) -> Sector& {
      const auto [entry, first] = lost_.try_emplace(number);
      if (first) {
        durable_.Read(number * kSectorBytes, entry->second.content);
        ZeroBehind(entry->second.content, number, size);
      }
      entry->second.change = index;
      return entry->second.content;
    };
    if (change.cuts()) {
      size = std::min(size, change.size_after);
      if (!change.lost && change.size_after % kSectorBytes != 0) lose(change.size_after / kSectorBytes);
      CutLost(change.size_after, index);
    }
    ForEachSector(change.offset, change.bytes.size(),
                  [&](std::uint64_t number) { Overlay(lose(number), number, change.offset, change.bytes); });
    change.bytes.clear();
    change.lost = true;
  }
}

void DiskFile::LosePower(Random& random) {
  const SyncMark end = first_ + changes_.size();
  const SyncMark sized_end = first_ + random.Below(changes_.size() + 1);  // before it, the file's size has followed
  std::map<std::uint64_t, Sector> cached;                                 // as the cache had it after each change
  const auto cache = [&](std::uint64_t number) -> Sector& {
    const auto [entry, first] = cached.try_emplace(number);
    if (first) entry->second = CachedBefore(number);
    return entry->second;
  };
  // From here on the file was cut off in the cache, but not on the disk: what was written there later had blocks of its
  // own, which nothing leads to.
  std::uint64_t cut_off = std::numeric_limits<std::uint64_t>::max();
  for (; first_ < end; ++first_) {
    const Change& change = changes_.front();
    const bool sized = first_ < sized_end;
    if (sized) durable_size_ = change.size_after;
    if (change.cuts()) {
      const std::uint64_t boundary = change.size_after / kSectorBytes;
      CutLost(change.size_after, first_);
      cached.erase(cached.lower_bound(boundary + 1), cached.end());
      if (!change.lost) {
        Sector& last = cache(boundary);
        ZeroBehind(last, boundary, change.size_after);
        // Written before the size, or old bytes could come back behind it.
        if (sized) durable_.Write(boundary * kSectorBytes, last);
      }
      if (sized) CutDurable(change);
      if (!sized) cut_off = std::min(cut_off, boundary);
    }
    const std::uint64_t fate = random.Below(8);  // 0 to 2: all of it is kept; 3 to 5: nothing; else each sector draws
    ForEachSector(change.offset, change.bytes.size(), [&](std::uint64_t number) {
      Sector& sector = cache(number);
      Overlay(sector, number, change.offset, change.bytes);
      const bool kept = fate < 3 || (fate > 5 && random.Below(2) == 0);
      if (kept && number < cut_off) durable_.Write(number * kSectorBytes, sector);
    });
    changes_.pop_front();
  }
  durable_.ZeroFrom(durable_size_);
  lost_.clear();
  cache_ = durable_;
  SetSize(durable_size_);
}

void DiskFile::Corrupt(std::uint64_t offset, std::byte flip) {
  for (SparseBytes* const bytes : {&cache_, &durable_}) {
    std::byte value{};
    bytes->Read(offset, {&value, 1});
    value ^= flip;
    bytes->Write(offset, {&value, 1});
  }
}

}  // namespace flywheel::inline v0::sim
