#include "flywheel/base/backoff.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "flywheel/base/check.h"
#include "flywheel/base/status.h"

namespace flywheel::inline v0 {
namespace {

std::string Text(Duration duration) { return std::to_string(duration.count()) + "ns"; }

}  // namespace

Status BackoffPolicy::Validate() const {
  if (initial <= Duration::zero()) {
    return InvalidArgument("backoff: initial is " + Text(initial) + "; set a time above 0");
  }
  if (max < initial) {
    return InvalidArgument("backoff: max is " + Text(max) + ", less than initial, which is " + Text(initial) +
                           "; set max to at least initial");
  }
  if (!std::isfinite(multiplier) || multiplier < 1.0) {
    return InvalidArgument("backoff: multiplier is " + std::to_string(multiplier) +
                           "; set a finite number of at least 1");
  }
  return Status::Ok();
}

Backoff::Backoff(const BackoffPolicy& policy) : policy_(policy), cap_(policy.initial) {
  const Status status = policy.Validate();
  FW_CHECK(status.ok()) << status;
}

std::optional<Duration> Backoff::Next(std::uint64_t random, Instant now, Instant deadline) noexcept {
  // The upper half of the product maps 64 uniform bits to 0..cap without a division and with a bias below cap / 2^64.
  const auto values = static_cast<unsigned __int128>(cap_.count()) + 1;
  const Duration wait(static_cast<Duration::rep>(values * random >> 64));
  if (SaturatingAdd(now, wait) >= deadline && deadline != kNever) return std::nullopt;
  ++attempts_;
  // In floating point nothing overflows; what is no longer below max becomes max before it is an integer again. Rounded
  // up, so that a cap of a few nanoseconds grows, too; a cap above 2^53 could lose its last bits, but never shrinks.
  const double next = std::ceil(static_cast<double>(cap_.count()) * policy_.multiplier);
  const bool below = next < static_cast<double>(policy_.max.count());
  cap_ = below ? std::max(cap_, Duration(static_cast<Duration::rep>(next))) : policy_.max;
  return wait;
}

void Backoff::Reset() noexcept {
  cap_ = policy_.initial;
  attempts_ = 0;
}

}  // namespace flywheel::inline v0
