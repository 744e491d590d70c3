#include "flywheel/runtime/sim/fabric.h"

#include <utility>

#include "flywheel/runtime/sim/connection.h"
#include "flywheel/runtime/sim/host.h"
#include "flywheel/runtime/sim/station.h"
#include "flywheel/runtime/sim/world.h"

namespace flywheel::inline v0::sim {

SimFabric::SimFabric(SimWorld& world, AlarmQueue& alarms)
    : world_(world),
      alarms_(alarms),
      random_(world.ForkRandom()),
      loopback_{.latency = std::chrono::microseconds(10),
                .jitter = std::chrono::microseconds(10),
                .tail_chance = 0,
                .tail = Duration::zero(),
                .bytes_per_second = 0},
      zone_(random_.Fork()) {}

SimFabric::~SimFabric() = default;

Instant SimFabric::now() const noexcept { return world_.now(); }

Station& SimFabric::AddStation(SimHost& host) {
  Station& station = *stations_.emplace_back(std::make_unique<Station>(*this, host, stations_.size(), random_.Fork()));
  zone_.Set(host.name(), {station.address()}, now());
  return station;
}

Station* SimFabric::FindStation(std::size_t index) const noexcept {
  return index < stations_.size() ? stations_[index].get() : nullptr;
}

Station& SimFabric::StationOf(const SimHost& host) const noexcept { return *stations_[host.index()]; }

Endpoint SimFabric::EndpointOf(const SimHost& host, std::uint16_t port) const {
  return Endpoint::Of(StationOf(host).address(), port).value();
}

SimFabric::NamedLink& SimFabric::LinkBetween(std::size_t from, std::size_t to) {
  const auto [entry, made] = links_.try_emplace(static_cast<std::uint64_t>(from) << 32 | to);
  if (made) entry->second.options = from == to ? loopback_ : default_link_;
  return entry->second;
}

void SimFabric::Note(std::string_view what, const SimHost& a, const SimHost* b) {
  std::string text(what);
  text.append(" ").append(a.name());
  if (b != nullptr) text.append(" ").append(b->name());
  world_.Note(text);
}

void SimFabric::Block(const SimHost& a, const SimHost& b, Way way, bool blocked) {
  if (&a == &b) return;
  LinkBetween(a.index(), b.index()).blocked = blocked;
  if (way == Way::kBoth) LinkBetween(b.index(), a.index()).blocked = blocked;
}

void SimFabric::Partition(const SimHost& a, const SimHost& b, Way way) {
  Note(way == Way::kBoth ? "partition" : "one-way partition", a, &b);
  Block(a, b, way, true);
}

void SimFabric::Isolate(const SimHost& host) {
  Note("isolate", host);
  for (const auto& station : stations_) Block(host, station->host(), Way::kBoth, true);
}

void SimFabric::Heal(const SimHost& a, const SimHost& b) {
  Note("heal", a, &b);
  Block(a, b, Way::kBoth, false);
}

void SimFabric::Heal() {
  world_.Note("heal");
  for (auto& [key, link] : links_) link.blocked = false;
}

void SimFabric::SetLink(const SimHost& a, const SimHost& b, const LinkOptions& options, Way way) {
  Note("link", a, &b);
  const auto set = [&](const SimHost& from, const SimHost& to) {
    NamedLink& link = LinkBetween(from.index(), to.index());
    link.options = options;
    link.own_options = true;
  };
  set(a, b);
  if (way == Way::kBoth) set(b, a);
}

void SimFabric::SetLinks(const LinkOptions& options) {
  default_link_ = options;
  for (auto& [key, link] : links_) {
    const bool loopback = key >> 32 == (key & 0xffffffff);
    if (!loopback && !link.own_options) link.options = options;
  }
}

void SimFabric::SetLoopback(const LinkOptions& options) {
  loopback_ = options;
  for (std::size_t index = 0; index < stations_.size(); ++index) LinkBetween(index, index).options = options;
}

void SimFabric::SlowDown(const SimHost& host, Duration delay) {
  Note("slow down", host);
  StationOf(host).delay = delay;
}

void SimFabric::DropNewConnections(const SimHost& host, bool drop) {
  Note(drop ? "drop connections to" : "take connections to", host);
  StationOf(host).drop_new_connections = drop;
}

std::vector<ConnectionInfo> SimFabric::Connections() const {
  std::vector<ConnectionInfo> infos;
  for (const auto& [id, connection] : connections_) {
    if (!connection->open()) continue;
    const Station* const server = connection->station(Side::kServer);
    infos.push_back({.id = id,
                     .client = &connection->station(Side::kClient)->host(),
                     .server = server == nullptr ? nullptr : &server->host(),
                     .client_endpoint = connection->client(),
                     .server_endpoint = connection->server()});
  }
  return infos;
}

bool SimFabric::Cut(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return false;
  world_.Note("cut " + std::to_string(id));
  std::shared_ptr(found->second)->Cut();
  return true;
}

bool SimFabric::Silence(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return false;
  world_.Note("silence " + std::to_string(id));
  found->second->Silence();
  return true;
}

void SimFabric::SetName(std::string_view name, std::vector<const SimHost*> hosts) {
  world_.Note("name " + std::string(name));
  std::vector<std::string> addresses;
  addresses.reserve(hosts.size());
  for (const SimHost* const host : hosts) addresses.push_back(StationOf(*host).address());
  zone_.Set(name, std::move(addresses), now());
}

void SimFabric::FailName(std::string_view name, NameFault fault) {
  world_.Note("fail name " + std::string(name));
  zone_.Fail(name, fault);
}

std::shared_ptr<Connection> SimFabric::MakeConnection(Station& from, Station* to, Endpoint client, Endpoint server) {
  const std::size_t there = to == nullptr ? from.index() : to->index();
  const std::uint64_t id = next_connection_++;
  auto connection = std::make_shared<Connection>(*this, Connection::Setup{.id = id,
                                                                          .client_station = from,
                                                                          .server_station = to,
                                                                          .client = std::move(client),
                                                                          .server = std::move(server),
                                                                          .to_server = LinkBetween(from.index(), there),
                                                                          .to_client = LinkBetween(there, from.index()),
                                                                          .options = tcp_,
                                                                          .random = random_.Fork()});
  connections_.emplace(id, connection);
  return connection;
}

void SimFabric::Forget(Connection& connection) {
  if (connections_.erase(connection.id()) == 0) return;
  if (!connection.client().is_unix()) connection.station(Side::kClient)->ReleasePort(connection.client().port());
}

void SimFabric::ForEachEnd(const Station& station, const std::function<void(Connection&, Side)>& visit) {
  // Visiting one may end others.
  std::vector<std::shared_ptr<Connection>> connections;
  for (const auto& [id, connection] : connections_) {
    if (connection->station(Side::kClient) == &station || connection->station(Side::kServer) == &station) {
      connections.push_back(connection);
    }
  }
  for (const auto& connection : connections) {
    for (const Side side : {Side::kClient, Side::kServer}) {
      if (connection->station(side) == &station) visit(*connection, side);
    }
  }
}

}  // namespace flywheel::inline v0::sim
