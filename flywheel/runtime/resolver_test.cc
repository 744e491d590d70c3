#include "flywheel/runtime/resolver.h"

#include <gtest/gtest.h>
#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "flywheel/runtime/internal/test_net.h"
#include "flywheel/runtime/internal/thread_loop.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::inline v0 {
namespace {

using internal::ParseEndpoint;
using internal::TwoHosts;
using sim::NameFault;
using std::chrono::milliseconds;
using std::chrono::seconds;

using Answer = StatusOr<std::vector<Endpoint>>;

Task<Answer> Ask(std::string host, std::uint16_t port = 80) {
  co_return co_await Context::current().host()->resolver().Resolve(host, port);
}

std::string Text(const Answer& answer) {
  if (!answer.ok()) return answer.status().ToString();
  std::vector<std::string> texts;
  for (const Endpoint& endpoint : *answer) texts.push_back(endpoint.ToString());
  std::ranges::sort(texts);
  std::string all;
  for (const std::string& text : texts) all.append(all.empty() ? "" : " ").append(text);
  return all;
}

// The kernel's and the simulated one, where both must say the same.
template <typename Check>
void WithBoth(Check check) {
  internal::ThreadLoop loop;
  check([&](std::string host) { return Text(loop.Run(Ask(std::move(host)))); });
  TwoHosts net;
  check([&](std::string host) { return Text(net.Run(net.client, Ask(std::move(host)))); });
}

TEST(ResolverTest, AnAddressIsItsOwnAnswer) {
  WithBoth([](auto ask) {
    EXPECT_EQ(ask("192.0.2.7"), "192.0.2.7:80");
    EXPECT_EQ(ask("2001:db8::7"), "[2001:db8::7]:80");
  });
}

TEST(ResolverTest, RefusesWhatIsNoName) {
  WithBoth([](auto ask) {
    EXPECT_TRUE(ask("two words").starts_with("INVALID_ARGUMENT: ")) << ask("two words");
    EXPECT_TRUE(ask("").starts_with("INVALID_ARGUMENT: "));
    EXPECT_TRUE(ask("127.1").starts_with("INVALID_ARGUMENT: ")) << "getaddrinfo would take it for 127.0.0.1";
  });
}

TEST(ResolverTest, KnowsLocalhost) {
  // A machine without a hosts file, as a naked chroot, knows no names of its own; the answer then is what it says.
  addrinfo* known = nullptr;
  const bool named = ::getaddrinfo("localhost", nullptr, nullptr, &known) == 0;
  if (named) ::freeaddrinfo(known);
  const std::string expected = named ? "127.0.0.1:80" : "NOT_FOUND: ";
  internal::ThreadLoop loop;
  EXPECT_TRUE(Text(loop.Run(Ask("localhost"))).contains(expected)) << Text(loop.Run(Ask("localhost")));
  TwoHosts net;
  EXPECT_TRUE(Text(net.Run(net.client, Ask("localhost"))).contains("127.0.0.1:80"));
}

TEST(ResolverTest, AnAddressNeedsNoBlockingThread) {
  internal::ThreadLoop loop;
  loop.Run([]() -> Task<void> {
    // A job would be refused in a cancelled context.
    const ContextScope scope(Context::current().Child());
    Context::current().Cancel(Cancelled("too late"));
    EXPECT_TRUE((co_await Ask("127.0.0.1")).ok());
    EXPECT_EQ((co_await Ask("localhost")).status().message(), "too late");
  }());
}

TEST(ResolverTest, FailuresNameTheHostTheReasonAndWhatToCheck) {
  EXPECT_EQ(
      internal::ResolveStatus(EAI_NONAME, 0, "shop").ToString(),
      "NOT_FOUND: resolving shop: Name or service not known; check the spelling, and `getent ahosts` on this machine");
  EXPECT_EQ(internal::ResolveStatus(EAI_AGAIN, 0, "shop").ToString(),
            "UNAVAILABLE: resolving shop: Temporary failure in name resolution; check that the name servers in "
            "/etc/resolv.conf answer");
  EXPECT_EQ(internal::ResolveStatus(EAI_FAIL, 0, "shop").code(), StatusCode::kUnavailable);
  EXPECT_EQ(internal::ResolveStatus(EAI_NODATA, 0, "shop").code(), StatusCode::kNotFound);
  EXPECT_EQ(internal::ResolveStatus(EAI_MEMORY, 0, "shop").code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(internal::ResolveStatus(EAI_SYSTEM, EMFILE, "shop").ToString(),
            "RESOURCE_EXHAUSTED: resolving shop: Too many open files (EMFILE)");
  EXPECT_EQ(internal::ResolveStatus(EAI_BADFLAGS, 0, "shop").code(), StatusCode::kUnknown);
  EXPECT_TRUE(internal::ResolveStatus(0, 0, "shop").ok());
}

TEST(SimResolverTest, HostsAreKnownByTheirNames) {
  TwoHosts net;
  EXPECT_EQ(Text(net.Run(net.client, Ask("server", 81))), "10.0.0.1:81");
  EXPECT_EQ(Text(net.Run(net.server, Ask("CLIENT."))), "10.0.0.2:80");
}

TEST(SimResolverTest, NamesLeadToHostsInAnyOrder) {
  TwoHosts net;
  net.network().SetName("db.internal", {&net.server, &net.client});
  std::vector<std::string> first;
  for (int i = 0; i < 50; ++i) {
    const Answer answer = net.Run(net.client, Ask("db.internal"));
    EXPECT_EQ(Text(answer), "10.0.0.1:80 10.0.0.2:80");
    first.push_back(answer->front().host());
  }
  EXPECT_GT(std::ranges::count(first, "10.0.0.1"), 10);
  EXPECT_GT(std::ranges::count(first, "10.0.0.2"), 10);
}

TEST(SimResolverTest, AnAnswerTakesItsTime) {
  TwoHosts net;
  net.network().SetResolver({.latency = milliseconds(40), .jitter = milliseconds(20)});
  for (int i = 0; i < 20; ++i) {
    const Instant begin = net.world.now();
    EXPECT_TRUE(net.Run(net.client, Ask("server")).ok());
    EXPECT_GE(net.world.now() - begin, milliseconds(40));
    EXPECT_LE(net.world.now() - begin, milliseconds(61));
  }
}

TEST(SimResolverTest, NamesFailInTheWaysOfNameServers) {
  TwoHosts net;
  net.network().SetName("db.internal", {&net.server});
  EXPECT_EQ(net.Run(net.client, Ask("nobody.internal")).status(),
            internal::ResolveStatus(EAI_NONAME, 0, "nobody.internal"));
  net.network().FailName("db.internal", NameFault::kNotFound);
  EXPECT_EQ(net.Run(net.client, Ask("db.internal")).status().code(), StatusCode::kNotFound);
  net.network().FailName("db.internal", NameFault::kServerFailure);
  EXPECT_EQ(net.Run(net.client, Ask("db.internal")).status(), internal::ResolveStatus(EAI_AGAIN, 0, "db.internal"));
  net.network().FailName("db.internal", NameFault::kTimeout);
  const Instant begin = net.world.now();
  EXPECT_EQ(net.Run(net.client, Ask("db.internal")).status().code(), StatusCode::kUnavailable);
  EXPECT_GE(net.world.now() - begin, seconds(10));
  net.network().FailName("db.internal", NameFault::kNone);
  EXPECT_TRUE(net.Run(net.client, Ask("db.internal")).ok());
  net.network().SetName("db.internal", {});
  EXPECT_EQ(net.Run(net.client, Ask("db.internal")).status().code(), StatusCode::kNotFound);
}

TEST(SimResolverTest, ChangesAreSeenWhenCachesAreOld) {
  TwoHosts net;
  net.network().SetName("db.internal", {&net.server});
  net.network().SetResolver({.stale = seconds(30)});
  net.world.RunFor(seconds(60));
  net.network().SetName("db.internal", {&net.client});
  net.world.RunFor(seconds(10));
  int old = 0;
  for (int i = 0; i < 100; ++i) old += Text(net.Run(net.client, Ask("db.internal"))) == "10.0.0.1:80" ? 1 : 0;
  EXPECT_GT(old, 20);
  EXPECT_LT(old, 95);
  net.world.RunFor(seconds(30));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Text(net.Run(net.client, Ask("db.internal"))), "10.0.0.2:80");
}

TEST(SimResolverTest, AQueryThatRunsIsWaitedFor) {
  TwoHosts net;
  net.network().FailName("server", NameFault::kTimeout);
  const Instant begin = net.world.now();
  net.Run(net.client, []() -> Task<void> {
    TaskGroup group;
    group.Spawn([]() -> Task<Status> { co_return (co_await Ask("server")).status(); }());
    EXPECT_TRUE((co_await Sleep(seconds(1))).ok());
    group.Cancel(Cancelled("enough"));
    EXPECT_EQ((co_await group.Join()).code(), StatusCode::kUnavailable);
  }());
  EXPECT_GE(net.world.now() - begin, seconds(10));
}

}  // namespace
}  // namespace flywheel::inline v0
