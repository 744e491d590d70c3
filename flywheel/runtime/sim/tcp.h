// What a simulated TCP is tuned to.
//
// The defaults are Linux's (tcp(7)), except where its own would never be met in a test: buffers are drawn per
// connection, so that some are small enough to fill.
#pragma once

#include <cstddef>
#include <cstdint>

#include "flywheel/base/time.h"

namespace flywheel::inline v0::sim {

// Which end of a connection.
enum class Side : unsigned char { kClient, kServer };
constexpr Side Other(Side side) noexcept { return side == Side::kClient ? Side::kServer : Side::kClient; }

struct TcpOptions {
  // Bytes, the same for the sender's and the receiver's; drawn log-uniformly for each direction.
  std::size_t buffer_min = 4 << 10;
  std::size_t buffer_max = 1 << 20;
  // How long unacknowledged bytes are sent again before the connection fails with ETIMEDOUT: what tcp_retries2 = 15
  // comes to. A closed socket's kernel gives up earlier (kOrphanTimeout).
  Duration timeout = std::chrono::milliseconds(924'600);
  // tcp_syn_retries: sent again after 1, 3, 7 ... s; the next time it would be, connecting fails. 6 makes 127 s.
  int syn_retries = 6;
  // Whether segments end at random places, now and then after single bytes.
  bool chop = true;
  bool operator==(const TcpOptions&) const = default;
};

inline constexpr Duration kRetryMin = std::chrono::milliseconds(200);  // TCP_RTO_MIN
inline constexpr Duration kRetryMax = std::chrono::seconds(120);       // TCP_RTO_MAX
inline constexpr Duration kSynRetry = std::chrono::seconds(1);         // TCP_TIMEOUT_INIT
inline constexpr Duration kSynAckTimeout = std::chrono::seconds(63);   // tcp_synack_retries = 5
inline constexpr Duration kOrphanTimeout = std::chrono::seconds(100);  // tcp_orphan_retries = 8

}  // namespace flywheel::inline v0::sim
