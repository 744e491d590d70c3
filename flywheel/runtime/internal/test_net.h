// TwoHosts: a simulated server and client with a network between them, for tests of that network.
//
// The default link has a fixed latency of 1 ms and no bandwidth to speak of, so that tests can say when things happen.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "flywheel/base/check.h"
#include "flywheel/runtime/internal/test_sockets.h"
#include "flywheel/runtime/sim/disk.h"
#include "flywheel/runtime/sim/fabric.h"
#include "flywheel/runtime/sim/world.h"

namespace flywheel::inline v0::internal {

inline constexpr Duration kLatency = std::chrono::milliseconds(1);
inline constexpr sim::LinkOptions kPlainLink{
    .latency = kLatency, .jitter = {}, .tail_chance = 0, .tail = {}, .bytes_per_second = 0};

struct TwoHosts {
  explicit TwoHosts(std::uint64_t seed = 1, const sim::LinkOptions& link = kPlainLink)
      : world(seed), server(world.AddHost({.name = "server"})), client(world.AddHost({.name = "client"})) {
    world.network().SetLinks(link);
  }

  [[nodiscard]] Endpoint endpoint(std::uint16_t port = 80) { return world.network().EndpointOf(server, port); }
  sim::SimFabric& network() noexcept { return world.network(); }

  // Runs `task` on `host` and aborts if it does not end.
  template <typename T>
  auto Run(sim::SimHost& host, Task<T> task) {
    auto result = world.Run(host, std::move(task));
    if constexpr (std::is_void_v<T>) {
      FW_CHECK(result.ok()) << result;
    } else if constexpr (std::same_as<T, decltype(result)>) {
      return result;
    } else {
      FW_CHECK(result.ok()) << result.status();
      return *std::move(result);
    }
  }

  // A connection whose ends belong to the test and not to a task. They must go before the world does.
  struct Pair {
    std::unique_ptr<Socket> client;
    std::unique_ptr<Socket> server;
  };
  Pair Connect(std::uint16_t port = 80) {
    Pair pair;
    auto listener = Run(server, Listen(endpoint(port))).value();
    pair.client = Run(client, Dial(endpoint(port))).value();
    pair.server = Run(server, Accept(*listener)).value();
    Run(server, Drop(std::move(listener)));
    return pair;
  }

  static Task<StatusOr<std::unique_ptr<Listener>>> Listen(Endpoint where, ListenOptions options = {}) {
    co_return Context::current().host()->network().Listen(where, options);
  }
  static Task<StatusOr<std::unique_ptr<Socket>>> Dial(Endpoint where) {
    co_return co_await Context::current().host()->network().Connect(where);
  }
  static Task<StatusOr<std::unique_ptr<Socket>>> Accept(Listener& listener) { co_return co_await listener.Accept(); }
  template <typename T>
  static Task<void> Drop(std::unique_ptr<T>) {
    co_return;
  }

  sim::SimWorld world;
  sim::SimHost& server;
  sim::SimHost& client;
};

}  // namespace flywheel::inline v0::internal
