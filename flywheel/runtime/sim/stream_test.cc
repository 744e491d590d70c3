// What goes into a simulated stream comes out of it: whole, in order, cut into whatever pieces, under whatever faults.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/runtime/internal/test_net.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0::sim {
namespace {

using internal::AsBytes;
using internal::ReadAll;
using internal::TryRead;
using internal::TryWrite;
using internal::TwoHosts;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The byte at each place of a stream is known, so a receiver can check a part without having seen the rest.
char ByteAt(std::uint64_t stream, std::uint64_t offset) noexcept {
  std::uint64_t mixed = (offset / 7 + 1) * 0x9e3779b97f4a7c15 ^ (stream + 1) * 0xbf58476d1ce4e5b9;
  mixed ^= mixed >> 29;
  return static_cast<char>(mixed >> (offset % 7 * 8));
}

struct Received {
  std::uint64_t bytes = 0;
  bool in_order = true;
  std::string end;  // "0" or an errno
  std::set<std::size_t> sizes;
};

Task<void> Produce(Socket& socket, std::uint64_t stream, std::uint64_t bytes, Random random, std::uint64_t& written) {
  Readiness* const readiness = socket.Watch().value();
  std::string piece;
  while (written < bytes) {
    const std::uint64_t count = std::min(bytes - written, 1 + random.Below(random.Below(2) == 0 ? 40 : 20'000));
    piece.resize(count);
    for (std::uint64_t i = 0; i < count; ++i) piece[i] = ByteAt(stream, written + i);
    const iovec part{.iov_base = piece.data(), .iov_len = piece.size()};
    const IoResult result = socket.TryWrite({&part, 1});
    written += result.count;
    if (result.error != 0 && result.error != EAGAIN) co_return;
    if (result.count < count && !(co_await readiness->Writable()).ok()) co_return;
    if (random.Below(8) == 0 && !(co_await Sleep(std::chrono::microseconds(random.Below(3000)))).ok()) co_return;
  }
  socket.ShutdownWrite().IgnoreError();
}

Task<void> Consume(Socket& socket, std::uint64_t stream, Random random, Received& received) {
  Readiness* const readiness = socket.Watch().value();
  std::vector<char> buffer(1 << 16);
  for (;;) {
    if (!(co_await readiness->Readable()).ok()) co_return;
    const std::size_t asked = 1 + random.Below(random.Below(4) == 0 ? 64 : buffer.size());
    const IoResult result = socket.TryRead(std::as_writable_bytes(std::span(buffer).first(asked)));
    if (result.error == EAGAIN) continue;
    if (result.error != 0 || result.count == 0) {
      received.end = internal::Outcome(result);
      co_return;
    }
    received.sizes.insert(result.count);
    for (std::size_t i = 0; i < result.count; ++i) {
      received.in_order &= buffer[i] == ByteAt(stream, received.bytes + i);
    }
    received.bytes += result.count;
    if (random.Below(16) == 0 && !(co_await Sleep(milliseconds(random.Below(5)))).ok()) co_return;
  }
}

// One connection with a stream each way.
struct Duplex {
  explicit Duplex(TwoHosts& hosts) : net(hosts), pair(hosts.Connect()) {}
  Duplex(const Duplex&) = delete;
  Duplex& operator=(const Duplex&) = delete;
  // Tasks that still wait for the sockets go first.
  ~Duplex() {
    net.client.Crash();
    net.server.Crash();
  }

  void Start(std::array<std::uint64_t, 2> bytes) {
    Random& random = net.world.random();
    net.client.Spawn(Produce(*pair.client, 0, bytes[0], random.Fork(), written[0]));
    net.server.Spawn(Produce(*pair.server, 1, bytes[1], random.Fork(), written[1]));
    net.server.Spawn(Consume(*pair.server, 0, random.Fork(), received[0]));
    net.client.Spawn(Consume(*pair.client, 1, random.Fork(), received[1]));
  }

  TwoHosts& net;
  TwoHosts::Pair pair;
  std::array<std::uint64_t, 2> written{};
  std::array<Received, 2> received;
};

// From one byte on: with buffers so small that every offset is an edge of something.
TcpOptions AnyTcp(Random& random) {
  const std::size_t smallest = std::size_t{1} << random.Below(12);
  return {.buffer_min = smallest, .buffer_max = smallest << random.Below(10), .chop = random.Below(4) != 0};
}

// Many times what the buffers hold, and not more than is quick to simulate.
std::array<std::uint64_t, 2> AnyBytes(const TcpOptions& tcp, Random& random) {
  const std::uint64_t most = std::min<std::uint64_t>(60'000, 100 * tcp.buffer_max);
  return {random.Below(most), random.Below(random.Below(2) == 0 ? most : most / 20)};
}

RC_GTEST_PROP(SimStreamTest, EverythingArrivesInOrder, (std::uint64_t seed)) {
  TwoHosts net(seed, LinkOptions{});
  const TcpOptions tcp = AnyTcp(net.world.random());
  net.network().SetTcp(tcp);
  Duplex duplex(net);
  const std::array<std::uint64_t, 2> bytes = AnyBytes(tcp, net.world.random());
  duplex.Start(bytes);
  net.world.RunFor(std::chrono::hours(1));
  for (const std::size_t way : {0, 1}) {
    RC_ASSERT(duplex.written[way] == bytes[way]);
    RC_ASSERT(duplex.received[way].bytes == bytes[way]);
    RC_ASSERT(duplex.received[way].in_order);
    RC_ASSERT(duplex.received[way].end == "0");
  }
  RC_ASSERT(net.network().Connections().size() == 1U);
}

// Partitions come and go, one way and both, and the stream only waits.
RC_GTEST_PROP(SimStreamTest, EverythingArrivesDespitePartitions, (std::uint64_t seed)) {
  TwoHosts net(seed, LinkOptions{});
  const TcpOptions tcp = AnyTcp(net.world.random());
  net.network().SetTcp(tcp);
  Duplex duplex(net);
  const std::array<std::uint64_t, 2> bytes = AnyBytes(tcp, net.world.random());
  duplex.Start(bytes);
  for (int i = 0; i < 10; ++i) {
    net.world.RunFor(milliseconds(net.world.random().Below(3)));
    const Way way = net.world.random().Below(2) == 0 ? Way::kBoth : Way::kOneWay;
    if (net.world.random().Below(2) == 0) {
      net.network().Partition(net.client, net.server, way);
    } else {
      net.network().Partition(net.server, net.client, way);
    }
    net.world.RunFor(milliseconds(net.world.random().Below(net.world.random().Below(4) == 0 ? 60'000 : 50)));
    net.network().Heal();
  }
  net.world.RunFor(std::chrono::hours(1));
  for (const std::size_t way : {0, 1}) {
    RC_ASSERT(duplex.received[way].bytes == bytes[way]);
    RC_ASSERT(duplex.received[way].in_order);
    RC_ASSERT(duplex.received[way].end == "0");
  }
}

// When a connection breaks, a receiver has a beginning of what was written, and both ends learn that it broke.
RC_GTEST_PROP(SimStreamTest, WhatABrokenConnectionDeliveredIsABeginning, (std::uint64_t seed)) {
  TwoHosts net(seed, LinkOptions{});
  net.network().SetTcp(AnyTcp(net.world.random()));
  Duplex duplex(net);
  duplex.Start({1'000'000, 1'000'000});
  net.world.RunFor(std::chrono::microseconds(net.world.random().Below(20'000)));
  switch (net.world.random().Below(3)) {
    case 0:
      net.network().Cut(net.network().Connections().front().id);
      break;
    case 1:
      net.server.Crash();
      break;
    default:
      net.server.Crash(CrashKind::kMachine);
      net.world.RunFor(seconds(1));
      net.server.Restart();
  }
  net.world.RunFor(std::chrono::hours(1));
  for (const std::size_t way : {0, 1}) {
    RC_ASSERT(duplex.received[way].in_order);
    RC_ASSERT(duplex.received[way].bytes <= duplex.written[way]);
  }
  const std::string& end = duplex.received[1].end;
  RC_ASSERT(end == "ECONNRESET" || end == "EPIPE" || end == "0");
}

TEST(SimStreamTest, ReadersSeePiecesOfEverySize) {
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    TwoHosts net(seed, LinkOptions{});
    Duplex duplex(net);
    duplex.Start({60'000, 0});
    net.world.RunFor(std::chrono::hours(1));
    sizes.merge(duplex.received[0].sizes);
  }
  for (std::size_t size = 1; size <= 32; ++size) EXPECT_TRUE(sizes.contains(size)) << size;
  EXPECT_GT(*sizes.rbegin(), 16'384U);
}

TEST(SimStreamTest, WithoutChoppingASegmentIsWhatWasWritten) {
  TwoHosts net;
  net.network().SetTcp({.chop = false});
  auto pair = net.Connect();
  for (const std::size_t size : {1, 100, 3000}) {
    EXPECT_EQ(TryWrite(*pair.client, std::string(size, 'x')), std::to_string(size));
    net.world.RunFor(seconds(1));
    EXPECT_EQ(TryRead(*pair.server, 10'000).size(), size);
  }
}

TEST(SimStreamTest, BuffersBoundWhatIsUnderWay) {
  TwoHosts net;
  net.network().SetTcp({.buffer_min = 1000, .buffer_max = 1000});
  auto pair = net.Connect();
  EXPECT_EQ(TryWrite(*pair.client, std::string(5000, 'x')), "1000");
  EXPECT_EQ(TryWrite(*pair.client, "x"), "EAGAIN");
  net.world.RunFor(seconds(1));
  // What has arrived makes room; with the receiver's buffer full too, that was the last.
  EXPECT_EQ(TryWrite(*pair.client, std::string(5000, 'x')), "1000");
  net.world.RunFor(seconds(1));
  EXPECT_EQ(TryWrite(*pair.client, "x"), "EAGAIN");
  std::size_t received = TryRead(*pair.server, 5000).size();
  EXPECT_EQ(received, 1000U);
  net.world.RunFor(seconds(1));
  received += TryRead(*pair.server, 5000).size();
  EXPECT_EQ(received, 2000U);
  net.world.RunFor(seconds(1));
  EXPECT_EQ(TryWrite(*pair.client, std::string(5000, 'x')), "1000");
}

TEST(SimStreamTest, AWriterThatWasHeldUpIsWokenWhenAThirdOfItsBufferIsFree) {
  TwoHosts net;
  net.network().SetTcp({.buffer_min = 3000, .buffer_max = 3000, .chop = false});
  auto pair = net.Connect();
  EXPECT_EQ(TryWrite(*pair.client, std::string(9000, 'x')), "3000");
  net.world.RunFor(seconds(1));
  EXPECT_EQ(TryWrite(*pair.client, std::string(9000, 'x')), "3000");
  Readiness* readiness = nullptr;
  net.Run(net.client, [](Socket& socket, Readiness*& watched) -> Task<void> {
    watched = socket.Watch().value();
    EXPECT_TRUE((co_await Yield()).ok());  // the room that there was between the two writes
    EXPECT_EQ(TryWrite(socket, "x"), "EAGAIN");
  }(*pair.client, readiness));
  EXPECT_EQ(TryRead(*pair.server, 900).size(), 900U);
  net.world.RunFor(seconds(1));
  EXPECT_FALSE(readiness->writable());
  EXPECT_EQ(TryRead(*pair.server, 900).size(), 900U);
  net.world.RunFor(seconds(1));
  EXPECT_TRUE(readiness->writable());
}

TEST(SimStreamTest, ReadingOpensTheWindowAtOnce) {
  TwoHosts net;
  net.network().SetTcp({.buffer_min = 1000, .buffer_max = 1000});
  auto pair = net.Connect();
  EXPECT_EQ(TryWrite(*pair.client, std::string(1000, 'a')), "1000");
  net.world.RunFor(milliseconds(50));
  EXPECT_EQ(TryWrite(*pair.client, std::string(1000, 'b')), "1000");
  net.world.RunFor(milliseconds(50));
  EXPECT_EQ(TryRead(*pair.server, 5000), std::string(1000, 'a'));
  net.world.RunFor(milliseconds(5));
  EXPECT_EQ(TryRead(*pair.server, 5000), std::string(1000, 'b')) << "before the writer probes the window";
}

TEST(SimStreamTest, AClosedWindowIsProbedEverMoreSeldom) {
  TwoHosts net;
  net.network().SetTcp({.buffer_min = 1000, .buffer_max = 1000});
  auto pair = net.Connect();
  EXPECT_EQ(TryWrite(*pair.client, std::string(1000, 'a')), "1000");
  net.world.RunFor(seconds(1));
  EXPECT_EQ(TryWrite(*pair.client, std::string(1000, 'b')), "1000");
  const std::uint64_t before = net.world.steps();
  net.world.RunFor(std::chrono::hours(10));
  EXPECT_LT(net.world.steps() - before, 2000U);
  EXPECT_EQ(TryRead(*pair.server, 5000), std::string(1000, 'a'));
  net.world.RunFor(seconds(1));
  EXPECT_EQ(TryRead(*pair.server, 5000), std::string(1000, 'b'));
}

TEST(SimStreamTest, AReaderThatStopsForHoursLosesNothing) {
  TwoHosts net;
  net.network().SetTcp({.buffer_min = 1000, .buffer_max = 1000});
  auto pair = net.Connect();
  EXPECT_EQ(TryWrite(*pair.client, std::string(1000, 'a')), "1000");
  net.world.RunFor(seconds(1));
  EXPECT_EQ(TryWrite(*pair.client, std::string(1000, 'b')), "1000");
  net.world.RunFor(std::chrono::hours(3));
  // The offer of room that this read makes gets lost, and the writer's probe finds out.
  net.network().Partition(net.server, net.client, Way::kOneWay);
  EXPECT_EQ(TryRead(*pair.server, 5000), std::string(1000, 'a'));
  net.world.RunFor(seconds(1));
  EXPECT_EQ(TryRead(*pair.server, 5000), "EAGAIN");
  net.network().Heal();
  net.world.RunFor(2 * kRetryMax);
  EXPECT_EQ(TryRead(*pair.server, 5000), std::string(1000, 'b'));
}

}  // namespace
}  // namespace flywheel::inline v0::sim
