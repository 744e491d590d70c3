#include "flywheel/runtime/sim/network.h"

#include <cerrno>
#include <string>
#include <utility>

#include "flywheel/runtime/sim/connection.h"
#include "flywheel/runtime/sim/reactor.h"
#include "flywheel/runtime/sim/station.h"

namespace flywheel::inline v0::sim {
namespace {

// An IPv4 address as a socket of family AF_INET6 shows it.
Endpoint Mapped(const Endpoint& endpoint) {
  return Endpoint::Of("::ffff:" + endpoint.host(), endpoint.port()).value_or(endpoint);
}

class SimSocket final : public Socket {
 public:
  SimSocket(std::shared_ptr<Connection> connection, Side side, Endpoint peer, Endpoint local)
      : connection_(std::move(connection)), side_(side), peer_(std::move(peer)), local_(std::move(local)) {
    connection_->Attach(side_, watch_);
  }
  SimSocket(const SimSocket&) = delete;
  SimSocket& operator=(const SimSocket&) = delete;
  // After a crash the kernel has closed it already, and this does nothing.
  ~SimSocket() override { connection_->Close(side_); }

  IoResult TryRead(std::span<std::byte> buffer) noexcept override {
    const IoResult result = connection_->Read(side_, buffer);
    // As SystemSocket: a short read has emptied the socket.
    if (result.error == EAGAIN || (result.error == 0 && result.count < buffer.size())) {
      watch_.readiness().ClearReadable();
    }
    return result;
  }
  IoResult TryWrite(std::span<const iovec> pieces) noexcept override {
    const IoResult result = connection_->Write(side_, pieces);
    if (result.error == EAGAIN) watch_.readiness().ClearWritable();
    return result;
  }
  Status ShutdownWrite() override {
    return ErrnoStatus(connection_->ShutdownWrite(side_), "ending the stream to " + peer_.ToString());
  }
  void ResetOnClose() noexcept override { connection_->ResetOnClose(side_); }
  StatusOr<Readiness*> Watch() override { return watch_.Watch(); }
  [[nodiscard]] const Endpoint& peer() const noexcept override { return peer_; }
  [[nodiscard]] const Endpoint& local() const noexcept override { return local_; }

 private:
  const std::shared_ptr<Connection> connection_;
  const Side side_;
  const Endpoint peer_;
  const Endpoint local_;
  SimWatch watch_;
};

class SimListener final : public Listener {
 public:
  SimListener(Station& station, std::shared_ptr<ListenQueue> queue) : station_(station), queue_(std::move(queue)) {
    queue_->watch = &watch_;
  }
  SimListener(const SimListener&) = delete;
  SimListener& operator=(const SimListener&) = delete;
  ~SimListener() override { station_.CloseListener(*queue_); }

  StatusOr<std::unique_ptr<Socket>> TryAccept() override {
    if (!queue_->open) return ErrnoStatus(EBADF, "accepting on " + queue_->local.ToString());
    if (queue_->waiting.empty()) {
      watch_.readiness().ClearReadable();
      return std::unique_ptr<Socket>();
    }
    std::shared_ptr<Connection> connection = std::move(queue_->waiting.front());
    queue_->waiting.pop_front();
    const bool mapped =
        queue_->local.kind() == Endpoint::Kind::kIpv6 && connection->server().kind() == Endpoint::Kind::kIpv4;
    Endpoint peer = mapped ? Mapped(connection->client()) : connection->client();
    Endpoint local = mapped ? Mapped(connection->server()) : connection->server();
    return std::unique_ptr<Socket>(
        std::make_unique<SimSocket>(std::move(connection), Side::kServer, std::move(peer), std::move(local)));
  }
  StatusOr<Readiness*> Watch() override { return watch_.Watch(); }
  [[nodiscard]] const Endpoint& local() const noexcept override { return queue_->local; }

 private:
  Station& station_;
  const std::shared_ptr<ListenQueue> queue_;
  SimWatch watch_;
};

// A connection that is being made; given up if the task that waits for it is cancelled.
class Pending {
 public:
  explicit Pending(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {
    watch_.readiness().ClearWritable();
    connection_->Attach(Side::kClient, watch_);
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending() {
    if (connection_ != nullptr) connection_->Close(Side::kClient);
  }

  SimWatch& watch() noexcept { return watch_; }
  Connection& connection() noexcept { return *connection_; }
  std::shared_ptr<Connection> Take() noexcept { return std::move(connection_); }

 private:
  std::shared_ptr<Connection> connection_;
  SimWatch watch_;
};

}  // namespace

StatusOr<std::unique_ptr<Listener>> SimNetwork::Listen(const Endpoint& endpoint, const ListenOptions& options) {
  FW_ASSIGN_OR_RETURN(auto queue, station_.Listen(endpoint, options));
  return std::unique_ptr<Listener>(std::make_unique<SimListener>(station_, std::move(queue)));
}

Task<StatusOr<std::unique_ptr<Socket>>> SimNetwork::Connect(Endpoint endpoint) {
  FW_CO_ASSIGN_OR_RETURN(auto made, station_.Connect(endpoint));
  Pending pending(std::move(made));
  if (pending.connection().connecting()) {
    FW_CO_ASSIGN_OR_RETURN(Readiness* const readiness, pending.watch().Watch());
    FW_CO_RETURN_IF_ERROR(co_await readiness->Writable());
    if (const int error = pending.connection().TakeError(Side::kClient); error != 0) {
      co_return ErrnoStatus(error, "connecting to " + endpoint.ToString());
    }
  }
  auto connection = pending.Take();
  Endpoint peer = connection->server();
  Endpoint local = connection->client();
  co_return std::unique_ptr<Socket>(
      std::make_unique<SimSocket>(std::move(connection), Side::kClient, std::move(peer), std::move(local)));
}

}  // namespace flywheel::inline v0::sim
