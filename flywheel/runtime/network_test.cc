#include "flywheel/runtime/network.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "flywheel/runtime/internal/test_host.h"
#include "flywheel/runtime/internal/thread_loop.h"
#include "flywheel/runtime/runtime.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0 {
namespace {

using internal::ThreadLoop;
using namespace std::chrono_literals;

Network& Net() { return Context::current().host()->network(); }

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

Task<std::string> ReadSome(Socket& socket) {
  std::array<std::byte, 4096> buffer;
  const auto count = co_await socket.Read(buffer);
  if (!count.ok()) co_return "failed: " + count.status().ToString();
  co_return std::string(reinterpret_cast<const char*>(buffer.data()), *count);
}
Task<Status> WriteAll(Socket& socket, std::string text) { co_return co_await socket.WriteAll(Bytes(text)); }
Task<StatusOr<std::unique_ptr<Socket>>> Accept(Listener& listener) { co_return co_await listener.Accept(); }

struct Connection {
  std::unique_ptr<Socket> client;
  std::unique_ptr<Socket> server;
};

Task<Connection> Connect(Listener& listener) {
  auto [client, server] = co_await WhenAll(Net().Connect(listener.local()), Accept(listener));
  FW_CHECK(client.ok()) << client.status();
  FW_CHECK(server.ok()) << server.status();
  co_return Connection{.client = *std::move(client), .server = *std::move(server)};
}

// Everything that holds for all stream sockets is tested with all of them.
class NetworkTest : public testing::TestWithParam<const char*> {
 protected:
  NetworkTest() {
    std::string pattern = testing::TempDir() + "flywheel_network_test_XXXXXX";
    FW_CHECK(::mkdtemp(pattern.data()) != nullptr) << pattern;
    folder_ = pattern;
  }
  ~NetworkTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] bool is_tcp() const { return std::string_view(GetParam()) != "unix"; }
  [[nodiscard]] Endpoint Where() const {
    return *Endpoint::Parse(is_tcp() ? std::string(GetParam()) : "unix:" + folder_ + "/socket");
  }
  // Runs `body` with a listener, a client and a server.
  void Talk(Task<void> (*body)(Connection)) {
    const auto test = [](const Endpoint& where, Task<void> (*run)(Connection)) -> Task<void> {
      const auto listener = *Net().Listen(where);
      co_await run(co_await Connect(*listener));
    };
    loop_.Run(test(Where(), body));
  }

  ThreadLoop loop_;
  std::string folder_;
};

// What unix sockets do not have: they know no reset and connect at once.
class TcpTest : public NetworkTest {};

std::string FamilyName(const testing::TestParamInfo<const char*>& test) {
  const std::string_view where = test.param;
  return where == "unix" ? "Unix" : where.starts_with('[') ? "Tcp6" : "Tcp4";
}
INSTANTIATE_TEST_SUITE_P(Families, NetworkTest, testing::Values("127.0.0.1:0", "[::1]:0", "unix"), &FamilyName);
INSTANTIATE_TEST_SUITE_P(Families, TcpTest, testing::Values("127.0.0.1:0", "[::1]:0"), &FamilyName);

TEST_P(NetworkTest, BytesGoBothWays) {
  Talk([](Connection both) -> Task<void> {
    EXPECT_EQ(co_await WriteAll(*both.client, "question"), Status::Ok());
    EXPECT_EQ(co_await ReadSome(*both.server), "question");
    EXPECT_EQ(co_await WriteAll(*both.server, "answer"), Status::Ok());
    EXPECT_EQ(co_await ReadSome(*both.client), "answer");
  });
}

TEST_P(NetworkTest, EndpointsAreKnown) {
  const auto test = [](const Endpoint& where, bool tcp) -> Task<void> {
    const auto listener = *Net().Listen(where);
    if (tcp) {
      EXPECT_NE(listener->local().port(), 0);
    } else {
      EXPECT_EQ(listener->local(), where);
    }
    const Connection both = co_await Connect(*listener);
    EXPECT_EQ(both.client->peer(), listener->local());
    EXPECT_EQ(both.server->local(), listener->local());
    if (tcp) EXPECT_EQ(both.server->peer(), both.client->local());
  };
  loop_.Run(test(Where(), is_tcp()));
}

TEST_P(NetworkTest, HalfClosedPeerIsStillServed) {
  Talk([](Connection both) -> Task<void> {
    EXPECT_EQ(co_await WriteAll(*both.client, "last words"), Status::Ok());
    EXPECT_EQ(both.client->ShutdownWrite(), Status::Ok());
    EXPECT_EQ(co_await ReadSome(*both.server), "last words");
    EXPECT_EQ(co_await ReadSome(*both.server), "");
    EXPECT_EQ(co_await ReadSome(*both.server), "");  // the end stays
    EXPECT_EQ(co_await WriteAll(*both.server, "understood"), Status::Ok());
    EXPECT_EQ(co_await ReadSome(*both.client), "understood");
    both.server.reset();
    EXPECT_EQ(co_await ReadSome(*both.client), "");
  });
}

// The peer has gone; what it wrote before is read to its end first.
TEST_P(NetworkTest, ClosedPeerIsReadToItsEnd) {
  Talk([](Connection both) -> Task<void> {
    EXPECT_EQ(co_await WriteAll(*both.client, "bye"), Status::Ok());
    both.client.reset();
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    EXPECT_EQ(co_await ReadSome(*both.server), "bye");
    EXPECT_EQ(co_await ReadSome(*both.server), "");
    Status status;
    for (int i = 0; i < 100 && status.ok(); ++i) {
      status = co_await WriteAll(*both.server, "anybody there?");
      EXPECT_EQ(co_await Yield(), Status::Ok());
    }
    EXPECT_TRUE(status.message().starts_with("writing to ")) << status.ToString();
    EXPECT_TRUE(status.message().ends_with("(EPIPE)") || status.message().ends_with("(ECONNRESET)"))
        << status.ToString();
  });
}

TEST_P(NetworkTest, ReaderIsWokenByDataAndByTheEnd) {
  Talk([](Connection both) -> Task<void> {
    const auto speak = [](std::unique_ptr<Socket> socket) -> Task<void> {
      for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
        EXPECT_EQ(co_await WriteAll(*socket, std::to_string(i)), Status::Ok());
      }
      EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    };
    TaskGroup group;
    group.Spawn(speak(std::move(both.client)));
    std::string all;
    for (std::string part = co_await ReadSome(*both.server); !part.empty(); part = co_await ReadSome(*both.server)) {
      all += part;
    }
    EXPECT_EQ(all, "012");
    EXPECT_EQ(co_await group.Join(), Status::Ok());
  });
}

TEST_P(NetworkTest, BigWriteWaitsForASlowReader) {
  Talk([](Connection both) -> Task<void> {
    constexpr std::size_t kBytes = 16 << 20;
    std::string text;
    for (int i = 0; text.size() < kBytes; ++i) text += std::to_string(i) + ",";
    bool written = false;
    const auto write = [](Socket& socket, const std::string& all, bool& done) -> Task<void> {
      EXPECT_EQ(co_await socket.WriteAll(Bytes(all)), Status::Ok());
      done = true;
      EXPECT_EQ(socket.ShutdownWrite(), Status::Ok());
    };
    TaskGroup group;
    group.Spawn(write(*both.client, text, written));
    EXPECT_EQ(co_await Sleep(5ms), Status::Ok());
    EXPECT_FALSE(written);
    std::size_t at = 0;
    bool equal = true;
    for (std::string part = co_await ReadSome(*both.server); !part.empty(); part = co_await ReadSome(*both.server)) {
      equal = equal && text.compare(at, part.size(), part) == 0;
      at += part.size();
    }
    EXPECT_TRUE(equal);
    EXPECT_EQ(at, text.size());
    EXPECT_EQ(co_await group.Join(), Status::Ok());
  });
}

TEST_P(NetworkTest, CancelledReadAndWriteLeaveTheSocketUsable) {
  Talk([](Connection both) -> Task<void> {
    EXPECT_TRUE((co_await Timeout(1ms, ReadSome(*both.server))).starts_with("failed: DEADLINE_EXCEEDED"));
    EXPECT_EQ(co_await WriteAll(*both.client, "x"), Status::Ok());
    EXPECT_EQ(co_await ReadSome(*both.server), "x");
    const auto flood = [](Socket& socket) -> Task<Status> {
      const std::string block(1 << 20, 'x');
      for (;;) FW_CO_RETURN_IF_ERROR(co_await socket.WriteAll(Bytes(block)));
    };
    EXPECT_EQ((co_await Timeout(5ms, flood(*both.client))).code(), StatusCode::kDeadlineExceeded);
    while ((co_await Timeout(1ms, ReadSome(*both.server))).starts_with('x')) continue;
    EXPECT_EQ(co_await WriteAll(*both.client, "y"), Status::Ok());
    EXPECT_EQ(co_await ReadSome(*both.server), "y");
  });
}

TEST_P(NetworkTest, CancelledAcceptTakesNobody) {
  const auto test = [](const Endpoint& where) -> Task<void> {
    const auto listener = *Net().Listen(where);
    EXPECT_EQ((co_await Timeout(1ms, Accept(*listener))).status().code(), StatusCode::kDeadlineExceeded);
    const Connection both = co_await Connect(*listener);
    EXPECT_EQ(co_await WriteAll(*both.client, "x"), Status::Ok());
    EXPECT_EQ(co_await ReadSome(*both.server), "x");
    EXPECT_EQ(*listener->TryAccept(), nullptr);
  };
  loop_.Run(test(Where()));
}

TEST_P(NetworkTest, RefusedConnectionNamesThePeerAndTheReason) {
  const auto test = [](const Endpoint& where) -> Task<void> {
    Endpoint gone = where;
    {
      const auto listener = *Net().Listen(where);
      gone = listener->local();
    }
    const Status status = (co_await Net().Connect(gone)).status();
    EXPECT_EQ(status.code(), StatusCode::kUnavailable);
    EXPECT_EQ(status.message(), "connecting to " + gone.ToString() + ": Connection refused (ECONNREFUSED)");
  };
  loop_.Run(test(Where()));
}

TEST_P(NetworkTest, TakenAddressNamesItself) {
  const auto test = [](const Endpoint& where) -> Task<void> {
    const auto first = *Net().Listen(where);
    const Status status = Net().Listen(first->local()).status();
    EXPECT_EQ(status.message(), "binding " + first->local().ToString() + ": Address already in use (EADDRINUSE)");
    co_return;
  };
  loop_.Run(test(Where()));
}

TEST_P(NetworkTest, EveryoneWhoWaitsIsAccepted) {
  const auto test = [](const Endpoint& where) -> Task<void> {
    constexpr int kConnections = 100;
    const auto listener = *Net().Listen(where);
    std::vector<std::unique_ptr<Socket>> clients;
    for (int i = 0; i < kConnections; ++i) {
      auto client = co_await Net().Connect(listener->local());
      FW_CHECK(client.ok()) << client.status();
      clients.push_back(*std::move(client));
    }
    for (int i = 0; i < kConnections; ++i) EXPECT_TRUE((co_await listener->Accept()).ok());
    EXPECT_EQ(*listener->TryAccept(), nullptr);
  };
  loop_.Run(test(Where()));
}

TEST_P(NetworkTest, SocketMayMoveToAnotherLoopBeforeItsFirstWait) {
  const auto runtime = *Runtime::Create({.name = "test", .loops = 1});
  std::unique_ptr<Socket> client;
  std::unique_ptr<Socket> server;
  const auto make = [](const Endpoint& where, std::unique_ptr<Socket>& a, std::unique_ptr<Socket>& b) -> Task<void> {
    const auto listener = *Net().Listen(where);
    Connection both = co_await Connect(*listener);
    a = std::move(both.client);
    b = std::move(both.server);
  };
  loop_.Run(make(Where(), client, server));
  const auto echo = [](std::unique_ptr<Socket> socket) -> Task<std::string> {
    const std::string text = co_await ReadSome(*socket);
    EXPECT_EQ(co_await WriteAll(*socket, text + text), Status::Ok());
    co_return text;
  };
  loop_.Run(WriteAll(*client, "ab")).IgnoreError();
  EXPECT_EQ(*runtime->BlockOn(echo(std::move(server))), "ab");
  EXPECT_EQ(loop_.Run(ReadSome(*client)), "abab");
}

TEST_P(TcpTest, ResetIsSeenAsAFailure) {
  Talk([](Connection both) -> Task<void> {
    EXPECT_EQ(co_await WriteAll(*both.client, "cut"), Status::Ok());
    both.client->ResetOnClose();
    both.client.reset();
    EXPECT_EQ(co_await Sleep(1ms), Status::Ok());
    std::string part = "cut";
    while (part == "cut") part = co_await ReadSome(*both.server);
    EXPECT_TRUE(part.starts_with("failed: UNAVAILABLE: reading from 127.0.0.1:") ||
                part.starts_with("failed: UNAVAILABLE: reading from [::1]:"))
        << part;
    EXPECT_TRUE(part.ends_with("(ECONNRESET)")) << part;
  });
}

TEST_P(TcpTest, ResetWakesAReaderAndAWriter) {
  Talk([](Connection both) -> Task<void> {
    const auto read = [](Socket& socket) -> Task<Status> {
      std::array<std::byte, 16> buffer;
      co_return (co_await socket.Read(buffer)).status();
    };
    const auto flood = [](Socket& socket) -> Task<Status> {
      const std::string block(1 << 20, 'x');
      for (;;) FW_CO_RETURN_IF_ERROR(co_await socket.WriteAll(Bytes(block)));
    };
    const auto cut = [](std::unique_ptr<Socket> socket) -> Task<void> {
      EXPECT_EQ(co_await Sleep(5ms), Status::Ok());
      socket->ResetOnClose();
    };
    const auto [reader, writer, nothing] =
        co_await WhenAll(read(*both.server), flood(*both.server), cut(std::move(both.client)));
    EXPECT_FALSE(reader.ok());
    EXPECT_FALSE(writer.ok());
  });
}

TEST_P(TcpTest, CancelledConnectGivesUp) {
  const auto test = [](const Endpoint& where) -> Task<void> {
    // A full backlog leaves further connections in mid-air.
    const auto listener = *Net().Listen(where, {.backlog = 0});
    std::vector<std::unique_ptr<Socket>> filling;
    Status status;
    for (int i = 0; i < 10 && status.ok(); ++i) {
      auto client = co_await Timeout(20ms, Net().Connect(listener->local()));
      status = client.status();
      if (client.ok()) filling.push_back(*std::move(client));
    }
    EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  };
  loop_.Run(test(Where()));
}

TEST(NetworkRefusalTest, NamesMustBeResolvedFirst) {
  ThreadLoop loop;
  const auto test = []() -> Task<void> {
    const Endpoint name = *Endpoint::Parse("localhost:80");
    EXPECT_EQ(Net().Listen(name).status().code(), StatusCode::kFailedPrecondition);
    EXPECT_EQ((co_await Net().Connect(name)).status().code(), StatusCode::kFailedPrecondition);
  };
  loop.Run(test());
}

TEST(NetworkDeathTest, TwoTasksThatReadOneSocketAreABug) {
  const auto test = []() -> Task<void> {
    const auto listener = *Net().Listen(*Endpoint::Parse("127.0.0.1:0"));
    const Connection both = co_await Connect(*listener);
    (void)co_await WhenAll(ReadSome(*both.client), ReadSome(*both.client));
  };
  EXPECT_DEATH(ThreadLoop().Run(test()), "two tasks wait for the same Readable; one reader and one writer may");
}

TEST(NetworkDeathTest, ClosingUnderAReaderIsABug) {
  const auto test = []() -> Task<void> {
    const auto listener = *Net().Listen(*Endpoint::Parse("127.0.0.1:0"));
    Connection both = co_await Connect(*listener);
    TaskGroup group;
    const auto read = [](Socket& socket) -> Task<void> { (void)co_await ReadSome(socket); };
    group.Spawn(read(*both.client));
    (co_await Sleep(1ms)).IgnoreError();
    both.client.reset();
    (co_await group.Join()).IgnoreError();
  };
  EXPECT_DEATH(ThreadLoop().Run(test()), "an I/O object was closed while a task waits for it");
}

}  // namespace
}  // namespace flywheel::inline v0
