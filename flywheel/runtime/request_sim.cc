// Requests and responses over connections that are cut, half-open and partitioned; clients retry until their deadline.
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "flywheel/base/backoff.h"
#include "flywheel/base/mutant.h"
#include "flywheel/runtime/drain.h"
#include "flywheel/runtime/network.h"
#include "flywheel/runtime/sim/fabric.h"
#include "flywheel/runtime/sim/scenario.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/task_group.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kClients = 3;
constexpr Duration kFaultTime = seconds(20);
// Requests that begin later must succeed at once: the last fault has ended, and no timer of a connection is as long.
constexpr Instant kQuietFrom{seconds(40)};
constexpr Instant kRunUntil{seconds(60)};
// Long after the last fault has gone: whoever has not succeeded by then has given up or is stuck.
constexpr Duration kRequestDeadline = seconds(120);
// A peer that vanished says nothing, so a server gives up on who is silent for so long.
constexpr Duration kIdleTimeout = seconds(30);
constexpr Duration kAttemptTimeout = milliseconds(400);

// A request is its number and a payload whose size depends on it; the response is the number and a fingerprint.
struct Header {
  std::uint64_t id;
  std::uint64_t value;  // of a request: payload bytes; of a response: the fingerprint
};

std::uint64_t Fingerprint(std::uint64_t id, std::uint64_t sum) { return std::rotl(id, 17) ^ sum; }

Task<Status> ReadExactly(Socket& socket, std::span<std::byte> buffer) {
  while (!buffer.empty()) {
    FW_CO_ASSIGN_OR_RETURN(const std::size_t count, co_await socket.Read(buffer));
    if (count == 0) co_return Unavailable("the peer closed the connection");
    buffer = buffer.subspan(count);
  }
  co_return Status::Ok();
}

Task<StatusOr<Header>> ReadHeader(Socket& socket) {
  std::array<std::byte, sizeof(Header)> bytes;
  FW_CO_RETURN_IF_ERROR(co_await ReadExactly(socket, bytes));
  co_return std::bit_cast<Header>(bytes);
}

struct Server {
  Random random;
  std::uint64_t served = 0;
  std::uint64_t open = 0;
};

Task<Status> ServeConnection(Server& server, Socket& socket) {
  std::vector<std::byte> payload;
  for (;;) {
    FW_CO_ASSIGN_OR_RETURN(const Header request, co_await Timeout(kIdleTimeout, ReadHeader(socket)));
    payload.resize(request.value);
    FW_CO_RETURN_IF_ERROR(co_await Timeout(kIdleTimeout, ReadExactly(socket, payload)));
    std::uint64_t sum = 0;
    for (const std::byte byte : payload) sum += std::to_integer<std::uint64_t>(byte);
    FW_CO_RETURN_IF_ERROR(co_await Sleep(milliseconds(server.random.Below(20))));
    ++server.served;
    const Header response{.id = request.id, .value = Fingerprint(request.id, sum)};
    FW_CO_RETURN_IF_ERROR(co_await socket.WriteAll(std::as_bytes(std::span(&response, 1))));
  }
}

Task<void> OwnConnection(Server& server, std::unique_ptr<Socket> socket) {
  ++server.open;
  (co_await ServeConnection(server, *socket)).IgnoreError();
  if (FW_MUTANT("request_server.skips_close")) (co_await Sleep(std::chrono::hours(1))).IgnoreError();
  --server.open;
}

Task<void> RunServer(Server& server) {
  auto listener = Context::current().host()->network().Listen(*Endpoint::Parse("0.0.0.0:7000"));
  FW_CHECK(listener.ok()) << listener.status();
  TaskGroup connections;
  for (;;) {
    auto socket = co_await UntilDraining((*listener)->Accept());
    if (!socket.ok()) break;
    connections.Spawn(OwnConnection(server, *std::move(socket)));
  }
  (co_await connections.Drain(seconds(1))).IgnoreError();
}

class Client {
 public:
  Client(Endpoint server, std::uint64_t number, Random random)
      : server_(std::move(server)), random_(random), next_id_(number << 32) {}

  Task<Status> Run() {
    while (Loop::current()->now() < kRunUntil) {
      FW_CO_RETURN_IF_ERROR(co_await Request());
      FW_CO_RETURN_IF_ERROR(co_await Sleep(milliseconds(random_.Below(1500))));
    }
    co_return Status::Ok();
  }

 private:
  Task<Status> Request() {
    std::vector<std::byte> payload(random_.Below(200'000), std::byte{1});
    if (!FW_MUTANT("request_client.reuses_id")) ++next_id_;
    const std::uint64_t expected = Fingerprint(next_id_, payload.size());
    const Instant began = Loop::current()->now();
    const Instant deadline = began + kRequestDeadline;
    Backoff backoff(BackoffPolicy{});
    for (;;) {
      const StatusOr<Header> response = co_await Timeout(kAttemptTimeout, Attempt(payload));
      if (response.ok() && (response->id != next_id_ || response->value != expected)) {
        co_return Internal("a response belongs to another request");
      }
      if (response.ok()) co_return Status::Ok();
      if (began > kQuietFrom) {
        co_return Internal("a request failed although no fault has been for long: " + response.status().ToString());
      }
      // A connection on which every request was written whole may only be slow; its late response is skipped.
      const bool may_stay = written_ && response.status().code() == StatusCode::kDeadlineExceeded;
      if (!FW_MUTANT("request_client.keeps_broken_connection") && !(may_stay && random_.Chance(0.5))) socket_.reset();
      const auto pause = backoff.Next(random_(), Loop::current()->now(), deadline);
      if (!pause.has_value()) {
        co_return Internal("a request did not succeed within " + MillisecondsText(kRequestDeadline) +
                           " although the faults have ended; last: " + response.status().ToString());
      }
      FW_CO_RETURN_IF_ERROR(co_await Sleep(*pause));
    }
  }

  Task<StatusOr<Header>> Attempt(const std::vector<std::byte>& payload) {
    if (socket_ == nullptr) {
      FW_CO_ASSIGN_OR_RETURN(socket_, co_await Context::current().host()->network().Connect(server_));
      response_bytes_ = 0;
    }
    const Header request{.id = next_id_, .value = payload.size()};
    written_ = false;
    FW_CO_RETURN_IF_ERROR(co_await socket_->WriteAll(std::as_bytes(std::span(&request, 1))));
    FW_CO_RETURN_IF_ERROR(co_await socket_->WriteAll(payload));
    written_ = true;
    for (;;) {
      FW_CO_ASSIGN_OR_RETURN(const Header response, co_await ReadResponse());
      if (response.id >= next_id_) co_return response;
    }
  }

  // What an attempt that timed out has read of a response is kept for the next.
  Task<StatusOr<Header>> ReadResponse() {
    while (response_bytes_ < response_.size()) {
      FW_CO_ASSIGN_OR_RETURN(const std::size_t count,
                             co_await socket_->Read(std::span(response_).subspan(response_bytes_)));
      if (count == 0) co_return Unavailable("the server closed the connection");
      response_bytes_ += count;
    }
    response_bytes_ = 0;
    co_return std::bit_cast<Header>(response_);
  }

  const Endpoint server_;
  Random random_;
  std::uint64_t next_id_;
  std::unique_ptr<Socket> socket_;
  bool written_ = false;
  std::array<std::byte, sizeof(Header)> response_;
  std::size_t response_bytes_ = 0;
};

// Of every connection of this client, at random: both ends learn of it, or neither does.
void BreakConnections(SimWorld& world, const SimHost& client) {
  for (const ConnectionInfo& connection : world.network().Connections()) {
    if (connection.client != &client) continue;
    if (world.random().Chance(0.5)) {
      world.network().Cut(connection.id);
    } else {
      world.network().Silence(connection.id);
    }
  }
}

// Partitions, cuts, half-open connections and stalls, until kFaultTime.
void PlanFaults(SimWorld& world, SimHost& server, const std::vector<SimHost*>& clients) {
  Random random = world.random().Fork();
  for (Duration at{}; at < kFaultTime; at += milliseconds(200 + random.Below(2000))) {
    SimHost& client = *clients[random.Below(clients.size())];
    switch (random.Below(3)) {
      case 0:
        world.After(at, [&world, &server, &client] { world.network().Partition(server, client); });
        world.After(at + milliseconds(random.Below(4000)),
                    [&world, &server, &client] { world.network().Heal(server, client); });
        break;
      case 1:
        world.After(at, [&world, &client] { BreakConnections(world, client); });
        break;
      default:
        world.After(at, [&server, length = milliseconds(random.Below(700))] { server.Stall(length); });
        break;
    }
  }
  world.After(kFaultTime + seconds(5), [&world] { world.network().Heal(); });
}

FW_SCENARIO(Requests, "runtime.requests", "every request gets its own response once the network is whole again",
            "request_client.reuses_id", "request_client.keeps_broken_connection", "request_server.skips_close",
            "readiness.loses_wakeup", "socket.forgets_partial_write", "timeout.forgets_deadline") {
  SimHost& server_host = world.AddHost({.name = "server"});
  Server server{.random = world.random().Fork()};
  server_host.Spawn(RunServer(server));
  std::vector<SimHost*> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(&world.AddHost({.name = "client-" + std::to_string(i)}));
  PlanFaults(world, server_host, clients);
  const Endpoint address = world.network().EndpointOf(server_host, 7000);
  std::array<bool, kClients> done{};
  Status broken;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    auto run = [](Endpoint to, std::uint64_t number, Random random, bool& ended, Status& failed) -> Task<void> {
      Client client(std::move(to), number, random);
      const Status status = co_await client.Run();
      if (failed.ok()) failed = status;
      ended = true;
    };
    clients[i]->Spawn(run(address, i + 1, world.random().Fork(), done[i], broken));
  }
  world.RunFor(3 * kRequestDeadline);
  FW_RETURN_IF_ERROR(broken);
  for (const bool ended : done) {
    if (!ended) return Internal("a client hangs");
  }
  if (server.open != 0) return Internal(std::to_string(server.open) + " connections are open that nobody uses");
  return Status::Ok();
}

}  // namespace
}  // namespace flywheel::inline v0::sim
