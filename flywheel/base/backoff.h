// Backoff: how long to wait before trying again. The only one in the project.
//
// Exponential with full jitter: the n-th wait is uniform between nothing and min(max, initial * multiplier^n). Of the
// usual variants full jitter needs the fewest calls in total when many clients fail together (M. Brooker, "Exponential
// Backoff And Jitter", AWS Architecture Blog, 2015). A wait that would leave no time for the attempt after it is not
// begun: Next() then says so, and the caller fails at once instead of sleeping into its deadline.
// Time and randomness come from the caller, so a seed replays every decision.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "flywheel/base/time.h"

namespace flywheel::inline v0 {

class Status;

struct BackoffPolicy {
  Duration initial = std::chrono::milliseconds(100);  // upper bound of the first wait
  Duration max = std::chrono::seconds(2);             // upper bound of every wait
  double multiplier = 2.0;                            // from one upper bound to the next; 1 keeps it

  bool operator==(const BackoffPolicy&) const = default;

  // INVALID_ARGUMENT unless 0 < initial <= max and multiplier is finite and at least 1.
  [[nodiscard]] Status Validate() const;
};

class Backoff {
 public:
  // The policy must be valid.
  explicit Backoff(const BackoffPolicy& policy = {});

  // The next wait, chosen by `random` (all 64 bits uniform), or nothing if it would not end before `deadline`. Only a
  // wait that is given counts as an attempt. kNever is no deadline.
  [[nodiscard]] std::optional<Duration> Next(std::uint64_t random, Instant now, Instant deadline) noexcept;
  // After a success.
  void Reset() noexcept;

  // Waits given since the start or Reset().
  [[nodiscard]] std::uint64_t attempts() const noexcept { return attempts_; }
  // Upper bound of the next wait.
  [[nodiscard]] Duration cap() const noexcept { return cap_; }
  [[nodiscard]] const BackoffPolicy& policy() const noexcept { return policy_; }

 private:
  BackoffPolicy policy_;
  Duration cap_;
  std::uint64_t attempts_ = 0;
};

}  // namespace flywheel::inline v0
