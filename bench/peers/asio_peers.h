// What Asio's users would write where Flywheel has Task, TaskGroup::Spawn and Post: the peers of the rows runtime.*.
//
// This header shows nothing of Asio, so a benchmark that compares with it compiles in a tenth of the time, and neither
// side is inlined into the measuring loop. Each function returns the sum over its results, for Comparison::check:
// `operations` operations whose i-th result is i (modulo 2^31) add up to SumOfResults(operations).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace flywheel::bench::peers {

// "1.22.1": standalone Asio as Debian packages it (libasio-dev).
std::string AsioVersion();

constexpr std::uint64_t SumOfResults(std::uint64_t operations) {
  std::uint64_t sum = 0;
  for (constexpr std::uint64_t kPeriod = 1ULL << 31; operations > kPeriod; operations -= kPeriod) {
    sum += kPeriod / 2 * (kPeriod - 1);
  }
  return operations == 0
             ? sum
             : sum + (operations % 2 == 0 ? operations / 2 * (operations - 1) : operations * ((operations - 1) / 2));
}

// One coroutine that creates and awaits `operations` children, one after the other. A child is an awaitable<int>
// defined in another translation unit that returns its argument.
std::uint64_t AsioAwait(std::uint64_t operations);

// co_spawn of the same children with a completion handler, `batch` of them before the io_context runs them all to
// completion. One io_context for all operations.
std::uint64_t AsioSpawn(std::uint64_t operations, std::uint64_t batch);

// A coroutine that does `co_await co_spawn(executor, child, use_awaitable)`, one child after the other.
std::uint64_t AsioSpawnAndAwait(std::uint64_t operations);

// Two io_contexts, each run by a thread of its own. The first posts bursts of messages to the second; the last message
// of a burst posts back, and that starts the next burst: both threads work, sleep and are woken as two loops would.
class AsioPost {
 public:
  AsioPost();
  AsioPost(const AsioPost&) = delete;
  AsioPost& operator=(const AsioPost&) = delete;
  ~AsioPost();

  // Blocks until `operations` messages, a multiple of `burst`, have been handled. The CPU time of an operation is that
  // of the process (Billing::kProcess); the calling thread sleeps meanwhile.
  std::uint64_t Run(std::uint64_t operations, std::uint64_t burst);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flywheel::bench::peers
