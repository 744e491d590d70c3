// Faults and crashes of the simulated disk, through the Host's FileSystem as products use it.
#include "flywheel/runtime/sim/disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/runtime/internal/test_sockets.h"
#include "flywheel/runtime/sim/world.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/when.h"

namespace flywheel::inline v0::sim {
namespace {

using internal::AsBytes;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Machine {
  explicit Machine(std::uint64_t seed = 1) : world(seed), host(world.AddHost({.name = "store"})) {}

  template <typename T>
  auto Run(Task<T> task) {
    auto result = world.Run(host, std::move(task));
    if constexpr (std::is_void_v<T>) {
      FW_CHECK(result.ok()) << result;
    } else {
      return result;
    }
  }
  // Writes and perhaps syncs, in one task.
  Status Write(std::string path, std::uint64_t offset, std::string text) {
    return Run(WriteTo(std::move(path), offset, std::move(text), false));
  }
  Status WriteAndSync(std::string path, std::uint64_t offset, std::string text) {
    return Run(WriteTo(std::move(path), offset, std::move(text), true));
  }
  Status Sync(std::string path) {
    return Run([](std::string name) -> Task<Status> {
      FW_CO_ASSIGN_OR_RETURN(const auto file, co_await Files().Open(name, OpenMode::kReadWrite));
      co_return co_await file->Sync();
    }(std::move(path)));
  }
  Status SyncDirectory(std::string path) {
    return Run([](std::string name) -> Task<Status> { co_return co_await Files().SyncDirectory(name); }(path));
  }
  Status Rename(std::string from, std::string to) {
    return Run([](std::string a, std::string b) -> Task<Status> { co_return co_await Files().Rename(a, b); }(from, to));
  }
  Status Remove(std::string path) {
    return Run([](std::string name) -> Task<Status> { co_return co_await Files().Remove(name); }(path));
  }
  StatusOr<std::string> Read(std::string path) {
    return Run([](std::string name) -> Task<StatusOr<std::string>> {
      FW_CO_ASSIGN_OR_RETURN(const auto file, co_await Files().Open(name, OpenMode::kRead));
      FW_CO_ASSIGN_OR_RETURN(const std::uint64_t size, co_await file->Size());
      std::string text(size, '\0');
      FW_CO_ASSIGN_OR_RETURN(const std::size_t count,
                             co_await file->ReadAt(0, std::as_writable_bytes(std::span(text))));
      co_return text.substr(0, count);
    }(std::move(path)));
  }
  void PowerCycle() {
    host.Crash(CrashKind::kMachine);
    host.Restart();
  }

  static FileSystem& Files() { return Context::current().host()->files(); }
  static Task<Status> WriteTo(std::string path, std::uint64_t offset, std::string text, bool sync) {
    FW_CO_ASSIGN_OR_RETURN(const auto file, co_await Files().Open(path, OpenMode::kCreate));
    FW_CO_RETURN_IF_ERROR(co_await file->WriteAt(offset, AsBytes(text)));
    if (sync) co_return co_await file->Sync();
    co_return Status::Ok();
  }

  SimWorld world;
  SimHost& host;
};

// What each of many seeds makes of one experiment.
template <typename Experiment>
std::set<std::string> Outcomes(Experiment experiment) {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Machine machine(seed);
    outcomes.insert(experiment(machine));
  }
  return outcomes;
}

TEST(SimDiskTest, AProcessCrashKeepsThePageCache) {
  Machine machine;
  EXPECT_TRUE(machine.Write("/a", 0, "not synced").ok());
  machine.host.Crash();
  machine.host.Restart();
  EXPECT_EQ(machine.Read("/a").value(), "not synced");
  EXPECT_EQ(machine.host.disk().Durable("/a"), std::nullopt);
}

TEST(SimDiskTest, WhatWasSyncedSurvivesTheMachine) {
  const auto outcomes = Outcomes([](Machine& machine) {
    EXPECT_TRUE(machine.WriteAndSync("/a", 0, "synced").ok());
    EXPECT_TRUE(machine.SyncDirectory("/").ok());
    EXPECT_EQ(machine.host.disk().Durable("/a"), "synced");
    machine.PowerCycle();
    return machine.Read("/a").value();
  });
  EXPECT_EQ(outcomes, std::set<std::string>{"synced"});
}

TEST(SimDiskTest, AFileWhoseDirectoryWasNotSyncedMayBeGone) {
  const auto outcomes = Outcomes([](Machine& machine) {
    EXPECT_TRUE(machine.WriteAndSync("/a", 0, "synced").ok());
    machine.PowerCycle();
    const auto text = machine.Read("/a");
    return text.ok() ? *text : "gone";
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"synced", "gone"}));
}

TEST(SimDiskTest, UnsyncedWritesSurviveInAnyCombination) {
  const auto outcomes = Outcomes([](Machine& machine) {
    EXPECT_TRUE(machine.WriteAndSync("/a", 0, std::string(2048, '.')).ok());
    EXPECT_TRUE(machine.SyncDirectory("/").ok());
    EXPECT_TRUE(machine.Write("/a", 0, "1").ok());
    EXPECT_TRUE(machine.Write("/a", 1024, "2").ok());
    machine.PowerCycle();
    const std::string text = machine.Read("/a").value();
    return std::string() + text[0] + text[1024];
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"..", "1.", ".2", "12"}));
}

TEST(SimDiskTest, WritesAreTornBetweenSectorsAndNowhereElse) {
  const auto outcomes = Outcomes([](Machine& machine) {
    EXPECT_TRUE(machine.WriteAndSync("/a", 0, std::string(1024, '.')).ok());
    EXPECT_TRUE(machine.SyncDirectory("/").ok());
    EXPECT_TRUE(machine.Write("/a", 100, std::string(800, 'x')).ok());
    machine.PowerCycle();
    const std::string text = machine.Read("/a").value();
    EXPECT_EQ(text.substr(0, 100), std::string(100, '.'));
    EXPECT_EQ(text.substr(900), std::string(124, '.'));
    EXPECT_EQ(text.substr(100, 412), std::string(412, text[100]));
    EXPECT_EQ(text.substr(512, 388), std::string(388, text[512]));
    return std::string() + text[100] + text[512];
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"..", "x.", ".x", "xx"}));
}

TEST(SimDiskTest, ASectorIsNeverNewerInOneHalf) {
  const auto outcomes = Outcomes([](Machine& machine) {
    EXPECT_TRUE(machine.WriteAndSync("/a", 0, "....").ok());
    EXPECT_TRUE(machine.SyncDirectory("/").ok());
    EXPECT_TRUE(machine.Write("/a", 0, "1").ok());
    EXPECT_TRUE(machine.Write("/a", 1, "2").ok());
    machine.PowerCycle();
    return machine.Read("/a").value();
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"....", "1...", "12.."}));
}

TEST(SimDiskTest, AnAppendMayLeaveZerosOrNothing) {
  const auto outcomes = Outcomes([](Machine& machine) {
    EXPECT_TRUE(machine.WriteAndSync("/a", 0, std::string(512, '.')).ok());
    EXPECT_TRUE(machine.SyncDirectory("/").ok());
    EXPECT_TRUE(machine.Write("/a", 512, "new").ok());
    machine.PowerCycle();
    return machine.Read("/a").value().substr(512);
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"", "new", std::string("\0\0\0", 3)}));
}

TEST(SimDiskTest, ATruncationMayNotHaveHappenedAndThenNothingBehindIt) {
  const auto outcomes = Outcomes([](Machine& machine) {
    EXPECT_TRUE(machine.WriteAndSync("/a", 0, "old").ok());
    EXPECT_TRUE(machine.SyncDirectory("/").ok());
    machine.Run([]() -> Task<void> {
      const auto file = (co_await Machine::Files().Open("/a", OpenMode::kReadWrite)).value();
      EXPECT_TRUE((co_await file->Truncate(0)).ok());
      EXPECT_TRUE((co_await file->WriteAt(0, AsBytes("fresh"))).ok());
    }());
    machine.PowerCycle();
    return machine.Read("/a").value();
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"old", "", "fresh", std::string("\0\0\0\0\0", 5)}));
}

TEST(SimDiskTest, ASyncCoversWhatHadCompletedWhenItBegan) {
  Machine machine;
  machine.host.disk().SetOptions({.call = microseconds(1), .call_jitter = {}, .sync = seconds(1), .sync_jitter = {}});
  EXPECT_TRUE(machine.WriteAndSync("/a", 0, "......").ok());
  EXPECT_TRUE(machine.SyncDirectory("/").ok());
  machine.Run([]() -> Task<void> {
    const auto file = (co_await Machine::Files().Open("/a", OpenMode::kReadWrite)).value();
    EXPECT_TRUE((co_await file->WriteAt(0, AsBytes("one"))).ok());
    (void)co_await WhenAll([](File& synced) -> Task<void> { EXPECT_TRUE((co_await synced.Sync()).ok()); }(*file),
                           [](File& written) -> Task<void> {
                             EXPECT_TRUE((co_await Sleep(milliseconds(500))).ok());
                             EXPECT_TRUE((co_await written.WriteAt(3, AsBytes("two"))).ok());
                           }(*file));
  }());
  EXPECT_EQ(machine.host.disk().Durable("/a"), "one...");
  EXPECT_EQ(machine.host.disk().Cached("/a"), "onetwo");
}

TEST(SimDiskTest, ASyncThatHadNotEndedProvesNothing) {
  const auto outcomes = Outcomes([](Machine& machine) {
    EXPECT_TRUE(machine.WriteAndSync("/a", 0, "old").ok());
    EXPECT_TRUE(machine.SyncDirectory("/").ok());
    EXPECT_TRUE(machine.Write("/a", 0, "new").ok());
    DiskOptions slow;
    slow.sync = seconds(1);
    machine.host.disk().SetOptions(slow);
    machine.host.Spawn([]() -> Task<void> {
      const auto file = (co_await Machine::Files().Open("/a", OpenMode::kReadWrite)).value();
      (co_await file->Sync()).IgnoreError();
      ADD_FAILURE() << "the power has failed before";
    }());
    machine.world.RunFor(milliseconds(900));
    machine.PowerCycle();
    machine.world.RunFor(seconds(5));
    return machine.Read("/a").value();
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"old", "new"}));
}

TEST(SimDiskTest, ASyncOutlivesTheProcessThatAskedForIt) {
  Machine machine;
  EXPECT_TRUE(machine.Write("/a", 0, "text").ok());
  EXPECT_TRUE(machine.SyncDirectory("/").ok());
  machine.host.Spawn([]() -> Task<void> {
    const auto file = (co_await Machine::Files().Open("/a", OpenMode::kReadWrite)).value();
    (co_await file->Sync()).IgnoreError();
  }());
  DiskOptions slow;
  slow.sync = seconds(1);
  machine.host.disk().SetOptions(slow);
  machine.world.RunFor(milliseconds(500));
  machine.host.Crash();
  EXPECT_EQ(machine.host.disk().Durable("/a"), "");
  machine.world.RunFor(seconds(1));
  EXPECT_EQ(machine.host.disk().Durable("/a"), "text");
}

TEST(SimDiskTest, AFailedSyncIsNotRepairedByAnother) {
  Machine machine;
  EXPECT_TRUE(machine.WriteAndSync("/a", 0, "old").ok());
  EXPECT_TRUE(machine.SyncDirectory("/").ok());
  EXPECT_TRUE(machine.Write("/a", 0, "new").ok());
  machine.host.disk().FailNext(DiskCall::kSync, "/a");
  EXPECT_EQ(machine.Sync("/a").message(), "fdatasync /a: Input/output error (EIO)");
  EXPECT_EQ(machine.Read("/a").value(), "new");
  EXPECT_TRUE(machine.Sync("/a").ok());
  EXPECT_EQ(machine.host.disk().Durable("/a"), "old");
  machine.PowerCycle();
  EXPECT_EQ(machine.Read("/a").value(), "old");
}

TEST(SimDiskTest, WritingOverWhatAFailedSyncLostMakesItDurable) {
  Machine machine;
  EXPECT_TRUE(machine.WriteAndSync("/a", 0, std::string(1024, '.')).ok());
  EXPECT_TRUE(machine.SyncDirectory("/").ok());
  EXPECT_TRUE(machine.Write("/a", 0, "lost").ok());
  EXPECT_TRUE(machine.Write("/a", 600, "lost too").ok());
  machine.host.disk().FailNext(DiskCall::kSync);
  EXPECT_FALSE(machine.Sync("/a").ok());
  // The sector is dirty again, and goes to the disk whole.
  EXPECT_TRUE(machine.WriteAndSync("/a", 4, "+").ok());
  const std::string durable = machine.host.disk().Durable("/a").value();
  EXPECT_EQ(durable.substr(0, 6), "lost+.");
  EXPECT_EQ(durable.substr(600, 8), "........");
}

TEST(SimDiskTest, WhatAFailedSyncLostIsCutOffWithTheFile) {
  Machine machine;
  EXPECT_TRUE(machine.WriteAndSync("/a", 0, std::string(1024, '.')).ok());
  EXPECT_TRUE(machine.SyncDirectory("/").ok());
  EXPECT_TRUE(machine.Write("/a", 512, "lost").ok());
  machine.host.disk().FailNext(DiskCall::kSync);
  EXPECT_FALSE(machine.Sync("/a").ok());
  machine.Run([]() -> Task<void> {
    const auto file = (co_await Machine::Files().Open("/a", OpenMode::kReadWrite)).value();
    EXPECT_TRUE((co_await file->Truncate(514)).ok());
    EXPECT_TRUE((co_await file->WriteAt(515, AsBytes("x"))).ok());
    EXPECT_TRUE((co_await file->Sync()).ok());
  }());
  EXPECT_EQ(machine.host.disk().Durable("/a"), machine.host.disk().Cached("/a"));
  EXPECT_EQ(machine.host.disk().Durable("/a").value().substr(512), std::string("lo\0x", 4));
}

TEST(SimDiskTest, ReadsAndWritesFailOnDemand) {
  Machine machine;
  EXPECT_TRUE(machine.Write("/a", 0, "text").ok());
  machine.host.disk().FailNext(DiskCall::kRead, "/a");
  EXPECT_EQ(machine.Read("/a").status().message(), "pread /a: Input/output error (EIO)");
  EXPECT_EQ(machine.Read("/a").value(), "text");
  machine.host.disk().FailNext(DiskCall::kWrite, "/b");
  EXPECT_TRUE(machine.Write("/a", 4, "more").ok());
  EXPECT_EQ(machine.Write("/b", 0, "text").message(), "pwrite /b: Input/output error (EIO)");
  EXPECT_TRUE(std::string("text").starts_with(machine.Read("/b").value()));
  EXPECT_TRUE(machine.Write("/b", 0, "text").ok());
  machine.host.disk().FailNext(DiskCall::kSync, "/");
  EXPECT_EQ(machine.SyncDirectory("/").message(), "fsync /: Input/output error (EIO)");
}

TEST(SimDiskTest, AFullDiskTakesWhatFits) {
  Machine machine;
  DiskOptions small;
  small.capacity = std::uint64_t{3} * 4096;
  machine.host.disk().SetOptions(small);
  EXPECT_TRUE(machine.Write("/a", 0, std::string(4097, 'a')).ok());
  EXPECT_EQ(machine.host.disk().used_bytes(), 8192U);
  EXPECT_EQ(machine.Write("/b", 0, std::string(5000, 'b')).message(), "pwrite /b: No space left on device (ENOSPC)");
  EXPECT_LE(machine.Read("/b").value().size(), 4096U);
  EXPECT_TRUE(machine.Write("/a", 4097, std::string(4095, 'a')).ok()) << "the block is there already";
  EXPECT_EQ(machine.Write("/c", 0, "c").code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(machine.Remove("/a").ok());
  EXPECT_TRUE(machine.SyncDirectory("/").ok());
  EXPECT_TRUE(machine.Write("/c", 0, std::string(8000, 'c')).ok());
  EXPECT_EQ(machine
                .Run([]() -> Task<Status> {
                  FW_CO_ASSIGN_OR_RETURN(const auto file, co_await Machine::Files().Open("/c", OpenMode::kReadWrite));
                  co_return co_await file->Allocate(20'000);
                }())
                .message(),
            "fallocate /c: No space left on device (ENOSPC)");
}

TEST(SimDiskTest, ASlowDiskTakesLonger) {
  Machine machine;
  machine.host.disk().SetOptions({.call = milliseconds(20),
                                  .call_jitter = milliseconds(1),
                                  .sync = seconds(2),
                                  .sync_jitter = seconds(1),
                                  .bytes_per_second = 1'000'000});
  machine.Run([](SimWorld& world) -> Task<void> {
    const auto file = (co_await Machine::Files().Open("/a", OpenMode::kCreate)).value();
    Instant begin = world.now();
    EXPECT_TRUE((co_await file->WriteAt(0, AsBytes(std::string(100'000, 'x')))).ok());
    EXPECT_GE(world.now() - begin, milliseconds(120));
    EXPECT_LE(world.now() - begin, milliseconds(123));
    begin = world.now();
    EXPECT_TRUE((co_await file->Sync()).ok());
    EXPECT_GE(world.now() - begin, seconds(2));
    EXPECT_LE(world.now() - begin, seconds(3) + milliseconds(2));
  }(machine.world));
}

TEST(SimDiskTest, BitsFlipOnDemand) {
  Machine machine;
  EXPECT_TRUE(machine.WriteAndSync("/a", 0, "abc").ok());
  EXPECT_TRUE(machine.SyncDirectory("/").ok());
  EXPECT_TRUE(machine.host.disk().Corrupt("/a", 1));
  EXPECT_EQ(machine.Read("/a").value(), "acc");
  machine.PowerCycle();
  EXPECT_EQ(machine.Read("/a").value(), "acc");
  EXPECT_FALSE(machine.host.disk().Corrupt("/a", 3));
  EXPECT_FALSE(machine.host.disk().Corrupt("/none", 0));
}

TEST(SimDiskTest, ARenameHasHappenedOrNot) {
  const auto outcomes = Outcomes([](Machine& machine) {
    EXPECT_TRUE(machine.WriteAndSync("/old", 0, "old").ok());
    EXPECT_TRUE(machine.WriteAndSync("/new", 0, "new").ok());
    EXPECT_TRUE(machine.SyncDirectory("/").ok());
    EXPECT_TRUE(machine.Rename("/new", "/old").ok());
    machine.PowerCycle();
    const auto renamed = machine.Read("/new");
    return machine.Read("/old").value() + (renamed.ok() ? " " + *renamed : "");
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"old new", "new"}));
}

TEST(SimDiskTest, AFileThatIsRenamedTwiceIsInOnePlace) {
  const auto outcomes = Outcomes([](Machine& machine) {
    EXPECT_TRUE(machine.WriteAndSync("/a", 0, "x").ok());
    EXPECT_TRUE(machine.SyncDirectory("/").ok());
    EXPECT_TRUE(machine.Rename("/a", "/b").ok());
    EXPECT_TRUE(machine.Rename("/b", "/c").ok());
    machine.PowerCycle();
    std::string places;
    for (const char* const name : {"/a", "/b", "/c"}) places += machine.Read(name).ok() ? name : "";
    return places;
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"/a", "/b", "/c"}));
}

TEST(SimDiskTest, WriteSyncRenameSyncDirectoryIsAtomic) {
  const auto outcomes = Outcomes([](Machine& machine) {
    EXPECT_TRUE(machine.WriteAndSync("/a", 0, "first version").ok());
    EXPECT_TRUE(machine.SyncDirectory("/").ok());
    machine.host.Spawn([]() -> Task<void> {
      for (int version = 2;; ++version) {
        const std::string text = "version " + std::to_string(version);
        EXPECT_TRUE((co_await Machine::WriteTo("/a.new", 0, text, true)).ok());
        EXPECT_TRUE((co_await Machine::Files().Rename("/a.new", "/a")).ok());
        EXPECT_TRUE((co_await Machine::Files().SyncDirectory("/")).ok());
      }
    }());
    machine.world.RunFor(microseconds(machine.world.random().Below(20'000)));
    machine.PowerCycle();
    const std::string text = machine.Read("/a").value();
    return text == "first version" || text.starts_with("version ") ? "whole" : text;
  });
  EXPECT_EQ(outcomes, std::set<std::string>{"whole"});
}

TEST(SimDiskTest, RenamingWithoutSyncingTheContentFirstIsFound) {
  const auto outcomes = Outcomes([](Machine& machine) {
    EXPECT_TRUE(machine.WriteAndSync("/a", 0, "old").ok());
    EXPECT_TRUE(machine.SyncDirectory("/").ok());
    EXPECT_TRUE(machine.Write("/a.new", 0, "new").ok());
    EXPECT_TRUE(machine.Rename("/a.new", "/a").ok());
    EXPECT_TRUE(machine.SyncDirectory("/").ok());
    machine.PowerCycle();
    return machine.Read("/a").value();
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"new", "", std::string("\0\0\0", 3)}));
}

TEST(SimDiskTest, UnsyncedDirectoryChangesSurviveInAnyCombination) {
  const auto outcomes = Outcomes([](Machine& machine) {
    EXPECT_TRUE(machine.Write("/kept", 0, "").ok());
    EXPECT_TRUE(machine.SyncDirectory("/").ok());
    EXPECT_TRUE(machine.Write("/a", 0, "").ok());
    EXPECT_TRUE(machine.Write("/b", 0, "").ok());
    EXPECT_TRUE(machine.Remove("/kept").ok());
    machine.PowerCycle();
    std::string names;
    for (const char* const name : {"/a", "/b", "/kept"}) names += machine.Read(name).ok() ? name : "";
    return names;
  });
  EXPECT_EQ(outcomes, (std::set<std::string>{"", "/a", "/b", "/kept", "/a/b", "/a/kept", "/b/kept", "/a/b/kept"}));
}

TEST(SimDiskTest, SyncingADirectoryLeavesOthersUnsynced) {
  Machine machine;
  machine.Run([]() -> Task<void> {
    FileSystem& files = Machine::Files();
    EXPECT_TRUE((co_await files.MakeDirectory("/x")).ok());
    EXPECT_TRUE((co_await files.MakeDirectory("/y")).ok());
    EXPECT_TRUE((co_await files.SyncDirectory("/")).ok());
    EXPECT_TRUE((co_await files.Open("/x/a", OpenMode::kCreate)).ok());
    EXPECT_TRUE((co_await files.Open("/y/b", OpenMode::kCreate)).ok());
    EXPECT_TRUE((co_await files.SyncDirectory("/x")).ok());
  }());
  EXPECT_TRUE(machine.host.disk().Durable("/x/a").has_value());
  EXPECT_FALSE(machine.host.disk().Durable("/y/b").has_value());
  // A file that moves takes its creation along.
  EXPECT_TRUE(machine.Rename("/y/b", "/x/b").ok());
  EXPECT_TRUE(machine.SyncDirectory("/x").ok());
  EXPECT_TRUE(machine.host.disk().Durable("/x/b").has_value());
  EXPECT_FALSE(machine.host.disk().Durable("/y/b").has_value());
}

TEST(SimDiskTest, CallsOfOneFileInterleave) {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Machine machine(seed);
    machine.Run([]() -> Task<void> {
      const auto file = (co_await Machine::Files().Open("/a", OpenMode::kCreate)).value();
      (void)co_await WhenAll(
          [](File& to) -> Task<void> { EXPECT_TRUE((co_await to.WriteAt(0, AsBytes("1"))).ok()); }(*file),
          [](File& to) -> Task<void> { EXPECT_TRUE((co_await to.WriteAt(0, AsBytes("2"))).ok()); }(*file));
    }());
    outcomes.insert(machine.Read("/a").value());
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"1", "2"}));
}

}  // namespace
}  // namespace flywheel::inline v0::sim
