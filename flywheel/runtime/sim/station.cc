#include "flywheel/runtime/sim/station.h"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "flywheel/runtime/sim/connection.h"
#include "flywheel/runtime/sim/fabric.h"
#include "flywheel/runtime/sim/host.h"

namespace flywheel::inline v0::sim {
namespace {

constexpr std::size_t kSomaxconn = 4096;          // net.core.somaxconn
constexpr std::uint16_t kEphemeralFirst = 32768;  // net.ipv4.ip_local_port_range
constexpr std::uint16_t kEphemeralLast = 60999;
constexpr std::uint32_t kNetwork = 10U << 24;  // 10.0.0.0/8, one address a machine
constexpr std::uint32_t kNetworkMask = 0xffU << 24;

constexpr std::string_view kMapped = "::ffff:";

std::string AddressText(std::size_t index) {
  const std::size_t number = index + 1;
  return "10." + std::to_string(number >> 16 & 0xff) + "." + std::to_string(number >> 8 & 0xff) + "." +
         std::to_string(number & 0xff);
}

bool IsIpv6(std::string_view host) noexcept { return host.contains(':'); }
bool IsLoopback(std::string_view host) noexcept { return host.starts_with("127.") || host == "::1"; }
bool IsAny(std::string_view host) noexcept { return host == "0.0.0.0" || host == "::"; }

// Whether two listeners on one port would be in each other's way. "::" takes IPv4 connections too.
bool Overlap(const std::string& a, const std::string& b) noexcept {
  if (a == b || a == "::" || b == "::") return true;
  return IsIpv6(a) == IsIpv6(b) && (IsAny(a) || IsAny(b));
}

}  // namespace

void ListenQueue::Add(std::shared_ptr<Connection> connection) {
  waiting.push_back(std::move(connection));
  if (watch != nullptr) watch->Signal({.readable = true});
}

Station::Station(SimFabric& fabric, SimHost& host, std::size_t index, Random random)
    : fabric_(fabric),
      host_(host),
      index_(index),
      address_(AddressText(index)),
      next_port_(static_cast<std::uint16_t>(kEphemeralFirst + random.Below(kEphemeralLast - kEphemeralFirst + 1))) {}

Instant Station::now() const noexcept { return host_.now(); }

bool Station::Owns(const std::string& host) const noexcept { return IsLoopback(host) || host == address_; }

bool Station::PortTaken(const std::string& host, std::uint16_t port) const {
  if (client_ports_.contains(port)) return true;
  return std::ranges::any_of(listeners_, [&](const auto& entry) {
    const Endpoint& local = entry.first;
    return !local.is_unix() && local.port() == port && Overlap(local.host(), host);
  });
}

std::uint16_t Station::FindPort(const std::string& host) {
  for (int tries = 0; tries <= kEphemeralLast - kEphemeralFirst; ++tries) {
    const std::uint16_t port = next_port_;
    next_port_ = next_port_ == kEphemeralLast ? kEphemeralFirst : static_cast<std::uint16_t>(next_port_ + 1);
    if (!PortTaken(host, port)) return port;
  }
  return 0;
}

StatusOr<std::shared_ptr<ListenQueue>> Station::Listen(const Endpoint& endpoint, const ListenOptions& options) {
  FW_RETURN_IF_ERROR(endpoint.ToSockaddr().status());
  const auto failed = [&](int error) { return ErrnoStatus(error, "binding " + endpoint.ToString()); };
  Endpoint local = endpoint;
  if (endpoint.is_unix()) {
    if (listeners_.contains(endpoint)) return failed(EADDRINUSE);
  } else {
    if (!IsAny(endpoint.host()) && !Owns(endpoint.host())) return failed(EADDRNOTAVAIL);
    if (endpoint.port() == 0) local = endpoint.WithPort(FindPort(endpoint.host()));
    if (local.port() == 0 || PortTaken(local.host(), local.port())) return failed(EADDRINUSE);
  }
  const std::size_t backlog = std::min(static_cast<std::size_t>(std::max(0, options.backlog)), kSomaxconn);
  auto listener = std::make_shared<ListenQueue>(ListenQueue{.local = local, .backlog = backlog});
  listeners_.emplace(std::move(local), listener);
  return listener;
}

void Station::CloseListener(ListenQueue& listener) {
  if (!listener.open) return;
  listener.open = false;
  listener.watch = nullptr;
  for (const auto& connection : std::exchange(listener.waiting, {})) {
    connection->ResetOnClose(Side::kServer);
    connection->Close(Side::kServer);
  }
  listeners_.erase(listener.local);
}

std::shared_ptr<ListenQueue> Station::FindListener(const Endpoint& dialled) const {
  const auto find = [&](const Endpoint& local) {
    const auto found = listeners_.find(local);
    return found == listeners_.end() ? nullptr : found->second;
  };
  if (auto listener = find(dialled); listener != nullptr || dialled.is_unix()) return listener;
  for (const char* const any : {"0.0.0.0", "::"}) {
    if (IsIpv6(dialled.host()) && !IsIpv6(any)) continue;
    if (auto listener = find(Endpoint::Of(any, dialled.port()).value()); listener != nullptr) return listener;
  }
  return nullptr;
}

StatusOr<Station::Route> Station::FindRoute(const Endpoint& endpoint) {
  FW_ASSIGN_OR_RETURN(const SocketAddress address, endpoint.ToSockaddr());
  std::string host = endpoint.host();
  if (host.starts_with(kMapped) && host.contains('.')) host.erase(0, kMapped.size());
  // Linux takes the unspecified address for the machine itself.
  if (IsAny(host)) host = IsIpv6(host) ? "::1" : "127.0.0.1";
  if (Owns(host)) return Route{.to = this, .host = std::move(host)};
  in_addr parsed{};
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &address.storage, sizeof(in));
    parsed = in.sin_addr;
  } else if (!IsIpv6(host)) {
    sockaddr_in6 in;
    std::memcpy(&in, &address.storage, sizeof(in));
    std::memcpy(&parsed, &in.sin6_addr.s6_addr[12], sizeof(parsed));
  }
  const std::uint32_t number = ntohl(parsed.s_addr);
  if ((number & kNetworkMask) != kNetwork) return ErrnoStatus(ENETUNREACH, "connecting to " + endpoint.ToString());
  return Route{.to = fabric_.FindStation((number & ~kNetworkMask) - 1), .host = std::move(host)};
}

StatusOr<std::shared_ptr<Connection>> Station::Connect(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return ConnectUnix(endpoint);
  FW_ASSIGN_OR_RETURN(const Route route, FindRoute(endpoint));
  const std::string& local_host = IsLoopback(route.host) ? route.host : address_;
  const std::uint16_t port = FindPort(local_host);
  if (port == 0) return ErrnoStatus(EADDRNOTAVAIL, "connecting to " + endpoint.ToString());
  client_ports_.insert(port);
  FW_ASSIGN_OR_RETURN(Endpoint client, Endpoint::Of(local_host, port));
  FW_ASSIGN_OR_RETURN(Endpoint server, Endpoint::Of(route.host, endpoint.port()));
  auto connection = fabric_.MakeConnection(*this, route.to, std::move(client), std::move(server));
  connection->Connect();
  return connection;
}

StatusOr<std::shared_ptr<Connection>> Station::ConnectUnix(const Endpoint& endpoint) {
  const auto failed = [&](int error) { return ErrnoStatus(error, "connecting to " + endpoint.ToString()); };
  const auto listener = FindListener(endpoint);
  if (listener == nullptr) return failed(endpoint.kind() == Endpoint::Kind::kUnixPath ? ENOENT : ECONNREFUSED);
  if (listener->full()) return failed(EAGAIN);
  auto connection = fabric_.MakeConnection(*this, this, endpoint, endpoint);
  connection->Establish(listener);
  return connection;
}

void Station::ProcessDied() {
  while (!listeners_.empty()) CloseListener(*std::shared_ptr(listeners_.begin()->second));
  fabric_.ForEachEnd(*this, [](Connection& connection, Side side) { connection.Close(side); });
}

void Station::PowerOff() {
  up_ = false;
  for (auto& [local, listener] : listeners_) {
    listener->open = false;
    listener->watch = nullptr;
    listener->waiting.clear();
  }
  listeners_.clear();
  fabric_.ForEachEnd(*this, [](Connection& connection, Side side) { connection.Vanish(side); });
}

}  // namespace flywheel::inline v0::sim
