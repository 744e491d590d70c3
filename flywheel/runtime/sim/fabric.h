// SimFabric: the network between the hosts of a world, and what goes wrong in it.
//
// Every host has an address: 10.0.0.1 the first, 10.0.0.2 the second, and so on; 127.0.0.1 and ::1 are the host itself,
// over a link of its own that no fault touches. Links exist between every two hosts, in each direction one. What
// sockets see of all this is what Linux would show them (connection.h); names are resolved by a zone that all hosts
// share. Faults may come and go at any time, are part of the world's history, and act on connections that exist
// already.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "flywheel/base/endpoint.h"
#include "flywheel/runtime/random.h"
#include "flywheel/runtime/sim/link.h"
#include "flywheel/runtime/sim/tcp.h"
#include "flywheel/runtime/sim/zone.h"

namespace flywheel::inline v0::sim {

class AlarmQueue;
class Connection;
class SimHost;
class SimWorld;
class Station;

enum class Way : unsigned char {
  kBoth,
  kOneWay,  // from the first to the second
};

struct ConnectionInfo {
  std::uint64_t id;  // counts up from 1 in the order of connecting
  const SimHost* client;
  const SimHost* server;
  Endpoint client_endpoint;
  Endpoint server_endpoint;
};

class SimFabric {
 public:
  SimFabric(SimWorld& world, AlarmQueue& alarms);
  SimFabric(const SimFabric&) = delete;
  SimFabric& operator=(const SimFabric&) = delete;
  ~SimFabric();

  // Where a listener on this port of the host is to be reached.
  [[nodiscard]] Endpoint EndpointOf(const SimHost& host, std::uint16_t port) const;

  // Nothing passes: connections stall, and fail when their timeout is over; new ones are not made. What was under way
  // is lost. Pairs of one host with itself cannot be parted.
  void Partition(const SimHost& a, const SimHost& b, Way way = Way::kBoth);
  // From all hosts that exist, both ways.
  void Isolate(const SimHost& host);
  // Stalled connections go on when their timers try again, which may be kRetryMax later.
  void Heal(const SimHost& a, const SimHost& b);
  void Heal();

  void SetLink(const SimHost& a, const SimHost& b, const LinkOptions& options, Way way = Way::kBoth);
  // Of all links that SetLink has not named.
  void SetLinks(const LinkOptions& options);
  // Of a host to itself.
  void SetLoopback(const LinkOptions& options);
  // Every segment from or to this host takes this much longer.
  void SlowDown(const SimHost& host, Duration delay);
  // Of connections that are made from then on.
  void SetTcp(const TcpOptions& options) { tcp_ = options; }

  // A host that drops SYNs, as an overloaded one or a firewall does; what is connected stays so.
  void DropNewConnections(const SimHost& host, bool drop);
  // Connections that somebody still uses, oldest first.
  [[nodiscard]] std::vector<ConnectionInfo> Connections() const;
  // Both ends get a reset now. False if the connection is no more.
  bool Cut(std::uint64_t id);
  // Both ends stay as they are, and nothing passes between them any more: half-open.
  bool Silence(std::uint64_t id);

  // The zone: every host's name leads to its address from the start.
  // No hosts: the name does not exist.
  void SetName(std::string_view name, std::vector<const SimHost*> hosts);
  void FailName(std::string_view name, NameFault fault);
  void SetResolver(const ResolverOptions& options) { zone_.SetOptions(options); }

  // For the simulated kernels.
  Station& AddStation(SimHost& host);
  // Null if no machine has this number.
  [[nodiscard]] Station* FindStation(std::size_t index) const noexcept;
  std::shared_ptr<Connection> MakeConnection(Station& from, Station* to, Endpoint client, Endpoint server);
  void Forget(Connection& connection);
  void ForEachEnd(const Station& station, const std::function<void(Connection&, Side)>& visit);
  AlarmQueue& alarms() noexcept { return alarms_; }
  Zone& zone() noexcept { return zone_; }
  [[nodiscard]] Instant now() const noexcept;

 private:
  struct NamedLink : Link {
    bool own_options = false;
  };

  [[nodiscard]] Station& StationOf(const SimHost& host) const noexcept;
  NamedLink& LinkBetween(std::size_t from, std::size_t to);
  void Block(const SimHost& a, const SimHost& b, Way way, bool blocked);
  void Note(std::string_view what, const SimHost& a, const SimHost* b = nullptr);

  SimWorld& world_;
  AlarmQueue& alarms_;
  Random random_;
  LinkOptions default_link_;
  LinkOptions loopback_;
  TcpOptions tcp_;
  Zone zone_;
  std::vector<std::unique_ptr<Station>> stations_;
  // Looked up, and never walked where the order would show.
  std::unordered_map<std::uint64_t, NamedLink> links_;
  std::uint64_t next_connection_ = 1;
  std::map<std::uint64_t, std::shared_ptr<Connection>> connections_;
};

}  // namespace flywheel::inline v0::sim
