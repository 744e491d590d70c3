// Station: what the kernel of a simulated machine knows of the network: its addresses, ports and listeners.
//
// It outlives the processes of its SimHost. When a process dies the kernel closes its sockets as it always does (the
// end of the stream, or a reset where bytes were left unread); when the machine loses power it says nothing, and once
// it is up again it answers with resets what it knows nothing of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "flywheel/base/endpoint.h"
#include "flywheel/base/status_or.h"
#include "flywheel/runtime/network.h"
#include "flywheel/runtime/random.h"
#include "flywheel/runtime/sim/reactor.h"

namespace flywheel::inline v0::sim {

class Connection;
class SimFabric;
class SimHost;

// Connections of a listener that wait to be accepted.
struct ListenQueue {
  Endpoint local;
  std::size_t backlog;
  bool open = true;
  SimWatch* watch = nullptr;
  std::deque<std::shared_ptr<Connection>> waiting = {};

  // Linux lets one more wait than asked for (sk_acceptq_is_full).
  [[nodiscard]] bool full() const noexcept { return waiting.size() > backlog; }
  void Add(std::shared_ptr<Connection> connection);
};

class Station {
 public:
  Station(SimFabric& fabric, SimHost& host, std::size_t index, Random random);
  Station(const Station&) = delete;
  Station& operator=(const Station&) = delete;

  [[nodiscard]] std::size_t index() const noexcept { return index_; }
  // "10.0.0.1"
  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  [[nodiscard]] const SimHost& host() const noexcept { return host_; }
  [[nodiscard]] bool up() const noexcept { return up_; }
  // How far the host has got within its turn.
  [[nodiscard]] Instant now() const noexcept;

  StatusOr<std::shared_ptr<ListenQueue>> Listen(const Endpoint& endpoint, const ListenOptions& options);
  void CloseListener(ListenQueue& listener);
  // Who listens there, as the dialled address names it; null if nobody does.
  [[nodiscard]] std::shared_ptr<ListenQueue> FindListener(const Endpoint& dialled) const;
  // A connection that has sent its SYN, or a unix one that waits to be accepted.
  StatusOr<std::shared_ptr<Connection>> Connect(const Endpoint& endpoint);
  void ReleasePort(std::uint16_t port) { client_ports_.erase(port); }

  // All sockets of the process are closed by the kernel.
  void ProcessDied();
  void PowerOff();
  void PowerOn() noexcept { up_ = true; }

  // Faults; see SimFabric.
  bool drop_new_connections = false;
  Duration delay{};

 private:
  // Whether an address is this machine's; a listener may also name all of them.
  [[nodiscard]] bool Owns(const std::string& host) const noexcept;
  // The way to an address: who has it (null: nobody), and its canonical form.
  struct Route {
    Station* to;
    std::string host;
  };
  StatusOr<Route> FindRoute(const Endpoint& endpoint);
  StatusOr<std::shared_ptr<Connection>> ConnectUnix(const Endpoint& endpoint);
  [[nodiscard]] bool PortTaken(const std::string& host, std::uint16_t port) const;
  // A free port of the range that Linux uses for those who do not ask for one; 0 if there is none.
  std::uint16_t FindPort(const std::string& host);

  SimFabric& fabric_;
  SimHost& host_;
  const std::size_t index_;
  const std::string address_;
  bool up_ = true;
  std::uint16_t next_port_;
  std::map<Endpoint, std::shared_ptr<ListenQueue>> listeners_;
  std::set<std::uint16_t> client_ports_;
};

}  // namespace flywheel::inline v0::sim
