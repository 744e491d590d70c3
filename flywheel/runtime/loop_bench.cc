// Messages from one loop to another, in bursts, as between an acceptor and the loops that serve.
#include <atomic>
#include <cstdint>

#include "bench/harness.h"
#include "bench/peers/asio_peers.h"
#include "flywheel/runtime/runtime.h"

namespace flywheel::bench {
namespace {

// Two loops: the first posts a burst to the second, whose last message posts back, and that starts the next burst.
class PostBursts {
 public:
  PostBursts(Loop& from, Loop& to) : from_(from), to_(to) {}

  std::uint64_t Run(std::uint64_t operations, std::uint64_t burst) {
    left_ = operations;
    burst_ = burst;
    sum_ = 0;
    next_ = 0;
    done_.store(false, std::memory_order_relaxed);
    from_.Post([this] { StartBurst(); });
    done_.wait(false, std::memory_order_acquire);
    return sum_;
  }

 private:
  void StartBurst() {
    for (std::uint64_t i = 0; i < burst_; ++i) {
      to_.Post([this, value = next_++, last = i + 1 == burst_] {
        sum_ += value;
        if (last) from_.Post([this] { EndBurst(); });
      });
    }
  }
  void EndBurst() {
    left_ -= burst_;
    if (left_ != 0) return StartBurst();
    done_.store(true, std::memory_order_release);
    done_.notify_one();
  }

  Loop& from_;
  Loop& to_;
  std::uint64_t left_ = 0;
  std::uint64_t burst_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t sum_ = 0;  // of the second loop; read when all bursts have ended
  std::atomic<bool> done_ = false;
};

FW_BENCHMARK(Post, "runtime.post") {
  const auto runtime = *Runtime::Create({.name = "bench", .loops = 2});
  PostBursts ours(runtime->loop(0), runtime->loop(1));
  peers::AsioPost asio;
  for (const std::uint64_t burst : {16, 64, 256}) {
    bench.Compare({.scenario = "burst_" + std::to_string(burst),
                   .ours = {.run = [&](std::uint64_t n) { return ours.Run(n, burst); }},
                   .peers = {{.name = "asio_post",
                              .version = peers::AsioVersion(),
                              .run = [&](std::uint64_t n) { return asio.Run(n, burst); }}},
                   .check = [](std::uint64_t n, std::uint64_t sum) { return sum == peers::SumOfResults(n); },
                   .billing = Billing::kProcess,
                   .batch = burst});
  }
}

}  // namespace
}  // namespace flywheel::bench
