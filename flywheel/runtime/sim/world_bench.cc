// What a simulation costs: an event of one of many hosts, and a message between two, which bound how many seeds a
// scenario gets.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/harness.h"
#include "flywheel/runtime/internal/test_net.h"
#include "flywheel/runtime/sleep.h"

namespace flywheel::bench {
namespace {

using sim::SimHost;
using sim::SimWorld;

Task<void> Tick(std::uint64_t times, Random random, std::uint64_t& ticks) {
  for (std::uint64_t i = 0; i < times; ++i) {
    (co_await Sleep(std::chrono::microseconds(random.Below(2000)))).IgnoreError();
    ++ticks;
  }
}

FW_BENCHMARK(SimTimer, "sim.timer") {
  for (const std::uint64_t count : {3, 100, 1000}) {
    SimWorld world(1);
    std::vector<SimHost*> hosts;
    for (std::uint64_t i = 0; i < count; ++i) hosts.push_back(&world.AddHost());
    const auto run = [&](std::uint64_t n) {
      std::uint64_t ticks = 0;
      for (SimHost* const host : hosts) host->Spawn(Tick(n / count, world.random().Fork(), ticks));
      // NOLINTNEXTLINE(bugprone-infinite-loop): the tasks count
      while (ticks < n) world.RunFor(std::chrono::milliseconds(10));
      return ticks;
    };
    bench.Compare({.scenario = "hosts_" + std::to_string(count),
                   .ours = {.run = run},
                   .check = [](std::uint64_t n, std::uint64_t ticks) { return ticks == n; },
                   .batch = count});
  }
}

// Reads as many bytes as `buffer` holds.
Task<bool> Receive(Socket& socket, std::span<std::byte> buffer) {
  while (!buffer.empty()) {
    const auto count = co_await socket.Read(buffer);
    if (!count.ok() || *count == 0) co_return false;
    buffer = buffer.subspan(*count);
  }
  co_return true;
}

Task<void> Answer(Socket& socket, std::size_t bytes) {
  std::vector<std::byte> buffer(bytes);
  while (co_await Receive(socket, buffer)) {
    if (!(co_await socket.WriteAll(buffer)).ok()) co_return;
  }
}

Task<std::uint64_t> Ask(Socket& socket, std::size_t bytes, std::uint64_t times) {
  std::vector<std::byte> buffer(bytes);
  std::uint64_t answers = 0;
  for (std::uint64_t i = 0; i < times; ++i) {
    if (!(co_await socket.WriteAll(buffer)).ok() || !co_await Receive(socket, buffer)) break;
    ++answers;
  }
  co_return answers;
}

FW_BENCHMARK(SimMessage, "sim.message") {
  for (const std::size_t bytes : {100, 10'000}) {
    internal::TwoHosts net(1, sim::LinkOptions{});
    const auto pair = net.Connect();
    net.server.Spawn(Answer(*pair.server, bytes));
    bench.Compare({.scenario = "bytes_" + std::to_string(bytes),
                   .ours = {.run = [&](std::uint64_t n) { return net.Run(net.client, Ask(*pair.client, bytes, n)); }},
                   .check = [](std::uint64_t n, std::uint64_t answers) { return answers == n; }});
    net.server.Crash();
  }
}

}  // namespace
}  // namespace flywheel::bench
