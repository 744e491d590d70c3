// Reading a value that someone replaces a thousand times a second, against std::atomic<std::shared_ptr>.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "bench/harness.h"
#include "flywheel/base/quiescent.h"
#include "flywheel/base/snapshot.h"

namespace flywheel::inline v0 {
namespace {

constexpr Duration kEveryMillisecond = std::chrono::milliseconds(1);
// What a loop finds to do in a turn under load; each needs a look at the endpoints, the configuration and the like.
constexpr std::uint64_t kReadsPerTurn = 16;

// Both halves together are 1 in every version, so that n whole reads add up to n.
struct Halves {
  explicit Halves(std::uint64_t version) : low(version), high(1 - version) {}
  std::uint64_t low;
  std::uint64_t high;
};

FW_BENCHMARK(SnapshotRead, "base.snapshot") {
  QuiescentDomain domain;
  Snapshot<Halves> snapshot(domain, Halves(0));
  QuiescentParticipant loop(domain, "bench");
  const auto read = [&](std::uint64_t n) {
    std::uint64_t sum = 0;
    loop.TurnBegin();
    for (std::uint64_t i = 0; i < n; ++i) {
      const auto value = snapshot.Read();
      sum += value->low + value->high;
      bench::ClobberMemory();
      if (i % kReadsPerTurn == 0) loop.TurnEnd();
    }
    loop.Park();
    return sum;
  };
  std::uint64_t published = 0;
  const auto publish = [&] { snapshot.Publish(Halves(++published)); };

  std::atomic<std::shared_ptr<const Halves>> shared(std::make_shared<const Halves>(0));
  const auto read_shared = [&](std::uint64_t n) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      const std::shared_ptr<const Halves> value = shared.load();
      sum += value->low + value->high;
      bench::ClobberMemory();
    }
    return sum;
  };
  const auto publish_shared = [&] { shared.store(std::make_shared<const Halves>(++published)); };

  bench.Compare({.scenario = "writer_1khz",
                 .ours = {.run = read, .background = {.period = kEveryMillisecond, .step = publish}},
                 .peers = {{.name = "atomic_shared_ptr",
                            .version = "libstdc++",
                            .run = read_shared,
                            .background = {.period = kEveryMillisecond, .step = publish_shared}}},
                 .check = [](std::uint64_t n, std::uint64_t sum) { return sum == n; }});
}

// A counted reference instead of a borrow, as a foreign thread and as a loop take it.
FW_BENCHMARK(SnapshotHold, "base.snapshot_hold") {
  QuiescentDomain domain;
  Snapshot<Halves> snapshot(domain, Halves(0));
  QuiescentParticipant loop(domain, "bench");
  const auto hold = [&](std::uint64_t n) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      const Held<Halves> value = snapshot.Hold();
      sum += value->low + value->high;
      bench::ClobberMemory();
    }
    return sum;
  };
  const auto hold_on_loop = [&](std::uint64_t n) {
    loop.TurnBegin();
    const std::uint64_t sum = hold(n);
    loop.Park();
    return sum;
  };
  std::atomic<std::shared_ptr<const Halves>> shared(std::make_shared<const Halves>(0));
  const bench::Side peer{.name = "atomic_shared_ptr", .version = "libstdc++", .run = [&](std::uint64_t n) {
                           std::uint64_t sum = 0;
                           for (std::uint64_t i = 0; i < n; ++i) {
                             const std::shared_ptr<const Halves> value = shared.load();
                             sum += value->low + value->high;
                             bench::ClobberMemory();
                           }
                           return sum;
                         }};
  const auto check = [](std::uint64_t n, std::uint64_t sum) { return sum == n; };
  bench.Compare({.scenario = "foreign", .ours = {.run = hold}, .peers = {peer}, .check = check});
  bench.Compare({.scenario = "loop", .ours = {.run = hold_on_loop}, .peers = {peer}, .check = check});
}

// Replacing a value with three loops to look at, two of them in a turn.
FW_BENCHMARK(SnapshotPublish, "base.snapshot_publish") {
  QuiescentDomain domain;
  Snapshot<Halves> snapshot(domain, Halves(0));
  QuiescentParticipant loop(domain, "bench");
  QuiescentParticipant other(domain, "other");
  const QuiescentParticipant parked(domain, "parked");
  const auto publish = [&](std::uint64_t n) {
    const std::uint64_t before = snapshot.Hold().version();
    other.TurnBegin();
    loop.TurnBegin();
    for (std::uint64_t i = 0; i < n; ++i) {
      snapshot.Publish(Halves(i));
      if (i % kReadsPerTurn == 0) {
        loop.TurnEnd();
        other.TurnEnd();
      }
    }
    other.Park();
    loop.Park();
    return snapshot.Hold().version() - before;
  };
  std::atomic<std::shared_ptr<const Halves>> shared(std::make_shared<const Halves>(0));
  const auto publish_shared = [&](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) shared.store(std::make_shared<const Halves>(i));
    return shared.load()->low + 1;
  };
  bench.Compare({.scenario = "two_of_three_loops_busy",
                 .ours = {.run = publish},
                 .peers = {{.name = "atomic_shared_ptr", .version = "libstdc++", .run = publish_shared}},
                 .check = [](std::uint64_t n, std::uint64_t versions) { return versions == n; }});
}

}  // namespace
}  // namespace flywheel::inline v0
