#include "flywheel/runtime/sim/fabric.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/runtime/internal/test_net.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0::sim {
namespace {

using internal::AsBytes;
using internal::kLatency;
using internal::NextRead;
using internal::ReadAll;
using internal::TryRead;
using internal::TryWrite;
using internal::TwoHosts;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Turns and polls on both sides.
constexpr Duration kTurns = milliseconds(1);

TEST(SimFabricTest, HostsHaveAddressesInTheOrderInWhichTheyCame) {
  SimWorld world(1);
  std::vector<SimHost*> hosts;
  for (int i = 0; i < 300; ++i) hosts.push_back(&world.AddHost());
  EXPECT_EQ(world.network().EndpointOf(*hosts[0], 80).ToString(), "10.0.0.1:80");
  EXPECT_EQ(world.network().EndpointOf(*hosts[254], 80).ToString(), "10.0.0.255:80");
  EXPECT_EQ(world.network().EndpointOf(*hosts[299], 81).ToString(), "10.0.1.44:81");
}

TEST(SimFabricTest, BytesTakeAtLeastTheLatencyOfTheLink) {
  TwoHosts net;
  const Instant begin = net.world.now();
  auto pair = net.Connect();
  EXPECT_GE(net.world.now() - begin, 2 * kLatency);
  const Instant written = net.world.now();
  EXPECT_EQ(TryWrite(*pair.client, "x"), "1");
  EXPECT_EQ(net.Run(net.server, NextRead(*pair.server)), "x");
  EXPECT_GE(net.world.now() - written, kLatency);
  EXPECT_LE(net.world.now() - written, kLatency + kTurns);
}

TEST(SimFabricTest, JitterAndTailsOnlyAdd) {
  const LinkOptions link{.latency = milliseconds(2),
                         .jitter = milliseconds(3),
                         .tail_chance = 0.1,
                         .tail = milliseconds(50),
                         .bytes_per_second = 0};
  TwoHosts net(1, link);
  auto pair = net.Connect();
  Duration longest{};
  int late = 0;
  for (int i = 0; i < 500; ++i) {
    const Instant written = net.world.now();
    EXPECT_EQ(TryWrite(*pair.client, "x"), "1");
    EXPECT_EQ(net.Run(net.server, NextRead(*pair.server)), "x");
    const Duration took = net.world.now() - written;
    EXPECT_GE(took, link.latency);
    EXPECT_LE(took, link.latency + link.jitter + link.tail + kTurns);
    longest = std::max(longest, took);
    late += took > link.latency + link.jitter + kTurns ? 1 : 0;
  }
  EXPECT_GT(longest, milliseconds(40));
  EXPECT_GT(late, 20);
  EXPECT_LT(late, 100);
}

TEST(SimFabricTest, BandwidthIsSharedByTheConnectionsOfALink) {
  TwoHosts net;
  net.network().SetLink(net.client, net.server, {.bytes_per_second = 1'000'000});
  auto first = net.Connect(80);
  auto second = net.Connect(81);
  const std::string megabyte(1'000'000, 'x');
  const Instant begin = net.world.now();
  for (Socket* const socket : {first.client.get(), second.client.get()}) {
    net.client.Spawn([](Socket& to, std::string text) -> Task<void> {
      EXPECT_TRUE((co_await to.WriteAll(AsBytes(text))).ok());
      EXPECT_TRUE(to.ShutdownWrite().ok());
    }(*socket, megabyte));
  }
  for (Socket* const socket : {first.server.get(), second.server.get()}) {
    EXPECT_EQ(net.Run(net.server, ReadAll(*socket)), megabyte);
  }
  EXPECT_GE(net.world.now() - begin, seconds(2));
  EXPECT_LE(net.world.now() - begin, seconds(2) + milliseconds(200));
}

TEST(SimFabricTest, ALinkMayDifferInItsTwoDirections) {
  TwoHosts net;
  LinkOptions slow = internal::kPlainLink;
  slow.latency = milliseconds(100);
  net.network().SetLink(net.client, net.server, slow, Way::kOneWay);
  auto pair = net.Connect();
  Instant begin = net.world.now();
  EXPECT_EQ(TryWrite(*pair.client, "x"), "1");
  EXPECT_EQ(net.Run(net.server, NextRead(*pair.server)), "x");
  EXPECT_GE(net.world.now() - begin, milliseconds(100));
  begin = net.world.now();
  EXPECT_EQ(TryWrite(*pair.server, "y"), "1");
  EXPECT_EQ(net.Run(net.client, NextRead(*pair.client)), "y");
  EXPECT_LE(net.world.now() - begin, milliseconds(2));
}

TEST(SimFabricTest, SlowHostsDelayEverySegment) {
  TwoHosts net;
  auto pair = net.Connect();
  net.network().SlowDown(net.server, milliseconds(30));
  Instant begin = net.world.now();
  EXPECT_EQ(TryWrite(*pair.client, "x"), "1");
  EXPECT_EQ(net.Run(net.server, NextRead(*pair.server)), "x");
  EXPECT_GE(net.world.now() - begin, milliseconds(31));
  net.network().SlowDown(net.server, {});
  begin = net.world.now();
  EXPECT_EQ(TryWrite(*pair.client, "x"), "1");
  EXPECT_EQ(net.Run(net.server, NextRead(*pair.server)), "x");
  EXPECT_LE(net.world.now() - begin, milliseconds(2));
}

TEST(SimFabricTest, APartitionDelaysBytesUntilTheRetryAfterItHasHealed) {
  TwoHosts net;
  auto pair = net.Connect();
  net.network().Partition(net.client, net.server);
  const Instant written = net.world.now();
  EXPECT_EQ(TryWrite(*pair.client, "held back"), "9");
  net.world.RunFor(seconds(10));
  EXPECT_EQ(TryRead(*pair.server), "EAGAIN");
  net.network().Heal(net.server, net.client);
  EXPECT_EQ(net.Run(net.server, NextRead(*pair.server)), "held back");
  // Retries come 0.2 s after the write and then after twice as long each: 0.2, 0.6, 1.4, 3.0, 6.2, 12.6.
  EXPECT_GE(net.world.now() - written, milliseconds(12'600));
  EXPECT_LE(net.world.now() - written, milliseconds(12'600) + kLatency + kTurns);
}

TEST(SimFabricTest, WhatIsUnderWayWhenThePartitionComesIsLostAndSentAgain) {
  TwoHosts net;
  auto pair = net.Connect();
  EXPECT_EQ(TryWrite(*pair.client, "under way"), "9");
  net.world.RunFor(kLatency / 2);
  net.network().Partition(net.client, net.server);
  net.world.RunFor(seconds(1));
  EXPECT_EQ(TryRead(*pair.server), "EAGAIN");
  net.network().Heal();
  EXPECT_EQ(net.Run(net.server, NextRead(*pair.server)), "under way");
}

TEST(SimFabricTest, AConnectionFailsWhenAPartitionOutlastsItsRetries) {
  TwoHosts net;
  auto pair = net.Connect();
  net.network().Partition(net.client, net.server);
  const Instant written = net.world.now();
  EXPECT_EQ(TryWrite(*pair.client, "x"), "1");
  EXPECT_EQ(net.Run(net.client, NextRead(*pair.client)), "ETIMEDOUT");
  EXPECT_GE(net.world.now() - written, milliseconds(924'600));
  EXPECT_LE(net.world.now() - written, milliseconds(924'600) + kRetryMax + kTurns);
  EXPECT_EQ(TryWrite(*pair.client, "x"), "EPIPE");
  // The other end has not noticed: half-open.
  EXPECT_EQ(TryRead(*pair.server), "EAGAIN");
  net.network().Heal();
  EXPECT_EQ(TryWrite(*pair.server, "anybody there?"), "14");
  EXPECT_EQ(net.Run(net.server, NextRead(*pair.server)), "ECONNRESET");
}

TEST(SimFabricTest, TheTimeoutOfAConnectionCanBeShorter) {
  TwoHosts net;
  net.network().SetTcp({.timeout = seconds(5)});
  auto pair = net.Connect();
  net.network().Partition(net.client, net.server);
  const Instant written = net.world.now();
  EXPECT_EQ(TryWrite(*pair.client, "x"), "1");
  EXPECT_EQ(net.Run(net.client, NextRead(*pair.client)), "ETIMEDOUT");
  EXPECT_GE(net.world.now() - written, seconds(5));
  EXPECT_LE(net.world.now() - written, seconds(10));
}

TEST(SimFabricTest, AnIdleConnectionSurvivesAnyPartition) {
  TwoHosts net;
  auto pair = net.Connect();
  net.network().Partition(net.client, net.server);
  net.world.RunFor(std::chrono::hours(5));
  net.network().Heal();
  EXPECT_EQ(TryWrite(*pair.client, "still here"), "10");
  EXPECT_EQ(net.Run(net.server, NextRead(*pair.server)), "still here");
}

TEST(SimFabricTest, AOneWayPartitionLetsRequestsThroughAndHoldsRepliesBack) {
  TwoHosts net;
  net.network().SetTcp({.timeout = seconds(60)});
  auto pair = net.Connect();
  net.network().Partition(net.server, net.client, Way::kOneWay);
  EXPECT_EQ(TryWrite(*pair.client, "request"), "7");
  EXPECT_EQ(net.Run(net.server, NextRead(*pair.server)), "request");
  EXPECT_EQ(TryWrite(*pair.server, "reply"), "5");
  net.world.RunFor(seconds(20));
  EXPECT_EQ(TryRead(*pair.client), "EAGAIN");
  net.network().Heal();
  EXPECT_EQ(net.Run(net.client, NextRead(*pair.client)), "reply");
  net.world.RunFor(seconds(300));
  EXPECT_EQ(TryRead(*pair.server), "EAGAIN") << "the acknowledgement has come late, but it has come";
}

TEST(SimFabricTest, AOneWayPartitionTimesOutTheSenderWhoseBytesHaveArrived) {
  TwoHosts net;
  net.network().SetTcp({.timeout = seconds(60)});
  auto pair = net.Connect();
  net.network().Partition(net.server, net.client, Way::kOneWay);
  EXPECT_EQ(TryWrite(*pair.client, "request"), "7");
  EXPECT_EQ(net.Run(net.client, NextRead(*pair.client)), "ETIMEDOUT");
  EXPECT_EQ(TryRead(*pair.server), "request");
}

TEST(SimFabricTest, ConnectingThroughAPartitionTakes127Seconds) {
  TwoHosts net;
  const auto listener = net.Run(net.server, TwoHosts::Listen(net.endpoint())).value();
  net.network().Partition(net.client, net.server);
  const Instant begin = net.world.now();
  const auto socket = net.Run(net.client, TwoHosts::Dial(net.endpoint()));
  EXPECT_EQ(socket.status().code(), ErrnoStatus(ETIMEDOUT, "").code());
  EXPECT_EQ(socket.status().message(), "connecting to 10.0.0.1:80: Connection timed out (ETIMEDOUT)");
  EXPECT_GE(net.world.now() - begin, seconds(127));
  EXPECT_LE(net.world.now() - begin, seconds(127) + kTurns);
}

TEST(SimFabricTest, ConnectingGoesOnWithTheNextSynAfterThePartition) {
  for (const Way way : {Way::kBoth, Way::kOneWay}) {
    TwoHosts net;
    const auto listener = net.Run(net.server, TwoHosts::Listen(net.endpoint())).value();
    net.network().Partition(net.server, net.client, way);
    const Instant begin = net.world.now();
    net.world.After(seconds(5), [&] { net.network().Heal(net.client, net.server); });
    EXPECT_TRUE(net.Run(net.client, TwoHosts::Dial(net.endpoint())).ok());
    EXPECT_GE(net.world.now() - begin, seconds(7));
    EXPECT_LE(net.world.now() - begin, seconds(7) + 2 * kLatency + kTurns);
    EXPECT_TRUE(net.Run(net.server, TwoHosts::Accept(*listener)).ok());
  }
}

TEST(SimFabricTest, ConnectingCanBeGivenUp) {
  TwoHosts net;
  const auto listener = net.Run(net.server, TwoHosts::Listen(net.endpoint())).value();
  net.network().Partition(net.client, net.server, Way::kOneWay);
  net.Run(net.client, [](Endpoint where) -> Task<void> {
    TaskGroup group;
    group.Spawn([](Endpoint to) -> Task<Status> { co_return (co_await TwoHosts::Dial(to)).status(); }(where));
    EXPECT_TRUE((co_await Sleep(milliseconds(100))).ok());
    group.Cancel(Cancelled("enough"));
    EXPECT_EQ((co_await group.Join()).message(), "enough");
  }(net.endpoint()));
  net.network().Heal();
  net.world.RunFor(seconds(200));
  EXPECT_EQ(listener->TryAccept().value(), nullptr);
  EXPECT_TRUE(net.network().Connections().empty());
}

TEST(SimFabricTest, AddressesOfNobody) {
  TwoHosts net;
  const Instant begin = net.world.now();
  EXPECT_EQ(net.Run(net.client, TwoHosts::Dial(internal::ParseEndpoint("203.0.113.1:80"))).status().message(),
            "connecting to 203.0.113.1:80: Network is unreachable (ENETUNREACH)");
  EXPECT_LE(net.world.now() - begin, kTurns);
  EXPECT_EQ(net.Run(net.client, TwoHosts::Dial(internal::ParseEndpoint("10.0.0.9:80"))).status().message(),
            "connecting to 10.0.0.9:80: Connection timed out (ETIMEDOUT)");
  EXPECT_GE(net.world.now() - begin, seconds(127));
}

TEST(SimFabricTest, CutResetsBothEndsAtOnce) {
  TwoHosts net;
  auto pair = net.Connect();
  EXPECT_EQ(TryWrite(*pair.client, "lost"), "4");
  const auto connections = net.network().Connections();
  ASSERT_EQ(connections.size(), 1U);
  EXPECT_EQ(connections[0].client, &net.client);
  EXPECT_EQ(connections[0].server, &net.server);
  EXPECT_EQ(connections[0].client_endpoint, pair.client->local());
  EXPECT_EQ(connections[0].server_endpoint, net.endpoint());
  EXPECT_TRUE(net.network().Cut(connections[0].id));
  EXPECT_EQ(TryRead(*pair.client), "ECONNRESET");
  EXPECT_EQ(TryRead(*pair.server), "ECONNRESET");
  net.world.RunFor(seconds(1));
  EXPECT_EQ(TryRead(*pair.server), "0");
  EXPECT_FALSE(net.network().Cut(connections[0].id));
  EXPECT_FALSE(net.network().Silence(connections[0].id));
}

TEST(SimFabricTest, CutWakesWhoWaits) {
  TwoHosts net;
  auto pair = net.Connect();
  net.world.After(seconds(3), [&] { net.network().Cut(net.network().Connections().front().id); });
  EXPECT_EQ(net.Run(net.client, NextRead(*pair.client)), "ECONNRESET");
}

TEST(SimFabricTest, ASilencedConnectionIsHalfOpen) {
  TwoHosts net;
  auto pair = net.Connect();
  EXPECT_TRUE(net.network().Silence(net.network().Connections().front().id));
  EXPECT_EQ(TryWrite(*pair.client, "into the void"), "13");
  net.world.RunFor(seconds(600));
  EXPECT_EQ(TryRead(*pair.client), "EAGAIN");
  EXPECT_EQ(TryRead(*pair.server), "EAGAIN");
  // Others are not concerned, and Heal is no cure.
  auto other = net.Connect(81);
  EXPECT_EQ(TryWrite(*other.client, "x"), "1");
  EXPECT_EQ(net.Run(net.server, NextRead(*other.server)), "x");
  net.network().Heal();
  EXPECT_EQ(net.Run(net.client, NextRead(*pair.client)), "ETIMEDOUT");
  EXPECT_EQ(TryRead(*pair.server), "EAGAIN");
}

TEST(SimFabricTest, DroppedConnectionsAreNeitherMadeNorRefused) {
  TwoHosts net;
  auto pair = net.Connect(81);
  const auto listener = net.Run(net.server, TwoHosts::Listen(net.endpoint())).value();
  net.network().DropNewConnections(net.server, true);
  const Instant begin = net.world.now();
  EXPECT_EQ(net.Run(net.client, TwoHosts::Dial(net.endpoint())).status().message(),
            "connecting to 10.0.0.1:80: Connection timed out (ETIMEDOUT)");
  EXPECT_GE(net.world.now() - begin, seconds(127));
  EXPECT_EQ(TryWrite(*pair.client, "x"), "1");
  EXPECT_EQ(net.Run(net.server, NextRead(*pair.server)), "x");
  net.network().DropNewConnections(net.server, false);
  EXPECT_TRUE(net.Run(net.client, TwoHosts::Dial(net.endpoint())).ok());
}

TEST(SimFabricTest, IsolateKeepsAHostFromAllOthersButNotFromItself) {
  TwoHosts net;
  SimHost& third = net.world.AddHost();
  auto pair = net.Connect();
  net.network().Isolate(net.server);
  EXPECT_EQ(TryWrite(*pair.client, "x"), "1");
  const auto listener = net.Run(net.server, TwoHosts::Listen(net.endpoint(81))).value();
  EXPECT_TRUE(net.Run(net.server, TwoHosts::Dial(net.endpoint(81))).ok());
  const auto elsewhere = net.Run(third, TwoHosts::Listen(net.network().EndpointOf(third, 80))).value();
  EXPECT_TRUE(net.Run(net.client, TwoHosts::Dial(elsewhere->local())).ok());
  EXPECT_FALSE(net.Run(third, TwoHosts::Dial(net.endpoint(81))).ok());
  EXPECT_EQ(TryRead(*pair.server), "EAGAIN");
  net.network().Heal();
  EXPECT_EQ(net.Run(net.server, NextRead(*pair.server)), "x");
}

// Accepts on the first loop and hands over to the second, as servers with several loops do.
Task<void> EchoOnce(std::unique_ptr<Socket> socket, Loop& here) {
  const std::string text = co_await NextRead(*socket);
  EXPECT_EQ(Loop::current(), &here);
  EXPECT_TRUE((co_await socket->WriteAll(AsBytes(text))).ok());
}

TEST(SimFabricTest, AnAcceptedSocketMayBeServedByAnotherLoop) {
  SimWorld world(1);
  SimHost& server = world.AddHost({.loops = 2});
  SimHost& client = world.AddHost();
  std::optional<TaskGroup> connections;
  server.loop(1).Post([&] { connections.emplace(server.loop(1).context()); });
  server.Spawn([](Endpoint where, Loop& other, std::optional<TaskGroup>& group) -> Task<void> {
    const auto listener = Context::current().host()->network().Listen(where).value();
    for (int i = 0; i < 3; ++i) {
      auto accepted = (co_await listener->Accept()).value();
      other.Post([&other, &group, socket = std::move(accepted)]() mutable {
        group->Spawn(EchoOnce(std::move(socket), other));
      });
    }
  }(world.network().EndpointOf(server, 80), server.loop(1), connections));
  for (const std::string text : {"one", "two", "three"}) {
    const Status status = world.Run(client, [](Endpoint where, std::string words) -> Task<void> {
      const auto socket = (co_await TwoHosts::Dial(where)).value();
      EXPECT_TRUE((co_await socket->WriteAll(AsBytes(words))).ok());
      EXPECT_TRUE(socket->ShutdownWrite().ok());
      EXPECT_EQ(co_await ReadAll(*socket), words);
    }(world.network().EndpointOf(server, 80), text));
    EXPECT_TRUE(status.ok()) << status.ToString();
  }
  server.loop(1).Post([&] { connections.reset(); });
  world.RunFor(seconds(1));
}

TEST(SimFabricTest, AFullBacklogDropsSyns) {
  TwoHosts net;
  const auto listener = net.Run(net.server, TwoHosts::Listen(net.endpoint(), {.backlog = 1})).value();
  // Linux lets one more wait than the backlog says.
  const auto first = net.Run(net.client, TwoHosts::Dial(net.endpoint())).value();
  const auto second = net.Run(net.client, TwoHosts::Dial(net.endpoint())).value();
  net.world.RunFor(milliseconds(10));
  const Instant begin = net.world.now();
  net.world.After(seconds(2), [&] { EXPECT_NE(listener->TryAccept().value(), nullptr); });
  EXPECT_TRUE(net.Run(net.client, TwoHosts::Dial(net.endpoint())).ok());
  EXPECT_GE(net.world.now() - begin, seconds(3)) << "the SYN of the third second is the first that finds room";
}

Task<Status> DialAndSay(Endpoint where, std::string words, std::vector<std::unique_ptr<Socket>>& sockets) {
  FW_CO_ASSIGN_OR_RETURN(auto socket, co_await TwoHosts::Dial(where));
  FW_CO_RETURN_IF_ERROR(co_await socket->WriteAll(AsBytes(words)));
  FW_CO_RETURN_IF_ERROR(socket->ShutdownWrite());
  sockets.push_back(std::move(socket));
  co_return Status::Ok();
}

TEST(SimFabricTest, WhoFindsTheQueueFullAfterItsSynIsConnectedAndWaits) {
  TwoHosts net;
  const auto listener = net.Run(net.server, TwoHosts::Listen(net.endpoint(), {.backlog = 0})).value();
  std::vector<std::unique_ptr<Socket>> sockets;
  net.Run(net.client, [](Endpoint where, std::vector<std::unique_ptr<Socket>>& connected) -> Task<void> {
    TaskGroup group;
    group.Spawn(DialAndSay(where, "first", connected));
    group.Spawn(DialAndSay(where, "second", connected));
    EXPECT_TRUE((co_await group.Join()).ok());
  }(net.endpoint(), sockets));
  EXPECT_EQ(sockets.size(), 2U);
  net.world.RunFor(seconds(1));
  auto accepted = listener->TryAccept().value();
  ASSERT_NE(accepted, nullptr);
  EXPECT_EQ(listener->TryAccept().value(), nullptr) << "the queue had room for one";
  const std::string one = net.Run(net.server, ReadAll(*accepted));
  accepted = net.Run(net.server, TwoHosts::Accept(*listener)).value();
  const std::string other = net.Run(net.server, ReadAll(*accepted));
  EXPECT_EQ(std::min(one, other) + std::max(one, other), "firstsecond");
}

TEST(SimFabricTest, WhoIsNeverTakenInIsResetWhenItSaysSomething) {
  TwoHosts net;
  const auto listener = net.Run(net.server, TwoHosts::Listen(net.endpoint(), {.backlog = 0})).value();
  std::vector<std::unique_ptr<Socket>> sockets;
  net.Run(net.client, [](Endpoint where, std::vector<std::unique_ptr<Socket>>& connected) -> Task<void> {
    TaskGroup group;
    group.Spawn(DialAndSay(where, "first", connected));
    group.Spawn(DialAndSay(where, "second", connected));
    EXPECT_TRUE((co_await group.Join()).ok());
  }(net.endpoint(), sockets));
  net.world.RunFor(kSynAckTimeout + kRetryMax);
  const std::string outcomes = TryRead(*sockets[0]) + " " + TryRead(*sockets[1]);
  EXPECT_TRUE(outcomes == "EAGAIN ECONNRESET" || outcomes == "ECONNRESET EAGAIN") << outcomes;
}

}  // namespace
}  // namespace flywheel::inline v0::sim
