#include <algorithm>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/version.hpp>
#include <exception>
#include <string>

#include "bench/peers/asio_peers.h"
#include "flywheel/base/check.h"

namespace flywheel::bench::peers {

// In asio_child.cc. No header declares it, because headers have to compile where Asio is not installed.
asio::awaitable<int> AsioChild(int value);

namespace {

constexpr int kResultMask = 0x7fffffff;

int Argument(std::uint64_t operation) { return static_cast<int>(operation & kResultMask); }

asio::awaitable<void> AwaitChildren(std::uint64_t operations, std::uint64_t& sum) {
  for (std::uint64_t i = 0; i < operations; ++i) {
    sum += static_cast<std::uint64_t>(co_await AsioChild(Argument(i)));
  }
}

asio::awaitable<void> SpawnAndAwaitChildren(std::uint64_t operations, std::uint64_t& sum) {
  const auto executor = co_await asio::this_coro::executor;
  for (std::uint64_t i = 0; i < operations; ++i) {
    const int result = co_await asio::co_spawn(executor, AsioChild(Argument(i)), asio::use_awaitable);
    sum += static_cast<std::uint64_t>(result);
  }
}

std::uint64_t RunOne(asio::awaitable<void> (*body)(std::uint64_t, std::uint64_t&), std::uint64_t operations) {
  asio::io_context context(1);
  std::uint64_t sum = 0;
  asio::co_spawn(context, body(operations, sum), asio::detached);
  context.run();
  return sum;
}

}  // namespace

// ASIO_VERSION is major * 100000 + minor * 100 + patch.
std::string AsioVersion() {
  return std::to_string(ASIO_VERSION / 100000) + "." + std::to_string(ASIO_VERSION / 100 % 1000) + "." +
         std::to_string(ASIO_VERSION % 100);
}

std::uint64_t AsioAwait(std::uint64_t operations) { return RunOne(AwaitChildren, operations); }

std::uint64_t AsioSpawnAndAwait(std::uint64_t operations) { return RunOne(SpawnAndAwaitChildren, operations); }

std::uint64_t AsioSpawn(std::uint64_t operations, std::uint64_t batch) {
  FW_CHECK(batch > 0) << "a batch of nothing";
  asio::io_context context(1);
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < operations;) {
    const std::uint64_t end = std::min(operations, i + batch);
    for (; i < end; ++i) {
      asio::co_spawn(context, AsioChild(Argument(i)), [&sum](const std::exception_ptr& failure, int result) {
        FW_CHECK(failure == nullptr) << "the child failed";
        sum += static_cast<std::uint64_t>(result);
      });
    }
    context.run();
    context.restart();
  }
  return sum;
}

}  // namespace flywheel::bench::peers
