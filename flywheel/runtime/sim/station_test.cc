// What crashes do to connections: of a process, whose kernel cleans up, and of a machine, which says nothing.
#include "flywheel/runtime/sim/station.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/runtime/internal/test_net.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0::sim {
namespace {

using internal::AsBytes;
using internal::NextRead;
using internal::ReadAll;
using internal::TryRead;
using internal::TryWrite;
using internal::TwoHosts;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Accepts one connection, reads `bytes` of it, and keeps it until the host crashes.
Task<void> HoldOne(Endpoint where, std::size_t bytes, std::string reply = {}) {
  const auto listener = Context::current().host()->network().Listen(where).value();
  const auto socket = (co_await listener->Accept()).value();
  if (!reply.empty()) EXPECT_TRUE((co_await socket->WriteAll(AsBytes(reply))).ok());
  std::string buffer(1, '\0');
  for (std::size_t got = 0; got < bytes; ++got) {
    EXPECT_TRUE((co_await socket->Read(std::as_writable_bytes(std::span(buffer)))).ok());
  }
  EXPECT_FALSE((co_await Sleep(std::chrono::hours(1000))).ok());
}

std::unique_ptr<Socket> Dial(TwoHosts& net) { return net.Run(net.client, TwoHosts::Dial(net.endpoint())).value(); }

TEST(SimStationTest, OfAProcessEndsItsStreams) {
  TwoHosts net;
  net.server.Spawn(HoldOne(net.endpoint(), 0));
  const auto socket = Dial(net);
  net.world.RunFor(seconds(1));
  net.server.Crash();
  EXPECT_EQ(net.Run(net.client, NextRead(*socket)), "0");
  EXPECT_EQ(TryWrite(*socket, "x"), "1");
  net.world.RunFor(seconds(1));
  EXPECT_EQ(TryWrite(*socket, "x"), "EPIPE") << "the kernel has answered with a reset";
}

TEST(SimStationTest, OfAProcessThatHadNotReadEverythingResets) {
  TwoHosts net;
  net.server.Spawn(HoldOne(net.endpoint(), 3));
  const auto socket = Dial(net);
  EXPECT_EQ(TryWrite(*socket, "abcdef"), "6");
  net.world.RunFor(seconds(1));
  net.server.Crash();
  EXPECT_EQ(net.Run(net.client, NextRead(*socket)), "ECONNRESET");
}

TEST(SimStationTest, OfAProcessDeliversWhatItHadWritten) {
  TwoHosts net;
  const std::string reply(100'000, 'r');
  net.network().SetTcp({.buffer_min = 200'000, .buffer_max = 200'000});
  net.server.Spawn(HoldOne(net.endpoint(), 0, reply));
  const auto socket = Dial(net);
  net.world.RunFor(internal::kLatency + milliseconds(1) / 2);
  net.server.Crash();
  EXPECT_EQ(net.Run(net.client, ReadAll(*socket)), reply);
}

TEST(SimStationTest, OfAProcessRefusesUntilItListensAgain) {
  TwoHosts net;
  net.server.Spawn(HoldOne(net.endpoint(), 0));
  const auto socket = Dial(net);
  net.server.Crash();
  EXPECT_EQ(net.Run(net.client, TwoHosts::Dial(net.endpoint())).status().message(),
            "connecting to 10.0.0.1:80: Connection refused (ECONNREFUSED)");
  net.server.Restart();
  EXPECT_FALSE(net.Run(net.client, TwoHosts::Dial(net.endpoint())).ok());
  net.server.Spawn(HoldOne(net.endpoint(), 0));
  net.world.RunFor(milliseconds(1));
  EXPECT_TRUE(net.Run(net.client, TwoHosts::Dial(net.endpoint())).ok());
}

TEST(SimStationTest, OfAProcessResetsThoseWhoWaitToBeAccepted) {
  TwoHosts net;
  net.server.Spawn([](Endpoint where) -> Task<void> {
    const auto listener = Context::current().host()->network().Listen(where).value();
    EXPECT_FALSE((co_await Sleep(std::chrono::hours(1000))).ok());
  }(net.endpoint()));
  const auto socket = Dial(net);
  net.world.RunFor(seconds(1));
  net.server.Crash();
  EXPECT_EQ(net.Run(net.client, NextRead(*socket)), "ECONNRESET");
}

TEST(SimStationTest, OfAMachineIsSilent) {
  TwoHosts net;
  net.server.Spawn(HoldOne(net.endpoint(), 0));
  const auto socket = Dial(net);
  net.world.RunFor(seconds(1));
  net.server.Crash(CrashKind::kMachine);
  net.world.RunFor(std::chrono::hours(10));
  EXPECT_EQ(TryRead(*socket), "EAGAIN");
  EXPECT_EQ(TryWrite(*socket, "x"), "1");
  const Instant written = net.world.now();
  EXPECT_EQ(net.Run(net.client, NextRead(*socket)), "ETIMEDOUT");
  EXPECT_GE(net.world.now() - written, milliseconds(924'600));
}

TEST(SimStationTest, OfAMachineIsNoticedWhenItIsBackAndHearsOfTheConnection) {
  TwoHosts net;
  net.server.Spawn(HoldOne(net.endpoint(), 0));
  const auto socket = Dial(net);
  net.world.RunFor(seconds(1));
  net.server.Crash(CrashKind::kMachine);
  EXPECT_EQ(TryWrite(*socket, "x"), "1");
  net.world.RunFor(seconds(30));
  net.server.Restart();
  EXPECT_EQ(TryRead(*socket), "EAGAIN");
  EXPECT_EQ(net.Run(net.client, NextRead(*socket)), "ECONNRESET");
}

TEST(SimStationTest, OfAMachineLeavesSynsUnansweredUntilItIsBack) {
  TwoHosts net;
  net.server.Crash(CrashKind::kMachine);
  const Instant begin = net.world.now();
  net.world.After(seconds(5), [&] {
    net.server.Restart();
    net.server.Spawn(HoldOne(net.endpoint(), 0));
  });
  EXPECT_TRUE(net.Run(net.client, TwoHosts::Dial(net.endpoint())).ok());
  EXPECT_GE(net.world.now() - begin, seconds(7));
  net.server.Crash();
  net.server.Crash(CrashKind::kMachine);
  EXPECT_FALSE(net.server.running());
  EXPECT_EQ(net.Run(net.client, TwoHosts::Dial(net.endpoint())).status().message(),
            "connecting to 10.0.0.1:80: Connection timed out (ETIMEDOUT)");
}

TEST(SimStationTest, OfAClientMachineLeavesTheServerHalfOpen) {
  TwoHosts net;
  auto pair = net.Connect();
  net.client.Crash(CrashKind::kMachine);
  net.client.Restart();
  net.world.RunFor(seconds(100));
  EXPECT_EQ(TryRead(*pair.server), "EAGAIN");
  EXPECT_EQ(TryWrite(*pair.server, "x"), "1");
  EXPECT_EQ(net.Run(net.server, NextRead(*pair.server)), "ECONNRESET");
}

TEST(SimStationTest, SocketsThatOutliveTheirProcessDoNothing) {
  for (const CrashKind kind : {CrashKind::kProcess, CrashKind::kMachine}) {
    TwoHosts net;
    auto pair = net.Connect();
    const auto listener = net.Run(net.server, TwoHosts::Listen(net.endpoint(81))).value();
    net.Run(net.server, [](Socket& socket, Listener& watched) -> Task<void> {
      EXPECT_TRUE(socket.Watch().ok());
      EXPECT_TRUE(watched.Watch().ok());
      co_return;
    }(*pair.server, *listener));
    net.server.Crash(kind);
    EXPECT_EQ(TryRead(*pair.server), "EBADF");
    EXPECT_EQ(TryWrite(*pair.server, "x"), "EBADF");
    EXPECT_FALSE(pair.server->ShutdownWrite().ok());
    EXPECT_FALSE(listener->TryAccept().ok());
    net.server.Restart();
    const auto again = net.Run(net.server, TwoHosts::Listen(net.endpoint(81))).value();
    pair.server.reset();
    EXPECT_TRUE(net.Run(net.client, TwoHosts::Dial(net.endpoint(81))).ok());
  }
}

// Destructors of a crashing process find their sockets closed, whatever they try.
class Talker {
 public:
  explicit Talker(Socket& socket) noexcept : socket_(socket) {}
  Talker(const Talker&) = delete;
  Talker& operator=(const Talker&) = delete;
  ~Talker() {
    EXPECT_EQ(TryWrite(socket_, "goodbye"), "EBADF");
    socket_.ResetOnClose();
    EXPECT_FALSE(socket_.ShutdownWrite().ok());
  }

 private:
  Socket& socket_;
};

TEST(SimStationTest, NothingOfTheProcessDecidesAnything) {
  for (const CrashKind kind : {CrashKind::kProcess, CrashKind::kMachine}) {
    TwoHosts net;
    net.server.Spawn([](Endpoint where) -> Task<void> {
      const auto listener = Context::current().host()->network().Listen(where).value();
      const auto socket = (co_await listener->Accept()).value();
      const Talker talker(*socket);
      EXPECT_EQ(co_await NextRead(*socket), "crash now");
      EXPECT_FALSE((co_await Sleep(std::chrono::hours(1000))).ok());
    }(net.endpoint()));
    const auto socket = Dial(net);
    EXPECT_EQ(TryWrite(*socket, "crash now"), "9");
    net.world.RunFor(seconds(1));
    net.server.Crash(kind);
    net.world.RunFor(seconds(1));
    EXPECT_EQ(TryRead(*socket), kind == CrashKind::kProcess ? "0" : "EAGAIN");
  }
}

Task<void> Echo(std::unique_ptr<Socket> socket) {
  std::vector<std::byte> buffer(4096);
  for (;;) {
    const auto count = co_await socket->Read(buffer);
    if (!count.ok() || *count == 0) co_return;
    if (!(co_await socket->WriteAll(std::span(buffer).first(*count))).ok()) co_return;
  }
}

Task<void> EchoServer(Endpoint where) {
  const auto listener = Context::current().host()->network().Listen(where);
  if (!listener.ok()) co_return;
  TaskGroup connections;
  for (;;) {
    auto socket = co_await (*listener)->Accept();
    if (!socket.ok()) break;
    connections.Spawn(Echo(*std::move(socket)));
  }
  (co_await connections.Join()).IgnoreError();
}

struct Tally {
  int replies = 0;
  int failures = 0;
  bool wrong = false;
};

Task<void> EchoClient(Endpoint where, std::uint64_t seed, Tally& tally) {
  Random random(seed);
  while (true) {
    auto socket = co_await Context::current().host()->network().Connect(where);
    for (int call = 0; socket.ok() && call < 20; ++call) {
      const std::string text(1 + random.Below(9000), static_cast<char>('a' + random.Below(26)));
      if (!(co_await (*socket)->WriteAll(AsBytes(text))).ok()) break;
      std::string reply;
      while (reply.size() < text.size()) {
        const std::string part = co_await NextRead(**socket, text.size() - reply.size());
        if (part == "0" || part.starts_with("E")) break;
        reply += part;
      }
      tally.wrong |= reply != text.substr(0, reply.size());
      if (reply.size() < text.size()) break;
      ++tally.replies;
    }
    ++tally.failures;
    if (!(co_await Sleep(milliseconds(random.Below(20)))).ok()) co_return;
  }
}

// Everything at once, for address sanitizers and for the checks inside: nothing crashes that was not meant to.
TEST(SimStationTest, AtAnyMomentLeavesTheSimulationSound) {
  int replies = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SimWorld world(seed);
    world.network().SetTcp({.buffer_min = 512, .timeout = seconds(2), .syn_retries = 1});
    std::vector<SimHost*> hosts;
    Tally tally;
    for (int i = 0; i < 4; ++i) hosts.push_back(&world.AddHost({.loops = 1 + i % 2}));
    const auto start = [&](SimHost& host) {
      host.Spawn(EchoServer(world.network().EndpointOf(host, 80)));
      for (SimHost* const other : hosts) {
        host.Spawn(EchoClient(world.network().EndpointOf(*other, 80), world.random()(), tally));
      }
    };
    for (SimHost* const host : hosts) start(*host);
    for (int i = 0; i < 60; ++i) {
      world.RunFor(std::chrono::microseconds(world.random().Below(20'000)));
      SimHost& host = *hosts[world.random().Below(hosts.size())];
      SimHost& other = *hosts[world.random().Below(hosts.size())];
      const auto connections = world.network().Connections();
      switch (world.random().Below(8)) {
        case 0:
        case 1:
          if (host.running()) host.Crash(world.random().Below(2) == 0 ? CrashKind::kProcess : CrashKind::kMachine);
          break;
        case 2:
        case 3:
          if (!host.running()) {
            host.Restart();
            start(host);
          }
          break;
        case 4:
          world.network().Partition(host, other, world.random().Below(2) == 0 ? Way::kBoth : Way::kOneWay);
          break;
        case 5:
          world.network().Heal();
          break;
        case 6:
          if (!connections.empty()) {
            world.network().Cut(connections[world.random().Below(connections.size())].id);
          }
          break;
        default:
          if (host.running()) host.Stall(milliseconds(world.random().Below(30)));
      }
    }
    EXPECT_FALSE(tally.wrong) << "seed " << seed;
    replies += tally.replies;
  }
  EXPECT_GT(replies, 500);
}

}  // namespace
}  // namespace flywheel::inline v0::sim
