// Link: the way from one machine to another, in one direction.
//
// Every segment takes `latency`, up to `jitter` more, and now and then up to `tail` more (a queue somewhere, a lost
// packet that fast retransmission repaired); the bandwidth is shared by all connections on the link. What a link does
// not do is reorder within a connection: that is below what a stream socket shows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "flywheel/base/time.h"
#include "flywheel/runtime/random.h"

namespace flywheel::inline v0::sim {

// The defaults are those of machines in one building.
struct LinkOptions {
  Duration latency = std::chrono::microseconds(100);
  Duration jitter = std::chrono::microseconds(50);
  double tail_chance = 0.002;
  Duration tail = std::chrono::milliseconds(20);
  std::uint64_t bytes_per_second = 1'250'000'000;  // 10 Gbit/s; 0: as many as there are
  bool operator==(const LinkOptions&) const = default;
};

struct Link {
  LinkOptions options;
  bool blocked = false;  // a partition
  Instant busy_until{};  // the sender's interface is

  // How long something of no size is under way that leaves now.
  [[nodiscard]] Duration Latency(Random& random) const noexcept {
    Duration latency = options.latency + Below(random, options.jitter);
    if (options.tail > Duration::zero() && random.Chance(options.tail_chance)) latency += Below(random, options.tail);
    return latency;
  }
  // When `bytes` that are handed to the interface at `now` have left it.
  Instant Departure(Instant now, std::size_t bytes) noexcept {
    if (options.bytes_per_second == 0 || bytes == 0) return now;
    const auto nanoseconds = static_cast<unsigned __int128>(bytes) * 1'000'000'000 / options.bytes_per_second;
    busy_until = SaturatingAdd(std::max(busy_until, now), Duration(static_cast<Duration::rep>(nanoseconds)));
    return busy_until;
  }

 private:
  static Duration Below(Random& random, Duration bound) noexcept {
    if (bound <= Duration::zero()) return Duration::zero();
    return Duration(static_cast<Duration::rep>(random.Below(static_cast<std::uint64_t>(bound.count()))));
  }
};

}  // namespace flywheel::inline v0::sim
