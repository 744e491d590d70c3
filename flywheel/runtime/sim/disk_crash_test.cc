// After any crash at any moment, what a simulated disk has kept can be explained by what was written, synced and lost.
//
// The model knows nothing of how the disk decides. It keeps, for each sector, every content that the disk may have: all
// that the page cache has had since the sector was last known to be durable.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/runtime/internal/test_sockets.h"
#include "flywheel/runtime/sim/disk.h"
#include "flywheel/runtime/sim/world.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0::sim {
namespace {

constexpr std::size_t kSizeMax = 8 * kSectorBytes;

class Model {
 public:
  // Contents that are known to be on the disk.
  void Know(const std::string& content) {
    *this = Model();
    size_ = content.size();
    cached_.replace(0, content.size(), content);
    sizes_ = {size_};
    for (std::size_t i = 0; i < kSectors; ++i) possible_[i] = {SectorOf(cached_, i)};
  }

  void Write(std::size_t offset, const std::string& text) {
    cached_.replace(offset, text.size(), text);
    Touch(offset, text.size());
    Resized(std::max(size_, offset + text.size()));
  }
  void Truncate(std::size_t size) {
    if (size < size_) {
      std::fill(cached_.begin() + static_cast<std::ptrdiff_t>(size), cached_.end(), '\0');
      Touch(size, kSizeMax - size);
    }
    Resized(size);
  }
  void SyncEnded() {
    sizes_ = {size_};
    for (const std::size_t sector : dirty_) possible_[sector] = {SectorOf(cached_, sector)};
    dirty_.clear();
  }
  void SyncFailed() { dirty_.clear(); }

  [[nodiscard]] std::string cached() const { return cached_.substr(0, size_); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // Why `content` cannot be what is left after a crash; empty if it can.
  [[nodiscard]] std::string WhyNot(const std::string& content) const {
    if (!sizes_.contains(content.size())) return "size " + std::to_string(content.size());
    for (std::size_t i = 0; i * kSectorBytes < content.size(); ++i) {
      const std::string sector = content.substr(i * kSectorBytes, kSectorBytes);
      const bool found = std::ranges::any_of(
          possible_[i], [&](const std::string& image) { return image.substr(0, sector.size()) == sector; });
      if (!found) return "sector " + std::to_string(i);
    }
    return "";
  }
  // For how many sectors the disk had a choice.
  [[nodiscard]] std::size_t choices() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(possible_, [](const auto& images) { return images.size() > 1; }));
  }

 private:
  static constexpr std::size_t kSectors = kSizeMax / kSectorBytes;

  static std::string SectorOf(const std::string& content, std::size_t sector) {
    return content.substr(sector * kSectorBytes, kSectorBytes);
  }
  void Touch(std::size_t offset, std::size_t bytes) {
    if (bytes == 0) return;
    for (std::size_t i = offset / kSectorBytes; i <= (offset + bytes - 1) / kSectorBytes; ++i) {
      possible_[i].insert(SectorOf(cached_, i));
      dirty_.insert(i);
    }
  }
  void Resized(std::size_t size) {
    size_ = size;
    sizes_.insert(size);
  }

  std::size_t size_ = 0;
  std::string cached_ = std::string(kSizeMax, '\0');
  std::set<std::size_t> sizes_ = {0};
  std::vector<std::set<std::string>> possible_{kSectors, {std::string(kSectorBytes, '\0')}};
  std::set<std::size_t> dirty_;
};

// Works on a file until the power fails, and tells the model what it is about to do and what has succeeded.
Task<void> Work(std::string path, Random random, SimDisk& disk, Model& model) {
  const auto file = (co_await Context::current().host()->files().Open(path, OpenMode::kCreate)).value();
  for (int step = 0;; ++step) {
    const std::size_t offset = random.Below(kSizeMax);
    switch (random.Below(8)) {
      case 0: {
        model.Truncate(offset);
        EXPECT_TRUE((co_await file->Truncate(offset)).ok());
        break;
      }
      case 1: {
        model.Truncate(std::max(offset + 1, model.size()));
        EXPECT_TRUE((co_await file->Allocate(offset + 1)).ok());
        break;
      }
      case 2: {
        const bool fails = random.Below(4) == 0;
        if (fails) disk.FailNext(DiskCall::kSync, path);
        const Status status = co_await file->Sync();
        // A fault may be left from before a crash.
        EXPECT_FALSE(fails && status.ok());
        if (status.ok()) {
          model.SyncEnded();
        } else {
          model.SyncFailed();
        }
        break;
      }
      default: {
        const std::size_t most = std::min<std::size_t>(kSizeMax - offset, random.Below(2) == 0 ? 40 : 2000);
        const std::string text(1 + random.Below(most), static_cast<char>('a' + step % 26));
        model.Write(offset, text);
        EXPECT_TRUE((co_await file->WriteAt(offset, internal::AsBytes(text))).ok());
      }
    }
    std::string content(kSizeMax, '\0');
    const auto count = co_await file->ReadAt(0, std::as_writable_bytes(std::span(content)));
    EXPECT_EQ(content.substr(0, count.value()), model.cached());
  }
}

Task<void> MakeFile(std::string path) {
  FileSystem& files = Context::current().host()->files();
  EXPECT_TRUE((co_await files.Open(path, OpenMode::kCreate)).ok());
  EXPECT_TRUE((co_await files.SyncDirectory("/")).ok());
}

struct Tally {
  int crashes = 0;
  std::size_t choices = 0;
  int newest = 0;
  int oldest = 0;
};

// Several crashes of one machine, processes and power, with two files worked on at once. Empty if all was as it must
// be.
std::string CrashAndLook(std::uint64_t seed, Tally& tally) {
  SimWorld world(seed);
  SimHost& host = world.AddHost();
  std::map<std::string, Model> models;
  for (const char* const path : {"/a", "/b"}) {
    EXPECT_TRUE(world.Run(host, MakeFile(path)).ok());
    models[path].Know("");
  }
  for (int life = 0; life < 4; ++life) {
    for (auto& [path, model] : models) host.Spawn(Work(path, world.random().Fork(), host.disk(), model));
    world.RunFor(std::chrono::microseconds(world.random().Below(40'000)));
    const bool power = world.random().Below(3) != 0;
    std::map<std::string, std::string> cached;
    std::map<std::string, std::string> durable;
    for (auto& [path, model] : models) {
      cached[path] = host.disk().Cached(path).value();
      durable[path] = host.disk().Durable(path).value();
      if (const std::string why = model.WhyNot(durable[path]); !why.empty()) return path + " is durable: " + why;
    }
    host.Crash(power ? CrashKind::kMachine : CrashKind::kProcess);
    for (auto& [path, model] : models) {
      const std::string left = host.disk().Cached(path).value();
      if (!power && left != cached[path]) return path + " changed when a process crashed";
      if (!power) continue;
      if (const std::string why = model.WhyNot(left); !why.empty()) return path + ": " + why;
      if (host.disk().Durable(path) != left) return path + " is not durable after the crash";
      ++tally.crashes;
      tally.choices += model.choices();
      tally.newest += left == cached[path] && left != durable[path] ? 1 : 0;
      tally.oldest += left == durable[path] && left != cached[path] ? 1 : 0;
    }
    host.Restart();
    // What a dead process left in the page cache is as unsynced as before, and what it had under way may have happened.
    if (!power) host.Crash(CrashKind::kMachine), host.Restart();
    for (auto& [path, model] : models) model.Know(host.disk().Cached(path).value());
  }
  return "";
}

RC_GTEST_PROP(SimDiskCrashTest, WhatIsLeftCanBeExplained, (std::uint64_t seed)) {
  Tally tally;
  const std::string wrong = CrashAndLook(seed, tally);
  RC_ASSERT(wrong == "");
}

// The property would also hold for a disk that never loses anything, or always everything.
TEST(SimDiskCrashTest, DecidesInAllWays) {
  Tally tally;
  for (std::uint64_t seed = 0; seed < 200; ++seed) EXPECT_EQ(CrashAndLook(seed, tally), "") << seed;
  EXPECT_GT(tally.crashes, 300);
  EXPECT_GT(tally.choices, 500U);
  EXPECT_GT(tally.newest, 10);
  EXPECT_GT(tally.oldest, 10);
  EXPECT_LT(tally.newest + tally.oldest, tally.crashes * 3 / 4);
}

}  // namespace
}  // namespace flywheel::inline v0::sim
