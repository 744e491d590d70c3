// Id128 and Id64: identifiers that are unique because they are random, as trace and span ids are.
//
// Strong types over big-endian words. All-zero means "none", as in W3C trace context, and is what a default-made id
// is; nothing that makes or parses an id yields it. Random words come from the caller, since the Host owns randomness.
// Text is lower-case hex of fixed length. Parse() takes nothing else, because the W3C calls a traceparent with
// upper-case digits invalid; ParseAnyCase() is for formats that allow both, such as B3 headers.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "flywheel/base/status_or.h"

namespace flywheel::inline v0 {

class Id64 {
 public:
  static constexpr std::size_t kHexChars = 16;

  constexpr Id64() noexcept = default;
  constexpr explicit Id64(std::uint64_t value) noexcept : value_(value) {}

  // `random` itself; for zero, which is one in 2^64, an arbitrary other value.
  [[nodiscard]] static constexpr Id64 FromRandom(std::uint64_t random) noexcept {
    return Id64(random == 0 ? 1 : random);
  }
  // INVALID_ARGUMENT unless `text` is 16 hex digits that are not all zero.
  [[nodiscard]] static StatusOr<Id64> Parse(std::string_view text);
  [[nodiscard]] static StatusOr<Id64> ParseAnyCase(std::string_view text);

  [[nodiscard]] constexpr bool valid() const noexcept { return value_ != 0; }
  [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }

  void Format(std::span<char, kHexChars> to) const noexcept;
  [[nodiscard]] std::string ToString() const;

  constexpr auto operator<=>(const Id64&) const noexcept = default;

 private:
  std::uint64_t value_ = 0;
};

class Id128 {
 public:
  static constexpr std::size_t kHexChars = 32;

  constexpr Id128() noexcept = default;
  constexpr Id128(std::uint64_t high, std::uint64_t low) noexcept : high_(high), low_(low) {}

  // As Id64::FromRandom. The low word keeps the rightmost bits, which samplers use (W3C trace context level 2,
  // random-trace-id flag), as random as they came.
  [[nodiscard]] static constexpr Id128 FromRandom(std::uint64_t high, std::uint64_t low) noexcept {
    return (high | low) == 0 ? Id128(0, 1) : Id128(high, low);
  }
  // INVALID_ARGUMENT unless `text` is 32 hex digits that are not all zero.
  [[nodiscard]] static StatusOr<Id128> Parse(std::string_view text);
  [[nodiscard]] static StatusOr<Id128> ParseAnyCase(std::string_view text);

  [[nodiscard]] constexpr bool valid() const noexcept { return (high_ | low_) != 0; }
  [[nodiscard]] constexpr std::uint64_t high() const noexcept { return high_; }
  [[nodiscard]] constexpr std::uint64_t low() const noexcept { return low_; }

  void Format(std::span<char, kHexChars> to) const noexcept;
  [[nodiscard]] std::string ToString() const;

  constexpr auto operator<=>(const Id128&) const noexcept = default;

 private:
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};

namespace internal {

// Spreads every bit of a word over all bits, for ids that are not random (a finalizer of MurmurHash3).
constexpr std::size_t MixWord(std::uint64_t word) noexcept {
  word = (word ^ word >> 33) * 0xff51afd7ed558ccd;
  word = (word ^ word >> 33) * 0xc4ceb9fe1a85ec53;
  return word ^ word >> 33;
}

}  // namespace internal
}  // namespace flywheel::inline v0

template <>
struct std::hash<flywheel::Id64> {
  constexpr std::size_t operator()(flywheel::Id64 id) const noexcept { return flywheel::internal::MixWord(id.value()); }
};
template <>
struct std::hash<flywheel::Id128> {
  constexpr std::size_t operator()(flywheel::Id128 id) const noexcept {
    return flywheel::internal::MixWord(id.high() ^ flywheel::internal::MixWord(id.low()));
  }
};
