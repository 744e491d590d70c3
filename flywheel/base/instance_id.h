// InstanceId: the name of one start of one process, short enough to be read aloud.
//
// 80 random bits as 16 characters of Crockford's base 32 in lower case, for example "1c9k3ztq8w0m5xhn": no i, l, o or
// u, so nothing is mistaken for another or spells a word, and it is a valid DNS label, path segment and label value. A
// start gets another one than the start before it. Among n ids the odds that any two are equal are about n^2 / 2^81:
// for a million starts 4e-13, for a thousand million 4e-7.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "flywheel/base/status_or.h"

namespace flywheel::inline v0 {

class InstanceId {
 public:
  static constexpr std::size_t kChars = 16;

  // Uses all of `first` and the upper 16 bits of `second`.
  [[nodiscard]] static InstanceId FromRandom(std::uint64_t first, std::uint64_t second) noexcept;
  // Takes what a person may have written: either case, o for 0, i and l for 1 (crockford.com/base32.html). Otherwise
  // INVALID_ARGUMENT. Yields the canonical form.
  [[nodiscard]] static StatusOr<InstanceId> Parse(std::string_view text);

  // Lives as long as this object.
  [[nodiscard]] std::string_view text() const noexcept { return {chars_.data(), chars_.size()}; }
  [[nodiscard]] std::string ToString() const { return std::string(text()); }

  auto operator<=>(const InstanceId&) const noexcept = default;

 private:
  InstanceId() noexcept = default;

  std::array<char, kChars> chars_;
};

}  // namespace flywheel::inline v0

template <>
struct std::hash<flywheel::InstanceId> {
  std::size_t operator()(const flywheel::InstanceId& id) const noexcept {
    return std::hash<std::string_view>()(id.text());
  }
};
