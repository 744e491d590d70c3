// Endpoint: where something listens or is to be reached.
//
// Accepted and printed forms (kForms): an IPv4 or IPv6 address, a DNS name, a Unix socket's path or abstract name.
// Port 0 means "any free port" to a listener. Parsing is strict: what other programs read in two ways (010.0.0.1,
// 127.1, 0x7f.1, ::1:80, a port of 080 or +80) is refused. The text is kept in one canonical form (RFC 5952 for IPv6,
// lower case for names), so equal endpoints are equal values, and Parse(e.ToString()) gives e. Names are not resolved
// here; everything else converts to and from a sockaddr.
#pragma once

#include <sys/socket.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "flywheel/base/status_or.h"

namespace flywheel::inline v0 {

// What bind, connect and sendto take.
struct SocketAddress {
  sockaddr_storage storage;
  socklen_t length;

  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

class Endpoint {
 public:
  enum class Kind : std::uint8_t { kIpv4, kIpv6, kName, kUnixPath, kUnixAbstract };

  static constexpr std::string_view kForms =
      "127.0.0.1:80, [::1]:80, [fe80::1%eth0]:80, name:80, unix:/path or unix:@abstract";
  static constexpr std::size_t kNameCharsMax = 253;      // RFC 1035, without the dot at the end
  static constexpr std::size_t kLabelCharsMax = 63;      // RFC 1035
  static constexpr std::size_t kUnixCharsMax = 107;      // sockaddr_un.sun_path without the byte that is always zero
  static constexpr std::size_t kInterfaceCharsMax = 15;  // IFNAMSIZ without the zero

  // INVALID_ARGUMENT says what is wrong with the text and shows kForms.
  [[nodiscard]] static StatusOr<Endpoint> Parse(std::string_view text);
  // From a host alone: an address without brackets, or a name.
  [[nodiscard]] static StatusOr<Endpoint> Of(std::string_view host, std::uint16_t port);
  // Of what accept, getsockname and their kin give. NOT_FOUND for a Unix socket without a name, as clients have;
  // INVALID_ARGUMENT for other families and for a path that has no textual form here (relative, control characters).
  [[nodiscard]] static StatusOr<Endpoint> FromSockaddr(const sockaddr* address, socklen_t length);

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  // Of an address that needs no resolving: IPv4 or IPv6.
  [[nodiscard]] bool is_numeric() const noexcept { return kind_ == Kind::kIpv4 || kind_ == Kind::kIpv6; }
  [[nodiscard]] bool is_unix() const noexcept { return kind_ >= Kind::kUnixPath; }
  // "127.0.0.1", "fe80::1%eth0", "name", "/path", "@abstract".
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  // 0 for Unix sockets.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  // For what was bound to port 0. Not for Unix sockets.
  [[nodiscard]] Endpoint WithPort(std::uint16_t port) const;

  [[nodiscard]] std::string ToString() const;
  // FAILED_PRECONDITION for a name, which must be resolved first; NOT_FOUND if the interface of an address like
  // fe80::1%eth0 does not exist. An address taken from a socket has the interface's number instead of its name.
  [[nodiscard]] StatusOr<SocketAddress> ToSockaddr() const;

  // By kind, host and port.
  auto operator<=>(const Endpoint&) const noexcept = default;

 private:
  Endpoint(Kind kind, std::string host, std::uint16_t port) noexcept
      : kind_(kind), host_(std::move(host)), port_(port) {}

  static StatusOr<Endpoint> ParseUnix(std::string_view path);

  Kind kind_;
  std::string host_;  // canonical
  std::uint16_t port_;
};

}  // namespace flywheel::inline v0

template <>
struct std::hash<flywheel::Endpoint> {
  std::size_t operator()(const flywheel::Endpoint& endpoint) const noexcept {
    // The multiplier is 2^64 divided by the golden ratio (Knuth, TAOCP 3, 6.4): it spreads neighbouring ports.
    return std::hash<std::string_view>()(endpoint.host()) ^ endpoint.port() * std::size_t{0x9e3779b97f4a7c15};
  }
};
