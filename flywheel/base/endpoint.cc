#include "flywheel/base/endpoint.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

#include "flywheel/base/internal/quote.h"

namespace flywheel::inline v0 {
namespace {

static_assert(Endpoint::kUnixCharsMax + 1 == sizeof(sockaddr_un::sun_path));
static_assert(Endpoint::kInterfaceCharsMax + 1 == IFNAMSIZ);

constexpr bool IsDigit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool IsLetter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr char Lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr bool IsHexDigit(char c) noexcept { return IsDigit(c) || (Lower(c) >= 'a' && Lower(c) <= 'f'); }
bool AllDigits(std::string_view text) noexcept { return !text.empty() && std::ranges::all_of(text, IsDigit); }

Status Refuse(std::string_view text, std::string_view why) {
  std::string message = "endpoint: " + internal::Quote(text);
  message.append(" ").append(why).append("; write ").append(Endpoint::kForms);
  return InvalidArgument(std::move(message));
}

// A decimal number in its only spelling: no sign, no leading zero.
template <typename T>
std::optional<T> ParseNumber(std::string_view text) noexcept {
  if (!AllDigits(text) || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  T value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc()) return std::nullopt;
  return value;
}

// inet_pton wants a terminated string; `text` is bounded by the longest address (INET6_ADDRSTRLEN).
template <typename T>
bool ParseAddress(int family, std::string_view text, T& address) noexcept {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.contains('\0')) return false;
  std::ranges::copy(text, terminated.begin());
  return ::inet_pton(family, terminated.data(), &address) == 1;
}

template <typename T>
std::string FormatAddress(int family, const T& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(family, &address, text.data(), text.size());
}

struct ScopedAddress {
  std::string_view address;
  std::string_view scope;  // behind the %, empty without one
};
ScopedAddress SplitScope(std::string_view host) noexcept {
  const std::size_t percent = host.find('%');
  if (percent == std::string_view::npos) return {host, {}};
  return {host.substr(0, percent), host.substr(percent + 1)};
}

// What is wrong with the interface of a link-local address, or empty.
std::string_view WrongScope(std::string_view scope) noexcept {
  if (AllDigits(scope)) {
    return ParseNumber<std::uint32_t>(scope).value_or(0) != 0 ? "" : "has a % without the number of an interface";
  }
  if (scope.empty()) return "has a % without an interface";
  if (scope.size() > Endpoint::kInterfaceCharsMax) return "has an interface of more than 15 characters";
  const bool plain =
      std::ranges::all_of(scope, [](char c) { return IsLetter(c) || IsDigit(c) || c == '.' || c == '_' || c == '-'; });
  return plain ? "" : "has an interface with other characters than letters, digits, '.', '_' and '-'";
}

// What is wrong with a name, or empty. Underscores are no host names (RFC 1123), but stand in names of services and
// containers; resolvers take them.
std::string_view WrongName(std::string_view name) noexcept {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty()) return "has no host";
  if (name.size() > Endpoint::kNameCharsMax) return "has a name of more than 253 characters";
  std::string_view label;
  for (std::string_view rest = name; !rest.empty();) {
    const std::size_t dot = rest.find('.');
    label = rest.substr(0, dot);
    if (label.empty() || dot == rest.size() - 1) return "has two dots in a row or a dot in front";
    if (label.size() > Endpoint::kLabelCharsMax) return "has a name with a label of more than 63 characters";
    if (label.starts_with('-') || label.ends_with('-')) return "has a name with a '-' at the end of a label";
    const bool plain =
        std::ranges::all_of(label, [](char c) { return IsLetter(c) || IsDigit(c) || c == '-' || c == '_'; });
    if (!plain) return "has a name with other characters than letters, digits, '-', '_' and '.'";
    rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
  }
  // Resolvers take 127.1, 0x7f.1 and 2130706433 for addresses; no top-level domain is a number.
  const bool hex = label.starts_with("0x") || label.starts_with("0X");
  if (AllDigits(label) || (hex && std::ranges::all_of(label.substr(2), IsHexDigit))) {
    return "looks like an IPv4 address but is not one of four numbers from 0 to 255 without leading zeros";
  }
  return "";
}

// A host without brackets in canonical form and what it is; the Status tells of `text`, in which it was found.
StatusOr<std::pair<Endpoint::Kind, std::string>> ParseHost(std::string_view host, std::string_view text) {
  using Host = std::pair<Endpoint::Kind, std::string>;
  if (host.contains(':')) {
    const auto [address_text, scope] = SplitScope(host);
    in6_addr address;
    if (!ParseAddress(AF_INET6, address_text, address)) return Refuse(text, "has a malformed IPv6 address");
    std::string canonical = FormatAddress(AF_INET6, address);
    if (host.contains('%')) {
      if (!IN6_IS_ADDR_LINKLOCAL(&address)) return Refuse(text, "has an interface, but its address is not link-local");
      if (const std::string_view why = WrongScope(scope); !why.empty()) return Refuse(text, why);
      canonical.append("%").append(scope);
    }
    return Host(Endpoint::Kind::kIpv6, std::move(canonical));
  }
  in_addr address;
  if (ParseAddress(AF_INET, host, address)) return Host(Endpoint::Kind::kIpv4, FormatAddress(AF_INET, address));
  if (const std::string_view why = WrongName(host); !why.empty()) return Refuse(text, why);
  std::string canonical(host);
  std::ranges::transform(canonical, canonical.begin(), Lower);
  if (canonical == "unix")
    return Refuse(text, "has the name 'unix', which stands for Unix sockets; a dot behind it helps");
  return Host(Endpoint::Kind::kName, std::move(canonical));
}

}  // namespace

StatusOr<Endpoint> Endpoint::Parse(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  if (text.empty()) return Refuse(text, "is empty");
  if (text.starts_with(kUnix)) return ParseUnix(text.substr(kUnix.size()));
  std::string_view host;
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return Refuse(text, "has a '[' without a ']'");
    host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    if (!host.contains(':')) return Refuse(text, "has brackets around what is not an IPv6 address");
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    host = text.substr(0, colon);
    rest = text.substr(colon);
    if (rest.find(':', 1) != std::string_view::npos) {
      return Refuse(text, "has several colons; an IPv6 address stands in brackets");
    }
  }
  if (rest.empty()) return Refuse(text, "has no port");
  if (rest.front() != ':') return Refuse(text, "has something between ']' and the port");
  const std::optional<std::uint16_t> port = ParseNumber<std::uint16_t>(rest.substr(1));
  if (!port) return Refuse(text, "has a port that is not a number from 0 to 65535 without leading zeros");
  FW_ASSIGN_OR_RETURN(auto parsed, ParseHost(host, text));
  return Endpoint(parsed.first, std::move(parsed.second), *port);
}

StatusOr<Endpoint> Endpoint::Of(std::string_view host, std::uint16_t port) {
  FW_ASSIGN_OR_RETURN(auto parsed, ParseHost(host, host));
  return Endpoint(parsed.first, std::move(parsed.second), port);
}

StatusOr<Endpoint> Endpoint::ParseUnix(std::string_view path) {
  const auto refuse = [&](std::string_view why) { return Refuse("unix:" + std::string(path), why); };
  if (path.empty() || (path.front() != '/' && path.front() != '@')) {
    return refuse("has neither an absolute path nor an abstract name");
  }
  if (path.size() == 1) return refuse(path == "/" ? "has no file" : "has an empty abstract name");
  if (path.starts_with("//")) return refuse("has two slashes in front of its path");
  // An abstract name has the zero byte in the place of the '@'.
  if (path.size() > kUnixCharsMax) return refuse("has a path of more than 107 characters");
  const bool control = std::ranges::any_of(path, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
  if (control) return refuse("has a control character in its path");
  return Endpoint(path.front() == '/' ? Kind::kUnixPath : Kind::kUnixAbstract, std::string(path), 0);
}

StatusOr<Endpoint> Endpoint::FromSockaddr(const sockaddr* address, socklen_t length) {
  const sa_family_t family = length >= sizeof(sa_family_t) ? address->sa_family : AF_UNSPEC;
  if (family == AF_INET && length >= sizeof(sockaddr_in)) {
    sockaddr_in in;
    std::memcpy(&in, address, sizeof(in));
    return Endpoint(Kind::kIpv4, FormatAddress(AF_INET, in.sin_addr), ntohs(in.sin_port));
  }
  if (family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 in;
    std::memcpy(&in, address, sizeof(in));
    std::string host = FormatAddress(AF_INET6, in.sin6_addr);
    if (in.sin6_scope_id != 0 && IN6_IS_ADDR_LINKLOCAL(&in.sin6_addr)) {
      host.append("%").append(std::to_string(in.sin6_scope_id));
    }
    return Endpoint(Kind::kIpv6, std::move(host), ntohs(in.sin6_port));
  }
  if (family == AF_UNIX) {
    const char* const bytes = reinterpret_cast<const char*>(address) + offsetof(sockaddr_un, sun_path);
    const std::string_view path(bytes, std::min<std::size_t>(length, sizeof(sockaddr_un)) -
                                           std::min<std::size_t>(length, offsetof(sockaddr_un, sun_path)));
    if (path.empty() || path == std::string_view("\0", 1)) return NotFound("endpoint: a Unix socket without a name");
    if (path.front() == '\0') return ParseUnix("@" + std::string(path.substr(1)));
    return ParseUnix(path.substr(0, path.find('\0')));
  }
  return InvalidArgument("endpoint: a socket address of family " + std::to_string(family) + " and " +
                         std::to_string(length) + " bytes; only IPv4, IPv6 and Unix sockets are known");
}

Endpoint Endpoint::WithPort(std::uint16_t port) const {
  FW_CHECK(!is_unix()) << *this << " has no port";
  return {kind_, host_, port};
}

std::string Endpoint::ToString() const {
  if (is_unix()) return "unix:" + host_;
  std::string text = kind_ == Kind::kIpv6 ? "[" + host_ + "]" : host_;
  return text.append(":").append(std::to_string(port_));
}

StatusOr<SocketAddress> Endpoint::ToSockaddr() const {
  SocketAddress result{};
  const auto put = [&result](const auto& address, std::size_t length) {
    std::memcpy(&result.storage, &address, sizeof(address));
    result.length = static_cast<socklen_t>(length);
  };
  switch (kind_) {
    case Kind::kIpv4: {
      sockaddr_in in{.sin_family = AF_INET, .sin_port = htons(port_), .sin_addr = {}, .sin_zero = {}};
      FW_CHECK(ParseAddress(AF_INET, host_, in.sin_addr)) << *this;
      put(in, sizeof(in));
      return result;
    }
    case Kind::kIpv6: {
      const auto [address, scope] = SplitScope(host_);
      sockaddr_in6 in{};
      in.sin6_family = AF_INET6;
      in.sin6_port = htons(port_);
      FW_CHECK(ParseAddress(AF_INET6, address, in.sin6_addr)) << *this;
      if (!scope.empty()) {
        in.sin6_scope_id = ParseNumber<std::uint32_t>(scope).value_or(0);
        if (in.sin6_scope_id == 0) in.sin6_scope_id = ::if_nametoindex(std::string(scope).c_str());
        if (in.sin6_scope_id == 0) {
          return NotFound("endpoint: " + ToString() + ": there is no network interface " + internal::Quote(scope) +
                          "; `ip link` lists them");
        }
      }
      put(in, sizeof(in));
      return result;
    }
    case Kind::kUnixPath:
    case Kind::kUnixAbstract: {
      sockaddr_un un{};
      un.sun_family = AF_UNIX;
      std::ranges::copy(host_, un.sun_path);
      const bool abstract = kind_ == Kind::kUnixAbstract;
      if (abstract) un.sun_path[0] = '\0';
      // An abstract name is as long as the length says, a path ends with a zero.
      put(un, offsetof(sockaddr_un, sun_path) + host_.size() + (abstract ? 0 : 1));
      return result;
    }
    case Kind::kName:
      break;
  }
  return FailedPrecondition("endpoint: " + ToString() + " is a name and must be resolved to an address first");
}

}  // namespace flywheel::inline v0
