// The load against servers that lie: each must be caught, and an honest one must not be.
#include "bench/echo/load.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <functional>
#include <future>
#include <thread>
#include <vector>

namespace flywheel::bench::echo {
namespace {

using Bytes = std::vector<unsigned char>;
// What an echo makes of the bytes that begin at `offset` of the stream.
using Echo = std::function<Bytes(std::uint64_t offset, Bytes bytes)>;

Bytes Honestly(std::uint64_t, Bytes bytes) { return bytes; }

// Runs `serve` with a blocking listener on a thread of its own, which ends when the load has closed its connections.
class TestServer {
 public:
  explicit TestServer(std::function<void(const TestServer&)> serve)
      : listener_(Listen("127.0.0.1:0").value()), address_(BoundAddress(listener_.get()).value()) {
    thread_ = std::thread([this, serve = std::move(serve)] { serve(*this); });
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() { thread_.join(); }

  [[nodiscard]] const std::string& address() const { return address_; }

  [[nodiscard]] Fd Accept() const {
    pollfd wait{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    poll(&wait, 1, -1);
    return Fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

 private:
  Fd listener_;
  std::string address_;
  std::thread thread_;
};

void SendAll(const Fd& to, const Bytes& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = send(to.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<std::size_t>(count);
  }
}

// Echoes until the load half-closes, or until `end` bytes have been read.
void EchoAll(const Fd& from, const Fd& to, const Echo& echo, std::uint64_t end = ~std::uint64_t{0}) {
  for (std::uint64_t offset = 0; offset < end;) {
    Bytes bytes(std::min<std::uint64_t>(end - offset, 4096));
    const ssize_t got = recv(from.get(), bytes.data(), bytes.size(), 0);
    if (got <= 0) return;
    bytes.resize(static_cast<std::size_t>(got));
    SendAll(to, echo(offset, bytes));
    offset += static_cast<std::uint64_t>(got);
  }
}

void Reset(Fd& fd) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  fd.Close();
}

// One connection, 64-byte messages.
LoadOptions One(const TestServer& server, Duration timeout = std::chrono::seconds(20)) {
  return {.address = server.address(), .timeout = timeout};
}

// What the report says after `messages` over one connection that is served by `echo`.
LoadReport Exchange(const Echo& echo, std::uint64_t messages = 10) {
  const TestServer server([&](const TestServer& self) {
    const Fd fd = self.Accept();
    EchoAll(fd, fd, echo);
  });
  Load load(One(server));
  EXPECT_TRUE(load.Connect().ok());
  load.Exchange(messages).IgnoreError();
  load.Finish().IgnoreError();
  return load.report();
}

bool Says(const LoadReport& report, std::string_view text) {
  return !report.problems.empty() && report.problems.front().contains(text) && !report.Verdict().ok();
}

TEST(LoadTest, AnHonestEchoPassesWithExactCounts) {
  const LoadReport report = Exchange(Honestly, 10);
  EXPECT_TRUE(report.Verdict().ok());
  EXPECT_EQ(report.messages, 10U);
  EXPECT_EQ(report.bytes, 640U);
  EXPECT_EQ(report.latencies.count(), 10U);
  EXPECT_EQ(report.finished, 1U);
  EXPECT_TRUE(report.problems.empty());
}

TEST(LoadTest, AnEchoInPiecesIsStillHonest) {
  const TestServer server([](const TestServer& self) {
    const Fd fd = self.Accept();
    EchoAll(fd, fd, [&](std::uint64_t, const Bytes& bytes) {
      for (const unsigned char byte : bytes) SendAll(fd, {byte});
      return Bytes();
    });
  });
  Load load(One(server));
  ASSERT_TRUE(load.Connect().ok());
  EXPECT_TRUE(load.Exchange(5).ok());
  EXPECT_TRUE(load.Finish().ok());
  EXPECT_TRUE(load.report().Verdict().ok());
  EXPECT_EQ(load.report().messages, 5U);
}

TEST(LoadTest, CatchesAWrongByte) {
  const LoadReport report = Exchange([](std::uint64_t offset, Bytes bytes) {
    if (offset <= 321 && 321 < offset + bytes.size()) bytes[321 - offset] ^= 1;
    return bytes;
  });
  EXPECT_EQ(report.mismatches, 1U);
  EXPECT_EQ(report.messages, 5U) << "what was right before it counts";
  EXPECT_TRUE(Says(report, "wrong bytes"));
}

TEST(LoadTest, CatchesAMessageEchoedTwice) {
  const LoadReport report = Exchange([](std::uint64_t offset, Bytes bytes) {
    if (offset == 128) bytes.insert(bytes.end(), bytes.begin(), bytes.end());
    return bytes;
  });
  EXPECT_EQ(report.mismatches, 1U);
  EXPECT_TRUE(Says(report, "more came back than was sent"));
}

TEST(LoadTest, CatchesAnAnswerToAnEarlierMessage) {
  Bytes first;
  const LoadReport report = Exchange([&](std::uint64_t offset, const Bytes& bytes) {
    if (offset == 0) first = bytes;
    return first;
  });
  EXPECT_EQ(report.mismatches, 1U);
  EXPECT_EQ(report.messages, 1U);
}

TEST(LoadTest, CatchesBytesOfAnotherConnection) {
  const TestServer server([](const TestServer& self) {
    const Fd a = self.Accept();
    const Fd b = self.Accept();
    EchoAll(a, b, Honestly, 64);
    EchoAll(b, a, Honestly, 64);
  });
  LoadOptions options = One(server);
  options.connections = 2;
  Load load(options);
  ASSERT_TRUE(load.Connect().ok());
  load.Exchange(2).IgnoreError();
  EXPECT_EQ(load.report().mismatches, 2U);
}

TEST(LoadTest, CatchesTheLastByteMissingAtTheEnd) {
  const TestServer server([](const TestServer& self) {
    const Fd fd = self.Accept();
    EchoAll(fd, fd, [](std::uint64_t offset, Bytes bytes) {
      if (offset + bytes.size() == 100'000) bytes.pop_back();
      return bytes;
    });
  });
  Load load(One(server));
  ASSERT_TRUE(load.Connect().ok());
  EXPECT_TRUE(load.StreamAndFinish(100'000).ok());
  EXPECT_EQ(load.report().cuts, 1U);
  EXPECT_TRUE(Says(load.report(), "the stream ended early (sent 100000, received 99999)"));
}

TEST(LoadTest, CatchesAServerThatEndsBetweenMessages) {
  const TestServer server([](const TestServer& self) {
    const Fd fd = self.Accept();
    EchoAll(fd, fd, Honestly, 320);
  });
  Load load(One(server));
  ASSERT_TRUE(load.Connect().ok());
  EXPECT_FALSE(load.Exchange(10).ok());
  EXPECT_EQ(load.report().messages, 5U);
  EXPECT_EQ(load.report().cuts, 1U);
}

TEST(LoadTest, CatchesAResetInMidStream) {
  const TestServer server([](const TestServer& self) {
    Fd fd = self.Accept();
    EchoAll(fd, fd, Honestly, 1000);
    Reset(fd);
  });
  Load load(One(server));
  ASSERT_TRUE(load.Connect().ok());
  load.StreamAndFinish(1 << 20).IgnoreError();
  EXPECT_EQ(load.report().cuts, 1U);
  EXPECT_EQ(load.report().finished, 0U);
}

TEST(LoadTest, GivesUpOnAServerThatDoesNotAnswer) {
  const TestServer server([](const TestServer& self) {
    const Fd fd = self.Accept();
    EchoAll(fd, fd, [](std::uint64_t, const Bytes&) { return Bytes(); });
  });
  Load load(One(server, std::chrono::milliseconds(50)));
  ASSERT_TRUE(load.Connect().ok());
  const Status status = load.Exchange(1);
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(status.message().contains("1 messages were unanswered; the limit is 50 ms")) << status.ToString();
}

TEST(LoadTest, AServerThatNeverEndsTheStreamIsACut) {
  std::promise<void> promise;
  const std::future<void> released = promise.get_future();
  const TestServer server([&](const TestServer& self) {
    const Fd fd = self.Accept();
    EchoAll(fd, fd, Honestly);
    released.wait();
  });
  const std::promise<void> release = std::move(promise);  // released when this goes, before the server is joined
  Load load(One(server, std::chrono::milliseconds(300)));
  ASSERT_TRUE(load.Connect().ok());
  ASSERT_TRUE(load.Exchange(3).ok());
  EXPECT_TRUE(load.Finish().ok());
  EXPECT_EQ(load.report().cuts, 1U);
  EXPECT_TRUE(Says(load.report(), "still open after the timeout"));
}

TEST(LoadTest, OneBadConnectionDoesNotEndTheOthers) {
  const TestServer server([](const TestServer& self) {
    const Fd bad = self.Accept();
    const Fd good = self.Accept();
    EchoAll(bad, bad, [](std::uint64_t, Bytes bytes) { return Bytes(bytes.size(), 0); }, 64);
    EchoAll(good, good, Honestly);
  });
  LoadOptions options = One(server);
  options.connections = 2;
  Load load(options);
  ASSERT_TRUE(load.Connect().ok());
  EXPECT_TRUE(load.Exchange(20).ok());
  EXPECT_TRUE(load.Finish().ok());
  EXPECT_EQ(load.report().mismatches, 1U);
  EXPECT_EQ(load.report().finished, 1U);
  EXPECT_EQ(load.report().messages, 19U) << "all but the one that was lost";
}

TEST(LoadTest, SaysWhoRefusesTheConnection) {
  std::string address;
  {
    const Fd listener = Listen("127.0.0.1:0").value();
    address = BoundAddress(listener.get()).value();
  }
  Load load({.address = address});
  const Status status = load.Connect();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status.ToString();
  EXPECT_TRUE(status.message().contains(address)) << status.ToString();
}

TEST(LoadTest, RefusesOptionsOutsideTheirLimits) {
  const auto refused = [](LoadOptions options) {
    options.address = "127.0.0.1:1";
    return Load(options).Connect().code() == StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused({.connections = 0}));
  EXPECT_TRUE(refused({.connections = kConnectionsMax + 1}));
  EXPECT_TRUE(refused({.size = 0}));
  EXPECT_TRUE(refused({.size = kMessageBytesMax + 1}));
  EXPECT_TRUE(refused({.window = 0}));
  EXPECT_TRUE(refused({.reset_share = 1.5}));
  EXPECT_TRUE(refused({.size = 1, .reset_share = 0.5}));
  EXPECT_EQ(Load({.address = "localhost:7"}).Connect().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace flywheel::bench::echo
