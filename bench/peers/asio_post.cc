#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <thread>

#include "bench/peers/asio_peers.h"
#include "flywheel/base/check.h"

namespace flywheel::bench::peers {

class AsioPost::Impl {
 public:
  ~Impl() {
    sender_work_.reset();
    receiver_work_.reset();
    sender_thread_.join();
    receiver_thread_.join();
  }

  std::uint64_t Run(std::uint64_t operations, std::uint64_t burst) {
    FW_CHECK(burst > 0 && operations % burst == 0) << operations << " messages in bursts of " << burst;
    operations_ = operations;
    burst_ = burst;
    sum_ = 0;
    done_.store(operations == 0, std::memory_order_relaxed);
    if (operations > 0) asio::post(sender_, [this] { SendBurst(0); });
    done_.wait(false, std::memory_order_acquire);
    return sum_;
  }

 private:
  static constexpr std::uint64_t kResultMask = 0x7fffffff;

  void SendBurst(std::uint64_t first) {
    for (std::uint64_t i = first; i < first + burst_; ++i) {
      asio::post(receiver_, [this, i] { Receive(i); });
    }
  }

  void Receive(std::uint64_t i) {
    sum_ += i & kResultMask;
    if ((i + 1) % burst_ != 0) return;
    if (i + 1 < operations_) {
      asio::post(sender_, [this, next = i + 1] { SendBurst(next); });
    } else {
      done_.store(true, std::memory_order_release);
      done_.notify_one();
    }
  }

  using WorkGuard = asio::executor_work_guard<asio::io_context::executor_type>;

  std::uint64_t operations_ = 0;
  std::uint64_t burst_ = 1;
  std::uint64_t sum_ = 0;  // the receiver's, until done_
  std::atomic<bool> done_{false};
  asio::io_context sender_{1};
  asio::io_context receiver_{1};
  WorkGuard sender_work_ = asio::make_work_guard(sender_);
  WorkGuard receiver_work_ = asio::make_work_guard(receiver_);
  std::thread sender_thread_{[this] { sender_.run(); }};
  std::thread receiver_thread_{[this] { receiver_.run(); }};
};

AsioPost::AsioPost() : impl_(std::make_unique<Impl>()) {}
AsioPost::~AsioPost() = default;
std::uint64_t AsioPost::Run(std::uint64_t operations, std::uint64_t burst) { return impl_->Run(operations, burst); }

}  // namespace flywheel::bench::peers
