#include "flywheel/runtime/cpus.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace flywheel::inline v0 {
namespace {

using Files = std::map<std::string, std::string, std::less<>>;

std::optional<double> QuotaIn(const Files& files) {
  const auto read = [](std::string_view path, const void* argument) -> std::optional<std::string> {
    const auto& all = *static_cast<const Files*>(argument);
    const auto found = all.find(path);
    return found == all.end() ? std::nullopt : std::optional(found->second);
  };
  return CgroupCpuQuota(read, &files);
}

constexpr const char* kMountV2 =
    "24 30 0:22 / /proc rw,nosuid shared:5 - proc proc rw\n"
    "31 24 0:27 / /sys/fs/cgroup rw,nosuid,nodev shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* kMountV1 =
    "40 30 0:30 / /sys/fs/cgroup/cpuset rw shared:11 - cgroup cgroup rw,cpuset\n"
    "41 30 0:31 / /sys/fs/cgroup/cpu,cpuacct rw shared:12 - cgroup cgroup rw,cpu,cpuacct\n";

TEST(CpusTest, NothingToReadIsNoQuota) {
  EXPECT_EQ(QuotaIn({}), std::nullopt);
  EXPECT_EQ(QuotaIn({{"/proc/self/mountinfo", kMountV2}}), std::nullopt);
  EXPECT_EQ(QuotaIn({{"/proc/self/cgroup", "0::/\n"}}), std::nullopt);
  EXPECT_EQ(QuotaIn({{"/proc/self/mountinfo", kMountV2}, {"/proc/self/cgroup", "0::/a\n"}}), std::nullopt);
}

TEST(CpusTest, Version2) {
  EXPECT_EQ(QuotaIn({{"/proc/self/mountinfo", kMountV2},
                     {"/proc/self/cgroup", "0::/shop.slice\n"},
                     {"/sys/fs/cgroup/shop.slice/cpu.max", "150000 100000\n"}}),
            1.5);
  EXPECT_EQ(QuotaIn({{"/proc/self/mountinfo", kMountV2},
                     {"/proc/self/cgroup", "0::/shop.slice\n"},
                     {"/sys/fs/cgroup/shop.slice/cpu.max", "max 100000\n"}}),
            std::nullopt);
}

TEST(CpusTest, SmallestQuotaOnTheWayToTheRootCounts) {
  EXPECT_EQ(QuotaIn({{"/proc/self/mountinfo", kMountV2},
                     {"/proc/self/cgroup", "0::/a/b/c\n"},
                     {"/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n"},
                     {"/sys/fs/cgroup/a/b/cpu.max", "800000 100000\n"},
                     {"/sys/fs/cgroup/a/cpu.max", "300000 100000\n"}}),
            3.0);
  EXPECT_EQ(QuotaIn({{"/proc/self/mountinfo", kMountV2},
                     {"/proc/self/cgroup", "0::/a/b\n"},
                     {"/sys/fs/cgroup/a/b/cpu.max", "50000 100000\n"},
                     {"/sys/fs/cgroup/cpu.max", "400000 100000\n"}}),
            0.5);
}

TEST(CpusTest, Version1) {
  const Files files = {{"/proc/self/mountinfo", kMountV1},
                       {"/proc/self/cgroup", "12:cpuset:/other\n4:cpu,cpuacct:/docker/abc\n0::/elsewhere\n"},
                       {"/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "250000\n"},
                       {"/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n"},
                       {"/sys/fs/cgroup/cpuset/other/cpu.cfs_quota_us", "100000\n"},
                       {"/sys/fs/cgroup/cpuset/other/cpu.cfs_period_us", "100000\n"}};
  EXPECT_EQ(QuotaIn(files), 2.5);
  Files unlimited = files;
  unlimited["/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us"] = "-1\n";
  EXPECT_EQ(QuotaIn(unlimited), std::nullopt);
}

// cpuacct alone is not cpu.
TEST(CpusTest, ControllerNamesAreWhole) {
  EXPECT_EQ(QuotaIn({{"/proc/self/mountinfo", "41 30 0:31 / /c rw shared:12 - cgroup cgroup rw,cpuacct\n"},
                     {"/proc/self/cgroup", "4:cpuacct:/a\n"},
                     {"/c/a/cpu.cfs_quota_us", "100000\n"},
                     {"/c/a/cpu.cfs_period_us", "100000\n"}}),
            std::nullopt);
}

TEST(CpusTest, HybridTakesTheSmallerOfBoth) {
  EXPECT_EQ(
      QuotaIn({{"/proc/self/mountinfo",
                std::string(kMountV1) + "50 30 0:33 / /sys/fs/cgroup/unified rw shared:13 - cgroup2 cgroup2 rw\n"},
               {"/proc/self/cgroup", "4:cpu,cpuacct:/a\n0::/b\n"},
               {"/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "400000"},
               {"/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000"},
               {"/sys/fs/cgroup/unified/b/cpu.max", "200000 100000\n"}}),
      2.0);
}

TEST(CpusTest, ContainerSeesItsPartOfTheTreeAtTheTop) {
  const std::string mount = "41 30 0:31 /docker/abc /sys/fs/cgroup/cpu rw shared:12 - cgroup cgroup rw,cpu\n";
  EXPECT_EQ(QuotaIn({{"/proc/self/mountinfo", mount},
                     {"/proc/self/cgroup", "4:cpu:/docker/abc/inner\n"},
                     {"/sys/fs/cgroup/cpu/inner/cpu.cfs_quota_us", "600000\n"},
                     {"/sys/fs/cgroup/cpu/inner/cpu.cfs_period_us", "100000\n"},
                     {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n"},
                     {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}),
            3.0);
  EXPECT_EQ(QuotaIn({{"/proc/self/mountinfo", mount},
                     {"/proc/self/cgroup", "4:cpu:/docker/abc\n"},
                     {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n"},
                     {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}),
            3.0);
  // A neighbour whose name begins alike is no part of it; what is mounted still holds.
  EXPECT_EQ(QuotaIn({{"/proc/self/mountinfo", mount},
                     {"/proc/self/cgroup", "4:cpu:/docker/abcdef\n"},
                     {"/sys/fs/cgroup/cpudef/cpu.cfs_quota_us", "100000\n"},
                     {"/sys/fs/cgroup/cpudef/cpu.cfs_period_us", "100000\n"},
                     {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n"},
                     {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}),
            3.0);
}

TEST(CpusTest, MountPointsAreUnescaped) {
  EXPECT_EQ(QuotaIn({{"/proc/self/mountinfo", "31 24 0:27 / /my\\040groups rw shared:9 - cgroup2 cgroup2 rw\n"},
                     {"/proc/self/cgroup", "0::/a\n"},
                     {"/my groups/a/cpu.max", "200000 100000\n"}}),
            2.0);
}

TEST(CpusTest, WhatMakesNoSenseIsNoQuota) {
  for (const char* const text :
       {"", "\n", "max", "max max", "100000", "100000 0", "-100000 100000", "0 100000", "x y", "1e999 1", "inf 100000",
        "nan 100000", "100000 nan", "100000 -1", "1 2 3", "100000 100000x"}) {
    EXPECT_EQ(
        QuotaIn(
            {{"/proc/self/mountinfo", kMountV2}, {"/proc/self/cgroup", "0::/a\n"}, {"/sys/fs/cgroup/a/cpu.max", text}}),
        std::nullopt)
        << text;
  }
  for (const char* const cgroup : {"", "\n", "0", "0:", "0::", ":::", "0::relative", "a\nb\nc", "0::/\n0::/\n"}) {
    EXPECT_EQ(QuotaIn({{"/proc/self/mountinfo", kMountV2}, {"/proc/self/cgroup", cgroup}}), std::nullopt) << cgroup;
  }
  for (const char* const mounts :
       {"", " - ", "- cgroup2", "1 2 3 - cgroup2 x", "1 2 3 / /x rw - \n", " -  - cgroup2"}) {
    EXPECT_EQ(QuotaIn({{"/proc/self/mountinfo", mounts}, {"/proc/self/cgroup", "0::/a\n"}}), std::nullopt) << mounts;
  }
}

TEST(CpusTest, ThisMachineHasAtLeastOne) {
  EXPECT_GE(CpusAvailable(), 1);
  EXPECT_LE(CpusAvailable(), 1024);
}

}  // namespace
}  // namespace flywheel::inline v0
