// Connection: a simulated TCP connection between two machines: two flows, a handshake, and what goes wrong.
//
// An end is what the kernel of a machine knows: it outlives the socket object of the application (closing sends what
// was written, then the end of the stream) and a crash of the process, and is forgotten by a reset, a timeout, or a
// machine that loses power. Errors come as Linux gives them (tcp_reset, tcp_recvmsg, tcp_sendmsg, tcp_close in
// net/ipv4): once, on the next read or write, and after that the end of the stream and EPIPE; bytes that had arrived
// before a reset can still be read. tcp_semantics_test.cc runs the same cases against the kernel.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "flywheel/base/endpoint.h"
#include "flywheel/runtime/network.h"
#include "flywheel/runtime/random.h"
#include "flywheel/runtime/sim/alarm.h"
#include "flywheel/runtime/sim/flow.h"
#include "flywheel/runtime/sim/link.h"
#include "flywheel/runtime/sim/reactor.h"
#include "flywheel/runtime/sim/tcp.h"

namespace flywheel::inline v0::sim {

class SimFabric;
class Station;
struct ListenQueue;

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  struct Setup {
    std::uint64_t id = 0;
    Station& client_station;
    Station* server_station;  // null: an address that is nobody's
    Endpoint client;
    Endpoint server;
    Link& to_server;
    Link& to_client;
    TcpOptions options;
    Random random;
  };

  Connection(SimFabric& fabric, Setup setup);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] const Endpoint& client() const noexcept { return client_; }
  [[nodiscard]] const Endpoint& server() const noexcept { return server_; }
  // Null for the server's end of an address that is nobody's.
  [[nodiscard]] Station* station(Side side) const noexcept { return end(side).station; }

  // Sends the first SYN. The end of the handshake, good or bad, signals the client's watch.
  void Connect();
  // Without a handshake, for unix sockets: the server's end waits to be accepted.
  void Establish(const std::shared_ptr<ListenQueue>& listener);

  // What a socket asks of its kernel. Failures are errnos; TakeError gives the one that waits and forgets it.
  void Attach(Side side, SimWatch& watch) noexcept;
  IoResult Read(Side side, std::span<std::byte> buffer);
  IoResult Write(Side side, std::span<const iovec> pieces);
  int ShutdownWrite(Side side);
  void ResetOnClose(Side side) noexcept { end(side).reset_on_close = true; }
  int TakeError(Side side) noexcept;
  [[nodiscard]] bool connecting() const noexcept { return end(Side::kClient).state == State::kConnecting; }
  // The application lets go; a second call does nothing.
  void Close(Side side);

  // The machine loses power: nobody is told anything.
  void Vanish(Side side);
  // Both ends see a reset now.
  void Cut();
  // Nothing passes any more, in either direction, for ever.
  void Silence() noexcept { silenced_ = true; }
  [[nodiscard]] bool silenced() const noexcept { return silenced_; }
  [[nodiscard]] bool open() const noexcept;

  // For the flows.
  [[nodiscard]] const TcpOptions& options() const noexcept { return options_; }
  Random& random() noexcept { return random_; }
  [[nodiscard]] Instant world_now() const noexcept;
  // What slow machines add to every segment.
  [[nodiscard]] Duration delay() const noexcept;
  // A segment of `sender` has reached the other end. False: it finds nobody who takes it.
  bool Admit(Side sender, Flow::Kind kind);
  void OnDelivered(Side receiver);
  void OnRoom(Side sender) { Notify(sender, {.writable = true}); }
  [[nodiscard]] bool WayBackOpen(Side sender) const noexcept;
  [[nodiscard]] Duration LatencyBack(Side sender) noexcept;
  // Whether the server still waits for the end of this sender's handshake.
  [[nodiscard]] bool AwaitsAck(Side sender) const noexcept;
  [[nodiscard]] Duration GiveUpAfter(Side sender) const noexcept;
  void TimeOut(Side side);
  Flow& flow(Side sender) noexcept { return flows_[static_cast<std::size_t>(sender)]; }

 private:
  enum class State : unsigned char { kNone, kConnecting, kSynReceived, kOpen, kGone };

  struct End {
    Station* station;
    State state = State::kNone;
    SimWatch* watch = nullptr;
    int error = 0;
    bool read_ended = false;
    bool write_ended = false;
    bool reset_on_close = false;
    bool closed = false;  // by the application
  };

  End& end(Side side) noexcept { return ends_[static_cast<std::size_t>(side)]; }
  [[nodiscard]] const End& end(Side side) const noexcept { return ends_[static_cast<std::size_t>(side)]; }
  [[nodiscard]] const Flow& flow(Side sender) const noexcept { return flows_[static_cast<std::size_t>(sender)]; }

  // A host's time, which is ahead of the world's within its turn.
  [[nodiscard]] Instant NowOf(Side side) const noexcept;
  void SendSyn();
  void OnSyn();
  bool OnSynAck();
  bool OnAck();
  void OnReset(Side side);
  void Reset(Side side);
  void Fail(Side side, int error);
  void Notify(Side side, Readiness::Edges edges);
  void ForgetIfOver();

  SimFabric& fabric_;
  const std::uint64_t id_;
  const Endpoint client_;
  const Endpoint server_;
  const TcpOptions options_;
  Random random_;
  const std::array<Link*, 2> links_;  // of the segments of the client, of the server
  std::array<End, 2> ends_;
  std::array<Flow, 2> flows_;
  bool silenced_ = false;
  int syns_ = 0;
  Instant syn_received_{};
  std::weak_ptr<ListenQueue> listener_;
  AlarmFor<&Connection::SendSyn> syn_alarm_;
};

}  // namespace flywheel::inline v0::sim
