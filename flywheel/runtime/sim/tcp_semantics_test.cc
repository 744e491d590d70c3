// What an application sees of a stream socket, case by case, on the kernel and on the simulation: the same bodies run
// on both, so the simulation cannot drift from what Linux does.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/runtime/internal/test_sockets.h"
#include "flywheel/runtime/internal/thread_loop.h"
#include "flywheel/runtime/sim/world.h"

namespace flywheel::inline v0::sim {
namespace {

using internal::AsBytes;
using internal::AwaitFailure;
using internal::ConnectPair;
using internal::NextRead;
using internal::ParseEndpoint;
using internal::ReadAll;
using internal::SocketPair;
using internal::TryRead;
using internal::TryWrite;

class TcpSemanticsTest : public testing::TestWithParam<const char*> {
 protected:
  using Body = Task<void> (*)(Network& network);

  static bool simulated() { return GetParam() == std::string("simulated"); }

  // The simulation chops, delays and sizes its buffers differently with each seed.
  static void Run(Body body) {
    if (!simulated()) {
      internal::ThreadLoop loop;
      loop.Run(body(loop.host().network()));
      return;
    }
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      SimWorld world(seed);
      SimHost& host = world.AddHost();
      const Status status = world.Run(host, body(host.host().network()));
      EXPECT_TRUE(status.ok()) << status.ToString();
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Networks, TcpSemanticsTest, testing::Values("kernel", "simulated"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(TcpSemanticsTest, RefusesWhereNobodyListens) {
  Run([](Network& network) -> Task<void> {
    auto listener = network.Listen(ParseEndpoint("127.0.0.1:0")).value();
    const Endpoint gone = listener->local();
    listener.reset();
    const auto socket = co_await network.Connect(gone);
    EXPECT_EQ(socket.status().code(), StatusCode::kUnavailable);
    EXPECT_EQ(socket.status().message(), "connecting to " + gone.ToString() + ": Connection refused (ECONNREFUSED)");
  });
}

TEST_P(TcpSemanticsTest, RefusesToConnectToAName) {
  Run([](Network& network) -> Task<void> {
    EXPECT_EQ((co_await network.Connect(ParseEndpoint("shop:80"))).status().code(), StatusCode::kFailedPrecondition);
    EXPECT_EQ(network.Listen(ParseEndpoint("shop:80")).status().code(), StatusCode::kFailedPrecondition);
  });
}

TEST_P(TcpSemanticsTest, EndsOfAConnectionKnowEachOther) {
  Run([](Network& network) -> Task<void> {
    const SocketPair pair = co_await ConnectPair(network);
    EXPECT_NE(pair.listener->local().port(), 0);
    EXPECT_EQ(pair.client->peer(), pair.listener->local());
    EXPECT_EQ(pair.server->local(), pair.listener->local());
    EXPECT_EQ(pair.client->local(), pair.server->peer());
    EXPECT_EQ(pair.client->local().host(), "127.0.0.1");
    EXPECT_GE(pair.client->local().port(), 32768);
  });
}

TEST_P(TcpSemanticsTest, ServesHalfClosedPeers) {
  Run([](Network& network) -> Task<void> {
    const SocketPair pair = co_await ConnectPair(network);
    EXPECT_TRUE((co_await pair.client->WriteAll(AsBytes("question"))).ok());
    EXPECT_TRUE(pair.client->ShutdownWrite().ok());
    EXPECT_EQ(co_await ReadAll(*pair.server), "question");
    EXPECT_EQ(TryWrite(*pair.client, "more"), "EPIPE");
    EXPECT_TRUE((co_await pair.server->WriteAll(AsBytes("answer"))).ok());
    EXPECT_TRUE(pair.server->ShutdownWrite().ok());
    EXPECT_EQ(co_await ReadAll(*pair.client), "answer");
  });
}

TEST_P(TcpSemanticsTest, EndOfStreamStays) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    pair.client.reset();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await NextRead(*pair.server), "0");
    EXPECT_EQ(TryRead(*pair.server), "0");
  });
}

TEST_P(TcpSemanticsTest, ShutdownTwiceIsFineUntilBothDirectionsHaveEnded) {
  Run([](Network& network) -> Task<void> {
    const SocketPair pair = co_await ConnectPair(network);
    EXPECT_TRUE(pair.client->ShutdownWrite().ok());
    EXPECT_TRUE(pair.client->ShutdownWrite().ok());
    EXPECT_EQ(co_await NextRead(*pair.server), "0");
    EXPECT_TRUE(pair.server->ShutdownWrite().ok());
    EXPECT_EQ(co_await NextRead(*pair.client), "0");
    const Status status = pair.client->ShutdownWrite();
    EXPECT_EQ(status.message(), "ending the stream to " + pair.client->peer().ToString() +
                                    ": Transport endpoint is not connected (ENOTCONN)");
  });
}

TEST_P(TcpSemanticsTest, ClosingWithUnreadBytesResets) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    EXPECT_TRUE((co_await pair.client->WriteAll(AsBytes("unread"))).ok());
    EXPECT_TRUE((co_await pair.server->Watch().value()->Readable()).ok());
    EXPECT_EQ((co_await NextRead(*pair.server, 1)), "u");
    pair.server.reset();
    EXPECT_EQ(co_await NextRead(*pair.client), "ECONNRESET");
  });
}

TEST_P(TcpSemanticsTest, ClosingAfterReadingEverythingEndsOrderly) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    EXPECT_TRUE((co_await pair.client->WriteAll(AsBytes("read"))).ok());
    EXPECT_TRUE((co_await pair.server->WriteAll(AsBytes("reply"))).ok());
    std::string got;
    while (got.size() < 4) got += co_await NextRead(*pair.server);
    pair.server.reset();
    EXPECT_EQ(co_await ReadAll(*pair.client), "reply");
  });
}

TEST_P(TcpSemanticsTest, ResetOnCloseResets) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    pair.server->ResetOnClose();
    pair.server.reset();
    EXPECT_EQ(co_await NextRead(*pair.client), "ECONNRESET");
  });
}

TEST_P(TcpSemanticsTest, ResetIsReportedOnceByARead) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    pair.server->ResetOnClose();
    pair.server.reset();
    co_await AwaitFailure(*pair.client);
    EXPECT_EQ(TryRead(*pair.client), "ECONNRESET");
    EXPECT_EQ(TryRead(*pair.client), "0");
    EXPECT_EQ(TryWrite(*pair.client, "x"), "EPIPE");
    EXPECT_EQ(pair.client->ShutdownWrite().code(), StatusCode::kFailedPrecondition);
  });
}

TEST_P(TcpSemanticsTest, ResetIsReportedOnceByAWrite) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    pair.server->ResetOnClose();
    pair.server.reset();
    co_await AwaitFailure(*pair.client);
    EXPECT_EQ(TryWrite(*pair.client, "x"), "ECONNRESET");
    EXPECT_EQ(TryWrite(*pair.client, "x"), "EPIPE");
    EXPECT_EQ(TryRead(*pair.client), "0");
  });
}

TEST_P(TcpSemanticsTest, BytesThatCameBeforeAResetCanBeRead) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    EXPECT_TRUE((co_await pair.server->WriteAll(AsBytes("last words"))).ok());
    pair.server->ResetOnClose();
    pair.server.reset();
    co_await AwaitFailure(*pair.client);
    EXPECT_EQ(TryRead(*pair.client, 4), "last");
    EXPECT_EQ(TryRead(*pair.client), " words");
    EXPECT_EQ(TryRead(*pair.client), "ECONNRESET");
    EXPECT_EQ(TryRead(*pair.client), "0");
  });
}

TEST_P(TcpSemanticsTest, ResetAfterTheEndOfTheStreamIsABrokenPipe) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    EXPECT_TRUE(pair.server->ShutdownWrite().ok());
    EXPECT_EQ(co_await NextRead(*pair.client), "0");
    pair.server->ResetOnClose();
    pair.server.reset();
    co_await AwaitFailure(*pair.client);
    EXPECT_EQ(TryRead(*pair.client), "0");
    EXPECT_EQ(TryWrite(*pair.client, "x"), "EPIPE");
  });
}

TEST_P(TcpSemanticsTest, WritingToAClosedPeerWorksOnce) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    pair.server.reset();
    EXPECT_EQ(co_await NextRead(*pair.client), "0");
    EXPECT_EQ(TryWrite(*pair.client, "nobody reads"), "12");
    co_await AwaitFailure(*pair.client);
    EXPECT_EQ(TryWrite(*pair.client, "again"), "EPIPE");
  });
}

TEST_P(TcpSemanticsTest, EverythingWrittenBeforeClosingArrives) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    std::string sent;
    for (int i = 0; i < 40; ++i) {
      const std::string piece = std::to_string(i) + ".";
      if (TryWrite(*pair.client, piece) == std::to_string(piece.size())) sent += piece;
    }
    pair.client.reset();
    EXPECT_EQ(co_await ReadAll(*pair.server), sent);
  });
}

// Writes until the socket takes no more; how many bytes it took.
std::size_t Fill(Socket& socket) {
  const std::string piece(5000, 'x');
  std::size_t total = 0;
  for (;;) {
    const iovec part{.iov_base = const_cast<char*>(piece.data()), .iov_len = piece.size()};
    const IoResult result = socket.TryWrite({&part, 1});
    if (result.error != 0) {
      EXPECT_EQ(result.error, EAGAIN);
      return total;
    }
    EXPECT_GT(result.count, 0U);
    total += result.count;
  }
}

TEST_P(TcpSemanticsTest, WriterWaitsUntilTheReaderTakesBytes) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    Readiness* const writable = pair.client->Watch().value();
    // What is on the wire leaves room, so it takes several times until all buffers are full.
    std::size_t sent = 0;
    std::size_t received = 0;
    for (int round = 0; round < 50; ++round) {
      sent += Fill(*pair.client);
      EXPECT_FALSE(writable->writable());
      while (!writable->writable()) {
        const std::string got = co_await NextRead(*pair.server, 65536);
        received += got.size();
        EXPECT_LE(received, sent);
        if (received == sent) EXPECT_TRUE((co_await writable->Writable()).ok());
      }
    }
    pair.client.reset();
    received += (co_await ReadAll(*pair.server)).size();
    EXPECT_EQ(received, sent);
    EXPECT_GT(sent, 0U);
  });
}

TEST_P(TcpSemanticsTest, NobodyReadsAndTheWriterFillsBoundedBuffers) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    std::size_t sent = Fill(*pair.client);
    EXPECT_GE(sent, 4096U);
    EXPECT_LE(sent, 64U << 20);
    EXPECT_EQ(TryWrite(*pair.client, "x"), "EAGAIN");
    // The stream's other direction is not concerned.
    EXPECT_TRUE((co_await pair.server->WriteAll(AsBytes("still here"))).ok());
    EXPECT_TRUE(pair.server->ShutdownWrite().ok());
    EXPECT_EQ(co_await ReadAll(*pair.client), "still here");
  });
}

TEST_P(TcpSemanticsTest, EmptyReadsAndWritesDoNothing) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    EXPECT_EQ(TryWrite(*pair.client, ""), "0");
    EXPECT_EQ(TryRead(*pair.server), "EAGAIN");
    EXPECT_TRUE((co_await pair.client->WriteAll(AsBytes("x"))).ok());
    EXPECT_TRUE((co_await pair.server->Watch().value()->Readable()).ok());
    EXPECT_EQ(co_await NextRead(*pair.server), "x");
    pair.client.reset();
    EXPECT_EQ(co_await NextRead(*pair.server), "0");
    EXPECT_TRUE(pair.server->ShutdownWrite().ok());
    EXPECT_EQ(TryWrite(*pair.server, ""), "EPIPE");
  });
}

TEST_P(TcpSemanticsTest, WritesGatherPieces) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    std::array<std::string, 3> parts = {"one ", "", "two"};
    std::array<iovec, 3> pieces;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      pieces[i] = {.iov_base = parts[i].data(), .iov_len = parts[i].size()};
    }
    EXPECT_EQ(internal::Outcome(pair.client->TryWrite(pieces)), "7");
    pair.client.reset();
    EXPECT_EQ(co_await ReadAll(*pair.server), "one two");
  });
}

TEST_P(TcpSemanticsTest, WhatHappenedBeforeTheFirstWatchIsSeen) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    EXPECT_TRUE((co_await pair.client->WriteAll(AsBytes("early"))).ok());
    pair.client.reset();
    // Another connection takes a while, so the first one's bytes and end have arrived.
    SocketPair other = co_await ConnectPair(network);
    EXPECT_TRUE((co_await other.client->WriteAll(AsBytes("x"))).ok());
    EXPECT_EQ(co_await NextRead(*other.server), "x");
    EXPECT_EQ(co_await ReadAll(*pair.server), "early");
  });
}

TEST_P(TcpSemanticsTest, ConnectionsAreMadeBeforeTheyAreAccepted) {
  Run([](Network& network) -> Task<void> {
    auto listener = network.Listen(ParseEndpoint("127.0.0.1:0")).value();
    std::vector<std::unique_ptr<Socket>> clients;
    for (int i = 0; i < 5; ++i) {
      clients.push_back((co_await network.Connect(listener->local())).value());
      EXPECT_TRUE((co_await clients.back()->WriteAll(AsBytes(std::to_string(i)))).ok());
    }
    for (int i = 0; i < 5; ++i) {
      const auto server = (co_await listener->Accept()).value();
      EXPECT_EQ(server->peer(), clients[static_cast<std::size_t>(i)]->local());
      EXPECT_EQ(co_await NextRead(*server), std::to_string(i));
    }
    EXPECT_EQ(listener->TryAccept().value(), nullptr);
  });
}

TEST_P(TcpSemanticsTest, ClosingAListenerResetsThoseWhoWait) {
  Run([](Network& network) -> Task<void> {
    SocketPair accepted = co_await ConnectPair(network);
    const auto waiting = (co_await network.Connect(accepted.listener->local())).value();
    EXPECT_TRUE((co_await accepted.listener->Watch().value()->Readable()).ok());
    accepted.listener.reset();
    EXPECT_EQ(co_await NextRead(*waiting), "ECONNRESET");
    EXPECT_TRUE((co_await accepted.server->WriteAll(AsBytes("alive"))).ok());
    accepted.server.reset();
    EXPECT_EQ(co_await ReadAll(*accepted.client), "alive");
  });
}

TEST_P(TcpSemanticsTest, APortIsFreeAgainAfterItsListener) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    const Endpoint endpoint = pair.listener->local();
    EXPECT_EQ(network.Listen(endpoint).status().message(),
              "binding " + endpoint.ToString() + ": Address already in use (EADDRINUSE)");
    pair.listener.reset();
    EXPECT_TRUE(network.Listen(endpoint).ok());
  });
}

TEST_P(TcpSemanticsTest, ListenersOfAllAddressesAndOfOneAreInEachOthersWay) {
  Run([](Network& network) -> Task<void> {
    const auto all = network.Listen(ParseEndpoint("0.0.0.0:0")).value();
    const std::uint16_t port = all->local().port();
    EXPECT_EQ(network.Listen(ParseEndpoint("127.0.0.1:0").WithPort(port)).status().code(),
              StatusCode::kFailedPrecondition);
    const auto one = network.Listen(ParseEndpoint("127.0.0.1:0")).value();
    EXPECT_EQ(network.Listen(ParseEndpoint("0.0.0.0:0").WithPort(one->local().port())).status().code(),
              StatusCode::kFailedPrecondition);
    EXPECT_EQ(network.Listen(ParseEndpoint("[::]:0").WithPort(one->local().port())).status().code(),
              StatusCode::kFailedPrecondition);
    EXPECT_TRUE(network.Listen(ParseEndpoint("[::1]:0").WithPort(one->local().port())).ok());
    EXPECT_TRUE(network.Listen(ParseEndpoint("127.0.0.2:0").WithPort(one->local().port())).ok());
    co_return;
  });
}

TEST_P(TcpSemanticsTest, ListensOnItsOwnAddressesOnly) {
  Run([](Network& network) -> Task<void> {
    EXPECT_EQ(network.Listen(ParseEndpoint("192.0.2.1:0")).status().message(),
              "binding 192.0.2.1:0: Cannot assign requested address (EADDRNOTAVAIL)");
    co_return;
  });
}

TEST_P(TcpSemanticsTest, AListenerOfAllAddressesIsReachedThroughAny) {
  Run([](Network& network) -> Task<void> {
    const auto listener = network.Listen(ParseEndpoint("0.0.0.0:0")).value();
    const std::uint16_t port = listener->local().port();
    for (const auto& [dialled, reached] : {std::pair("127.0.0.1:0", "127.0.0.1"), std::pair("127.0.0.3:0", "127.0.0.3"),
                                           std::pair("0.0.0.0:0", "127.0.0.1")}) {
      const auto client = (co_await network.Connect(ParseEndpoint(dialled).WithPort(port))).value();
      const auto server = (co_await listener->Accept()).value();
      EXPECT_EQ(client->peer().host(), reached) << dialled;
      EXPECT_EQ(server->local().host(), reached) << dialled;
    }
    EXPECT_FALSE((co_await network.Connect(ParseEndpoint("[::1]:0").WithPort(port))).ok());
  });
}

TEST_P(TcpSemanticsTest, AnIpv6ListenerOfAllAddressesTakesIpv4) {
  Run([](Network& network) -> Task<void> {
    const auto listener = network.Listen(ParseEndpoint("[::]:0")).value();
    const std::uint16_t port = listener->local().port();
    {
      const auto client = (co_await network.Connect(ParseEndpoint("127.0.0.1:0").WithPort(port))).value();
      const auto server = (co_await listener->Accept()).value();
      EXPECT_EQ(client->peer().host(), "127.0.0.1");
      EXPECT_EQ(server->local().host(), "::ffff:127.0.0.1");
      EXPECT_EQ(server->peer().host(), "::ffff:127.0.0.1");
    }
    const auto client = (co_await network.Connect(ParseEndpoint("[::1]:0").WithPort(port))).value();
    const auto server = (co_await listener->Accept()).value();
    EXPECT_EQ(server->local().host(), "::1");
    EXPECT_EQ(server->peer(), client->local());
  });
}

TEST_P(TcpSemanticsTest, UnixSocketsCarryStreamsToo) {
  Run([](Network& network) -> Task<void> {
    const Endpoint name = ParseEndpoint("unix:@flywheel-tcp-semantics-" + std::to_string(::getpid()));
    EXPECT_EQ((co_await network.Connect(name)).status().code(), StatusCode::kUnavailable);
    SocketPair pair = co_await ConnectPair(network, name);
    EXPECT_EQ(pair.client->peer(), name);
    EXPECT_EQ(pair.server->local(), name);
    EXPECT_EQ(network.Listen(name).status().code(), StatusCode::kFailedPrecondition);
    EXPECT_TRUE((co_await pair.client->WriteAll(AsBytes("local"))).ok());
    EXPECT_TRUE(pair.client->ShutdownWrite().ok());
    EXPECT_EQ(co_await ReadAll(*pair.server), "local");
    EXPECT_TRUE((co_await pair.server->WriteAll(AsBytes("reply"))).ok());
    pair.server.reset();
    EXPECT_EQ(co_await ReadAll(*pair.client), "reply");
  });
}

TEST_P(TcpSemanticsTest, AUnixPathThatIsNotThereIsNotFound) {
  Run([](Network& network) -> Task<void> {
    const auto socket = co_await network.Connect(ParseEndpoint("unix:/nowhere/at/all"));
    EXPECT_EQ(socket.status().message(), "connecting to unix:/nowhere/at/all: No such file or directory (ENOENT)");
  });
}

TEST_P(TcpSemanticsTest, ASocketMayBeHandedOverBeforeItIsWatched) {
  Run([](Network& network) -> Task<void> {
    SocketPair pair = co_await ConnectPair(network);
    EXPECT_EQ(TryWrite(*pair.client, "unwatched"), "9");
    EXPECT_EQ(co_await NextRead(*pair.server), "unwatched");
  });
}

}  // namespace
}  // namespace flywheel::inline v0::sim
