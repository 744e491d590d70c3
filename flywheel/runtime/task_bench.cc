// What a call of a coroutine costs: awaited, spawned, and the Context that goes with it.
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "bench/harness.h"
#include "bench/peers/asio_peers.h"
#include "bench/peers/bare_coroutine.h"
#include "flywheel/runtime/child_bench.h"
#include "flywheel/runtime/internal/thread_loop.h"

namespace flywheel::bench {
namespace {

bool SumIsRight(std::uint64_t operations, std::uint64_t checksum) {
  return checksum == peers::SumOfResults(operations);
}

// A slice is one long turn, and is meant to be.
class NoReports final : public ReportSink {
  void Report(ReportKind, std::string_view) override {}
};

Host::Parts BenchParts() {
  Host::Parts parts = Host::SystemParts("bench");
  parts.reports = std::make_unique<NoReports>();
  return parts;
}

Task<std::uint64_t> AwaitChildren(std::uint64_t operations) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < operations; ++i) sum += co_await Child(i);
  co_return sum;
}

FW_BENCHMARK(Await, "runtime.await") {
  internal::ThreadLoop thread(BenchParts());
  const auto bare = [&](std::uint64_t n) {
    return thread.Run(
        [](std::uint64_t operations) -> Task<std::uint64_t> { co_return peers::BareAwait(operations); }(n));
  };
  bench.Compare({.scenario = "child_in_another_unit",
                 .ours = {.run = [&](std::uint64_t n) { return thread.Run(AwaitChildren(n)); }},
                 .peers = {{.name = "asio_awaitable", .version = peers::AsioVersion(), .run = &peers::AsioAwait},
                           {.name = "bare_coroutine", .version = "written here", .run = bare}},
                 .check = &SumIsRight});
}

Task<std::uint64_t> SpawnChildren(std::uint64_t operations, std::uint64_t batch) {
  std::uint64_t sum = 0;
  TaskGroup group;
  for (std::uint64_t i = 0; i < operations;) {
    for (std::uint64_t end = i + batch; i < end; ++i) group.Spawn(AddTo(sum, i));
    (co_await group.Join()).IgnoreError();
  }
  co_return sum;
}

FW_BENCHMARK(Spawn, "runtime.spawn") {
  internal::ThreadLoop thread(BenchParts());
  for (const std::uint64_t batch : {1, 100}) {
    const auto ours = [&](std::uint64_t n) { return thread.Run(SpawnChildren(n, batch)); };
    const auto asio = [&](std::uint64_t n) {
      return batch == 1 ? peers::AsioSpawnAndAwait(n) : peers::AsioSpawn(n, batch);
    };
    bench.Compare({.scenario = batch == 1 ? "spawn_and_join" : "100_at_once",
                   .ours = {.run = ours},
                   .peers = {{.name = "asio_co_spawn", .version = peers::AsioVersion(), .run = asio}},
                   .check = &SumIsRight,
                   .batch = batch});
  }
}

Task<std::uint64_t> ReadContexts(std::uint64_t operations) {
  const ContextScope scope(Context::current().Child());
  std::uint64_t right = 0;
  const Context* const expected = thread_slot.context;
  for (std::uint64_t i = 0; i < operations; ++i) {
    right += &Context::current() == expected ? 1 : 0;
    ClobberMemory();
  }
  co_return right;
}

FW_BENCHMARK(ReadContext, "runtime.context") {
  internal::ThreadLoop thread(BenchParts());
  bench.Compare({.scenario = "current",
                 .ours = {.run = [&](std::uint64_t n) { return thread.Run(ReadContexts(n)); }},
                 .check = [](std::uint64_t n, std::uint64_t right) { return right == n; }});
}

}  // namespace
}  // namespace flywheel::bench
