#include "flywheel/runtime/extension.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "flywheel/runtime/internal/test_host.h"

namespace flywheel::inline v0 {
namespace {

struct Owner {
  explicit Owner(std::string& l) : log(l) {}
  std::string& log;
  std::atomic<int> made = 0;
  Extensions extensions;
};

struct First final : Extension {
  static constexpr ExtensionSlot kSlot = ExtensionSlot::kMetrics;
  explicit First(Owner& o) : owner(o) { ++owner.made; }
  ~First() override { owner.log += "first "; }
  Owner& owner;
};

struct Second final : Extension {
  static constexpr ExtensionSlot kSlot = ExtensionSlot::kTracing;
  explicit Second(Owner& o) : owner(o), first(o.extensions.Get<First>(o)) {}
  ~Second() override { owner.log += "second "; }
  Owner& owner;
  First& first;
};

TEST(ExtensionsTest, APartIsMadeOnceAndFoundAgain) {
  std::string log;
  Owner owner(log);
  EXPECT_EQ(owner.extensions.Find<First>(), nullptr);
  First& first = owner.extensions.Get<First>(owner);
  EXPECT_EQ(&owner.extensions.Get<First>(owner), &first);
  EXPECT_EQ(owner.extensions.Find<First>(), &first);
  EXPECT_EQ(owner.made, 1);
}

TEST(ExtensionsTest, WhatAPartAskedForOutlivesIt) {
  std::string log;
  {
    Owner owner(log);
    EXPECT_EQ(&owner.extensions.Get<Second>(owner).first, owner.extensions.Find<First>());
  }
  EXPECT_EQ(log, "second first ");
}

struct Plain final : Extension {
  static constexpr ExtensionSlot kSlot = ExtensionSlot::kLogging;
  explicit Plain(Extensions&) {}
};

TEST(ExtensionsTest, ThreadsThatAskAtOnceGetTheSame) {
  for (int round = 0; round < 200; ++round) {
    Extensions extensions;
    std::array<Plain*, 3> got{};
    {
      std::vector<std::jthread> threads;
      for (Plain*& place : got) threads.emplace_back([&] { place = &extensions.Get<Plain>(extensions); });
    }
    EXPECT_EQ(got[0], got[1]);
    EXPECT_EQ(got[1], got[2]);
  }
}

struct OfHost final : Extension {
  static constexpr ExtensionSlot kSlot = ExtensionSlot::kMetrics;
  explicit OfHost(Host& h) : host(h) {}
  Host& host;
};
struct OfLoop final : Extension {
  static constexpr ExtensionSlot kSlot = ExtensionSlot::kMetrics;
  explicit OfLoop(Loop& l) : loop(l) {}
  Loop& loop;
};

TEST(ExtensionsTest, HostsAndLoopsHaveTheirOwn) {
  internal::OneHost one;
  Host& host = one.host.host();
  Loop& loop = one.host.loop();
  EXPECT_EQ(host.Find<OfHost>(), nullptr);
  EXPECT_EQ(&host.Get<OfHost>().host, &host);
  EXPECT_EQ(&loop.Get<OfLoop>().loop, &loop);
  EXPECT_EQ(host.Find<OfHost>(), &host.Get<OfHost>());
}

}  // namespace
}  // namespace flywheel::inline v0
