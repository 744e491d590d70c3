// The same seed gives the same history, byte for byte, wherever things lie in memory: with every part of the simulation
// at work at once.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/runtime/internal/test_sockets.h"
#include "flywheel/runtime/sim/disk.h"
#include "flywheel/runtime/sim/fabric.h"
#include "flywheel/runtime/sim/world.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0::sim {
namespace {

using internal::AsBytes;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// What happened, as the hosts saw it.
class Log {
 public:
  void Add(std::string_view who, std::string_view what) {
    const Instant now = Context::current().host()->clock().Now();
    text_.append(std::to_string(now.time_since_epoch().count())).append(" ").append(who).append(" ").append(what);
    text_.append("\n");
  }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

// Appends what it receives to a file, syncs, and answers with the size.
Task<void> Append(std::unique_ptr<Socket> socket, File& file, std::uint64_t& size, Log& log) {
  const std::string name = Context::current().host()->name();
  for (;;) {
    const std::string text = co_await internal::NextRead(*socket, 200);
    log.Add(name, "got " + text);
    if (text == "0" || text.starts_with("E")) co_return;
    const std::uint64_t offset = std::exchange(size, size + text.size());
    const Status written = co_await file.WriteAt(offset, AsBytes(text));
    const Status synced = co_await file.Sync();
    log.Add(name, written.ToString() + " " + synced.ToString());
    if (!(co_await socket->WriteAll(AsBytes(std::to_string(size) + "\n"))).ok()) co_return;
  }
}

Task<void> Serve(Log& log) {
  Host& host = *Context::current().host();
  const auto file = co_await host.files().Open("/log", OpenMode::kCreate);
  const auto listener = host.network().Listen(internal::ParseEndpoint("0.0.0.0:80"));
  if (!file.ok() || !listener.ok()) co_return;
  std::uint64_t size = (co_await (*file)->Size()).value();
  log.Add(host.name(), "starts with " + std::to_string(size));
  TaskGroup connections;
  for (;;) {
    auto socket = co_await (*listener)->Accept();
    if (!socket.ok()) break;
    log.Add(host.name(), "accepted " + (*socket)->peer().ToString());
    connections.Spawn(Append(*std::move(socket), **file, size, log));
  }
  (co_await connections.Join()).IgnoreError();
}

Task<void> Ask(Log& log) {
  Host& host = *Context::current().host();
  Random random = host.NewRandom();
  for (;;) {
    const auto endpoints = co_await host.resolver().Resolve("log.internal", 80);
    if (endpoints.ok()) {
      const auto socket = co_await host.network().Connect(endpoints->front());
      log.Add(host.name(), socket.ok() ? (*socket)->local().ToString() : socket.status().ToString());
      for (int call = 0; socket.ok() && call < 5; ++call) {
        const std::string text(1 + random.Below(500), static_cast<char>('a' + random.Below(26)));
        const Status sent = co_await (*socket)->WriteAll(AsBytes(text));
        log.Add(host.name(), sent.ok() ? co_await internal::NextRead(**socket) : sent.ToString());
      }
    } else {
      log.Add(host.name(), endpoints.status().ToString());
    }
    if (!(co_await Sleep(microseconds(random.Below(5000)))).ok()) co_return;
  }
}

struct History {
  std::uint64_t hash;
  std::uint64_t steps;
  std::string log;
  bool operator==(const History&) const = default;
};

History Live(std::uint64_t seed) {
  SimWorld world(seed);
  Log log;
  SimFabric& network = world.network();
  network.SetTcp({.buffer_min = 256, .timeout = milliseconds(800), .syn_retries = 1});
  std::vector<SimHost*> hosts;
  for (int i = 0; i < 5; ++i) hosts.push_back(&world.AddHost({.loops = 1 + i % 2}));
  const auto start = [&](SimHost& host) {
    if (host.index() < 2) {
      host.Spawn(Serve(log));
    } else {
      host.Spawn(Ask(log));
    }
  };
  network.SetName("log.internal", {hosts[0], hosts[1]});
  network.SetResolver({.stale = milliseconds(50)});
  for (SimHost* const host : hosts) start(*host);
  Random& random = world.random();
  for (int i = 0; i < 40; ++i) {
    world.RunFor(microseconds(random.Below(50'000)));
    SimHost& host = *hosts[random.Below(hosts.size())];
    SimHost& other = *hosts[random.Below(hosts.size())];
    switch (random.Below(9)) {
      case 0:
        network.Partition(host, other, random.Below(2) == 0 ? Way::kBoth : Way::kOneWay);
        break;
      case 1:
        network.Heal();
        break;
      case 2:
        host.Crash(random.Below(2) == 0 ? CrashKind::kProcess : CrashKind::kMachine);
        host.Restart();
        start(host);
        break;
      case 3:
        host.disk().FailNext(random.Below(2) == 0 ? DiskCall::kSync : DiskCall::kWrite);
        break;
      case 4:
        if (const auto connections = network.Connections(); !connections.empty()) {
          network.Cut(connections[random.Below(connections.size())].id);
        }
        break;
      case 5:
        network.SetName("log.internal", {hosts[random.Below(2)]});
        break;
      case 6:
        host.Stall(milliseconds(random.Below(100)));
        break;
      case 7:
        network.SlowDown(host, milliseconds(random.Below(5)));
        break;
      default:
        host.JumpWall(std::chrono::hours(1));
    }
  }
  for (int i = 0; i < 2; ++i) world.Note(hosts[static_cast<std::size_t>(i)]->disk().Cached("/log").value_or("none"));
  return {.hash = world.history_hash(), .steps = world.steps(), .log = log.text()};
}

// Blocks of all sizes, some of which are given back: what is allocated next lies elsewhere than before.
std::vector<std::unique_ptr<char[]>> DisturbHeap(std::uint64_t seed) {
  Random random(seed);
  std::vector<std::unique_ptr<char[]>> blocks;
  for (int i = 0; i < 2000; ++i) blocks.push_back(std::make_unique<char[]>(1 + random.Below(4000)));
  for (std::size_t left = blocks.size(); left > 1; --left) std::swap(blocks[left - 1], blocks[random.Below(left)]);
  blocks.resize(blocks.size() / 2);
  return blocks;
}

TEST(SimDeterminismTest, TheSameSeedGivesTheSameHistoryInAnotherHeap) {
  std::uint64_t steps = 0;
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    const History first = Live(seed);
    const auto disturbance = DisturbHeap(seed);
    const History second = Live(seed);
    ASSERT_EQ(first.log, second.log) << "seed " << seed;
    ASSERT_EQ(first, second) << "seed " << seed;
    EXPECT_GT(first.log.size(), 1000U);
    steps += first.steps;
  }
  EXPECT_GT(steps, 10'000U);
}

TEST(SimDeterminismTest, AnotherSeedGivesAnother) {
  const History first = Live(1);
  const History second = Live(2);
  EXPECT_NE(first.hash, second.hash);
  EXPECT_NE(first.log, second.log);
}

}  // namespace
}  // namespace flywheel::inline v0::sim
