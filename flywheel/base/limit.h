// Limit: a named bound with its reason.
//
// Every queue, cache, buffer and retry of the project has one, declared beside what it bounds:
//   inline constexpr Limit kSlabCacheBytes{.name = "slab_cache_bytes", .value = 12 << 20, .unit = "bytes",
//                                          .reason = "spare blocks of a loop under load"};
// What happens there is up to the owner; where it is a refusal, Exceeded() words it the same way everywhere: what,
// which one, the limit with its reason, and the next step. The strings must outlive the Limit; literals do.
#pragma once

#include <cstdint>
#include <string_view>

namespace flywheel::inline v0 {

class Status;

struct Limit {
  std::string_view name;    // snake_case, unit last, as options and metrics spell it
  std::uint64_t value = 0;  // the largest amount that is still allowed
  std::string_view unit;    // plural: "bytes", "streams"
  std::string_view reason;  // why there is a bound, and why this one

  [[nodiscard]] constexpr bool Allows(std::uint64_t asked) const noexcept { return asked <= value; }
  // If `more` still fits on top of `used`; does not overflow.
  [[nodiscard]] constexpr bool Allows(std::uint64_t used, std::uint64_t more) const noexcept {
    return used <= value && more <= value - used;
  }

  // RESOURCE_EXHAUSTED: "watch_queue_events: watch /shop/ asked for 5000 events, the limit is 4096 (a client that reads
  // too slowly must not hold the store's memory); read faster or watch a narrower prefix".
  // `which` names the one that asked. `next_step` says what a person can do.
  [[nodiscard]] Status Exceeded(std::uint64_t asked, std::string_view which, std::string_view next_step) const;

  bool operator==(const Limit&) const = default;
};

}  // namespace flywheel::inline v0
