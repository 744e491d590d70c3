#include "flywheel/base/endpoint.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace flywheel::inline v0 {
namespace {

using Kind = Endpoint::Kind;

Endpoint Make(std::string_view text) {
  StatusOr<Endpoint> endpoint = Endpoint::Parse(text);
  FW_CHECK(endpoint.ok()) << endpoint.status();
  return *std::move(endpoint);
}

// A socket that is closed at the end.
class Socket {
 public:
  Socket(int family, int type) : fd_(::socket(family, type | SOCK_CLOEXEC, 0)) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { ::close(fd_); }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] StatusOr<Endpoint> Name() const {
    SocketAddress address{.storage = {}, .length = sizeof(sockaddr_storage)};
    if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0) {
      return ErrnoStatus(errno, "getsockname");
    }
    return Endpoint::FromSockaddr(address.get(), address.length);
  }

 private:
  int fd_;
};

struct Accepted {
  std::string_view text;
  Kind kind;
  std::string_view host;
  std::uint16_t port;
  std::string_view canonical;
};

TEST(EndpointTest, ReadsEveryFormAndPrintsItInOneWay) {
  const std::string longest_label(63, 'a');
  const std::string longest_name =
      longest_label + "." + longest_label + "." + longest_label + "." + std::string(61, 'b');
  const std::string longest_text = longest_name + ":65535";
  const std::string longest_path = "unix:/" + std::string(106, 'p');
  const std::vector<Accepted> accepted = {
      {"127.0.0.1:80", Kind::kIpv4, "127.0.0.1", 80, "127.0.0.1:80"},
      {"0.0.0.0:0", Kind::kIpv4, "0.0.0.0", 0, "0.0.0.0:0"},
      {"255.255.255.255:65535", Kind::kIpv4, "255.255.255.255", 65535, "255.255.255.255:65535"},
      {"[::1]:80", Kind::kIpv6, "::1", 80, "[::1]:80"},
      {"[::]:0", Kind::kIpv6, "::", 0, "[::]:0"},
      {"[2001:DB8:0:0:0:0:0:1]:443", Kind::kIpv6, "2001:db8::1", 443, "[2001:db8::1]:443"},
      {"[::FFFF:1.2.3.4]:1", Kind::kIpv6, "::ffff:1.2.3.4", 1, "[::ffff:1.2.3.4]:1"},
      {"[fe80::1%eth0]:80", Kind::kIpv6, "fe80::1%eth0", 80, "[fe80::1%eth0]:80"},
      {"[FE80:0::1%br-0.1_x]:80", Kind::kIpv6, "fe80::1%br-0.1_x", 80, "[fe80::1%br-0.1_x]:80"},
      {"[fe80::1%4294967295]:80", Kind::kIpv6, "fe80::1%4294967295", 80, "[fe80::1%4294967295]:80"},
      {"name:80", Kind::kName, "name", 80, "name:80"},
      {"Shop.Example.COM:8080", Kind::kName, "shop.example.com", 8080, "shop.example.com:8080"},
      {"absolute.example.:1", Kind::kName, "absolute.example.", 1, "absolute.example.:1"},
      {"_grpc._tcp.shop_1:1", Kind::kName, "_grpc._tcp.shop_1", 1, "_grpc._tcp.shop_1:1"},
      {"1.2.3.4.in-addr.arpa:53", Kind::kName, "1.2.3.4.in-addr.arpa", 53, "1.2.3.4.in-addr.arpa:53"},
      {"4chan:1", Kind::kName, "4chan", 1, "4chan:1"},
      {"0xg:1", Kind::kName, "0xg", 1, "0xg:1"},
      {"xn--bcher-kva.example:1", Kind::kName, "xn--bcher-kva.example", 1, "xn--bcher-kva.example:1"},
      {longest_text, Kind::kName, longest_name, 65535, longest_text},
      {"unix:/run/x.sock", Kind::kUnixPath, "/run/x.sock", 0, "unix:/run/x.sock"},
      {"unix:/a b:80", Kind::kUnixPath, "/a b:80", 0, "unix:/a b:80"},
      {"unix:@flywheel", Kind::kUnixAbstract, "@flywheel", 0, "unix:@flywheel"},
      {longest_path, Kind::kUnixPath, std::string_view(longest_path).substr(5), 0, longest_path},
  };
  EXPECT_EQ(longest_name.size(), 253);
  for (const Accepted& expected : accepted) {
    const StatusOr<Endpoint> endpoint = Endpoint::Parse(expected.text);
    ASSERT_TRUE(endpoint.ok()) << endpoint.status().message();
    EXPECT_EQ(endpoint->kind(), expected.kind) << expected.text;
    EXPECT_EQ(endpoint->host(), expected.host);
    EXPECT_EQ(endpoint->port(), expected.port);
    EXPECT_EQ(endpoint->ToString(), expected.canonical);
    EXPECT_EQ(Make(expected.canonical), *endpoint);
    EXPECT_EQ(endpoint->is_numeric(), expected.kind == Kind::kIpv4 || expected.kind == Kind::kIpv6);
    EXPECT_EQ(endpoint->is_unix(), expected.kind == Kind::kUnixPath || expected.kind == Kind::kUnixAbstract);
  }
}

TEST(EndpointTest, RefusesTheRestAndSaysWhy) {
  const std::string long_label = std::string(64, 'a') + ":1";
  const std::string label(63, 'a');
  const std::string long_name = label + "." + label + "." + label + "." + std::string(62, 'b') + ":1";
  const std::string long_path = "unix:/" + std::string(107, 'p');
  const std::string long_abstract = "unix:@" + std::string(107, 'p');
  const std::vector<std::pair<std::string_view, std::string_view>> refused = {
      {"", "is empty"},
      {"name", "has no port"},
      {"127.0.0.1", "has no port"},
      {"[::1]", "has no port"},
      {"name:", "port that is not a number"},
      {"name:-1", "port that is not a number"},
      {"name:+80", "port that is not a number"},
      {"name: 80", "port that is not a number"},
      {"name:80 ", "port that is not a number"},
      {"name:080", "without leading zeros"},
      {"name:00", "without leading zeros"},
      {"name:65536", "from 0 to 65535"},
      {"name:99999999999999999999", "from 0 to 65535"},
      {"name:http", "port that is not a number"},
      {":80", "has no host"},
      {".:80", "has no host"},
      {"::1:80", "several colons; an IPv6 address stands in brackets"},
      {"a:b:80", "several colons"},
      {"[::1", "'[' without a ']'"},
      {"[::1]80", "between ']' and the port"},
      {"[::1]x:80", "between ']' and the port"},
      {"[127.0.0.1]:80", "around what is not an IPv6 address"},
      {"[]:80", "around what is not an IPv6 address"},
      {"[::g]:80", "malformed IPv6"},
      {"[1::2::3]:80", "malformed IPv6"},
      {"[:::]:80", "malformed IPv6"},
      {"[::1%]:80", "not link-local"},
      {"[::1%lo]:80", "not link-local"},
      {"[fe80::1%]:80", "% without an interface"},
      {"[fe80::1%0]:80", "% without the number"},
      {"[fe80::1%01]:80", "% without the number"},
      {"[fe80::1%4294967296]:80", "% without the number"},
      {"[fe80::1%sixteen-letters-]:80", "more than 15 characters"},
      {"[fe80::1%a/b]:80", "interface with other characters"},
      {"[fe80::1%25%eth0]:80", "interface with other characters"},
      {"256.0.0.1:80", "looks like an IPv4 address"},
      {"010.0.0.1:80", "looks like an IPv4 address"},
      {"127.1:80", "looks like an IPv4 address"},
      {"2130706433:80", "looks like an IPv4 address"},
      {"1.2.3.4.:80", "looks like an IPv4 address"},
      {"0x7f000001:80", "looks like an IPv4 address"},
      {"1.2.3.0X7F:80", "looks like an IPv4 address"},
      {"1.2.3.4.5:80", "looks like an IPv4 address"},
      {"a..b:80", "two dots in a row"},
      {".a:80", "dot in front"},
      {"a..:80", "two dots in a row"},
      {"-a:80", "'-' at the end of a label"},
      {"a-.b:80", "'-' at the end of a label"},
      {"a b:80", "other characters"},
      {"a/b:80", "other characters"},
      {"user@host:80", "other characters"},
      {"http://host:80", "several colons"},
      {"b\xc3\xbc"
       "cher:80",
       "other characters"},
      {std::string_view("a\0b:80", 6), "other characters"},
      {std::string_view("1.2.3.4\0:80", 11), "other characters"},
      {long_label, "label of more than 63 characters"},
      {long_name, "name of more than 253 characters"},
      {"UNIX:80", "stands for Unix sockets"},
      {"unix:", "neither an absolute path nor an abstract name"},
      {"unix:relative", "neither an absolute path nor an abstract name"},
      {"unix:80", "neither an absolute path nor an abstract name"},
      {"unix:/", "has no file"},
      {"unix:@", "empty abstract name"},
      {"unix:///run/x", "two slashes"},
      {"unix:/a\nb", "control character"},
      {std::string_view("unix:/a\0b", 9), "control character"},
      {long_path, "more than 107 characters"},
      {long_abstract, "more than 107 characters"},
  };
  for (const auto& [text, why] : refused) {
    const Status status = Endpoint::Parse(text).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_NE(status.message().find(why), std::string_view::npos) << text << ": " << status.message();
    EXPECT_TRUE(status.message().ends_with(Endpoint::kForms)) << status.message();
    EXPECT_LT(status.message().size(), 320) << text;
  }
  EXPECT_EQ(Endpoint::Parse("name").status().message(),
            "endpoint: 'name' has no port; write 127.0.0.1:80, [::1]:80, [fe80::1%eth0]:80, name:80, unix:/path or "
            "unix:@abstract");
}

TEST(EndpointTest, IsMadeFromAHostAlone) {
  EXPECT_EQ(Endpoint::Of("::1", 80)->ToString(), "[::1]:80");
  EXPECT_EQ(*Endpoint::Of("127.0.0.1", 0), Make("127.0.0.1:0"));
  EXPECT_EQ(Endpoint::Of("Shop", 1)->host(), "shop");
  EXPECT_FALSE(Endpoint::Of("[::1]", 80).ok());
  EXPECT_FALSE(Endpoint::Of("", 80).ok());
  EXPECT_FALSE(Endpoint::Of("a:1", 80).ok());
  EXPECT_FALSE(Endpoint::Of("unix", 80).ok());
}

TEST(EndpointTest, TakesAnotherPort) {
  EXPECT_EQ(Make("[::1]:0").WithPort(8080), Make("[::1]:8080"));
  EXPECT_EQ(Make("name:0").WithPort(8080), Make("name:8080"));
  EXPECT_DEATH(static_cast<void>(Make("unix:/x").WithPort(1)), "unix:/x has no port");
}

TEST(EndpointTest, ComparesOrdersAndHashesByValue) {
  const std::vector<Endpoint> sorted = {Make("10.0.0.1:2"), Make("9.0.0.1:1"), Make("9.0.0.1:2"), Make("[::1]:1"),
                                        Make("a:1"),        Make("b:1"),       Make("unix:/x"),   Make("unix:@x")};
  EXPECT_TRUE(std::ranges::is_sorted(sorted));
  std::unordered_set<Endpoint> set(sorted.begin(), sorted.end());
  EXPECT_EQ(set.size(), sorted.size());
  EXPECT_TRUE(set.contains(Make("[0::1]:1")));
  std::unordered_set<std::size_t> buckets;
  for (std::uint16_t port = 1; port <= 1000; ++port) {
    buckets.insert(std::hash<Endpoint>()(Make("a:1").WithPort(port)) >> 52);
  }
  EXPECT_GT(buckets.size(), 500) << "neighbouring ports spread";
}

TEST(EndpointTest, NumericAndUnixFormsSurviveASockaddr) {
  for (const std::string_view text : {"127.0.0.1:80", "0.0.0.0:0", "[::1]:65535", "[2001:db8::1]:443", "[fe80::1%7]:80",
                                      "[::ffff:1.2.3.4]:1", "unix:/run/x.sock", "unix:@flywheel"}) {
    const StatusOr<SocketAddress> address = Make(text).ToSockaddr();
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(Endpoint::FromSockaddr(address->get(), address->length)->ToString(), text);
  }
  const std::string longest = "unix:/" + std::string(106, 'p');
  const StatusOr<SocketAddress> address = Make(longest).ToSockaddr();
  EXPECT_EQ(address->length, sizeof(sockaddr_un));
  EXPECT_EQ(Endpoint::FromSockaddr(address->get(), address->length)->ToString(), longest);
}

TEST(EndpointTest, FillsTheFieldsTheKernelReads) {
  const SocketAddress v4 = *Make("1.2.3.4:258").ToSockaddr();
  const auto& in = reinterpret_cast<const sockaddr_in&>(v4.storage);
  EXPECT_EQ(in.sin_family, AF_INET);
  EXPECT_EQ(in.sin_port, htons(258));
  EXPECT_EQ(in.sin_addr.s_addr, htonl(0x01020304));
  EXPECT_EQ(v4.length, sizeof(sockaddr_in));
  const SocketAddress v6 = *Make("[fe80::1%7]:258").ToSockaddr();
  const auto& in6 = reinterpret_cast<const sockaddr_in6&>(v6.storage);
  EXPECT_EQ(in6.sin6_family, AF_INET6);
  EXPECT_EQ(in6.sin6_scope_id, 7);
  EXPECT_EQ(in6.sin6_port, htons(258));
  EXPECT_EQ(v6.length, sizeof(sockaddr_in6));
  const SocketAddress abstract = *Make("unix:@ab").ToSockaddr();
  EXPECT_EQ(abstract.length, offsetof(sockaddr_un, sun_path) + 3) << "a zero and two letters, nothing behind";
  EXPECT_TRUE(Make("[fe80::1%lo]:1").ToSockaddr().ok()) << "loopback exists everywhere";
}

TEST(EndpointTest, WhatHasNoSockaddrSaysSo) {
  const Status name = Make("shop:80").ToSockaddr().status();
  EXPECT_EQ(name.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(name.message(), "endpoint: shop:80 is a name and must be resolved to an address first");
  const Status interface = Make("[fe80::1%no-such-if]:80").ToSockaddr().status();
  EXPECT_EQ(interface.code(), StatusCode::kNotFound);
  EXPECT_NE(interface.message().find("no network interface 'no-such-if'"), std::string_view::npos);
}

TEST(EndpointTest, TellsWhereRealSocketsAre) {
  for (const std::string_view text : {"127.0.0.1:0", "[::1]:0", "unix:@flywheel-endpoint-test"}) {
    const Endpoint endpoint = Make(text);
    const SocketAddress address = *endpoint.ToSockaddr();
    const Socket socket(address.get()->sa_family, SOCK_STREAM);
    if (socket.fd() < 0 || ::bind(socket.fd(), address.get(), address.length) != 0) {
      // A machine may lack IPv6.
      ASSERT_EQ(endpoint.kind(), Kind::kIpv6) << ErrnoStatus(errno, "bind").message();
      continue;
    }
    const StatusOr<Endpoint> bound = socket.Name();
    ASSERT_TRUE(bound.ok()) << bound.status().message();
    EXPECT_EQ(bound->host(), endpoint.host());
    if (!endpoint.is_unix()) EXPECT_NE(bound->port(), 0);
  }
}

TEST(EndpointTest, WhatCannotBeWrittenIsRefused) {
  const Socket unnamed(AF_UNIX, SOCK_STREAM);
  EXPECT_EQ(unnamed.Name().status().code(), StatusCode::kNotFound);

  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  const auto from = [&un](std::string_view path) {
    std::memcpy(un.sun_path, path.data(), path.size());
    return Endpoint::FromSockaddr(reinterpret_cast<const sockaddr*>(&un),
                                  static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size()));
  };
  EXPECT_EQ(from("relative").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(from(std::string_view("\0a\0b", 4)).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(from("/" + std::string(107, 'p')).status().code(), StatusCode::kInvalidArgument) << "no zero at the end";
  EXPECT_EQ(from("/not terminated")->host(), "/not terminated");
  EXPECT_EQ(from(std::string_view("/x\0garbage", 10))->host(), "/x");

  for (const int family : {AF_UNSPEC, AF_NETLINK, AF_INET6}) {
    const sockaddr other{.sa_family = static_cast<sa_family_t>(family), .sa_data = {}};
    EXPECT_EQ(Endpoint::FromSockaddr(&other, sizeof(other)).status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(Endpoint::FromSockaddr(&other, 0).status().code(), StatusCode::kInvalidArgument);
  }
}

RC_GTEST_PROP(EndpointPropertyTest, EveryAddressSurvivesTextAndSockaddr, ()) {
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = *rc::gen::arbitrary<std::uint16_t>();
  // Many zero groups, so that the shortened forms occur.
  for (auto& byte : in.sin6_addr.s6_addr) byte = *rc::gen::element<std::uint8_t>(0, 0, 0, 1, 0xfe, 0x80, 0xff);
  if (*rc::gen::arbitrary<bool>()) {
    in.sin6_addr.s6_addr[0] = 0xfe;
    in.sin6_addr.s6_addr[1] = 0x80;
    in.sin6_scope_id = *rc::gen::arbitrary<std::uint32_t>();
  }
  const Endpoint endpoint = *Endpoint::FromSockaddr(reinterpret_cast<const sockaddr*>(&in), sizeof(in));
  RC_ASSERT(*Endpoint::Parse(endpoint.ToString()) == endpoint);
  const SocketAddress back = *endpoint.ToSockaddr();
  RC_ASSERT(std::memcmp(back.get(), &in, sizeof(in)) == 0);
}

RC_GTEST_PROP(EndpointPropertyTest, WhateverIsAcceptedIsPrintedInAFormThatIsRead, ()) {
  const auto parts = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "a", "B", "unix", "7", "0", "0x1", "-", "_", ".", ":", "::", "fe80::", "%", "[", "]", "@", "/")));
  std::string text;
  for (const std::string& part : parts) text += part;
  for (const std::string& candidate : {text, text + ":1", "[" + text + "]:1", "unix:" + text}) {
    const StatusOr<Endpoint> endpoint = Endpoint::Parse(candidate);
    if (!endpoint.ok()) continue;
    RC_ASSERT(*Endpoint::Parse(endpoint->ToString()) == *endpoint);
  }
}

}  // namespace
}  // namespace flywheel::inline v0
