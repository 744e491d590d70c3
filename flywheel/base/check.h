// FW_CHECK(condition) << state: an invariant of ours does not hold.
//
// Aborts in every build, after one line on stderr that names the place, the condition and the streamed state, and a
// backtrace. It is for bugs of this project only: what a peer, a user or the kernel can cause is a Status.
// The stream is a fixed buffer (kBufferBytes; a longer state is cut), so that a check neither allocates nor drags
// <ostream> into every header. FW_DCHECK costs nothing where NDEBUG is defined.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flywheel::inline v0::internal {

class CheckFailure {
 public:
  CheckFailure(const char* condition, const char* file, int line) noexcept;
  CheckFailure(const CheckFailure&) = delete;
  CheckFailure& operator=(const CheckFailure&) = delete;
  [[noreturn]] ~CheckFailure();

  CheckFailure& operator<<(std::string_view text) noexcept;
  CheckFailure& operator<<(const char* text) noexcept {
    return *this << (text == nullptr ? std::string_view("(null)") : std::string_view(text));
  }
  CheckFailure& operator<<(bool value) noexcept { return *this << (value ? "true" : "false"); }
  CheckFailure& operator<<(char value) noexcept { return *this << std::string_view(&value, 1); }
  CheckFailure& operator<<(double value) noexcept;
  CheckFailure& operator<<(const void* pointer) noexcept;

  template <std::signed_integral T>
  CheckFailure& operator<<(T value) noexcept {
    return Signed(static_cast<std::int64_t>(value));
  }
  template <std::unsigned_integral T>
  CheckFailure& operator<<(T value) noexcept {
    return Unsigned(static_cast<std::uint64_t>(value));
  }
  // Anything that can describe itself, for example Status.
  template <typename T>
    requires requires(const T& value) {
      { value.ToString() } -> std::convertible_to<std::string_view>;
    }
  CheckFailure& operator<<(const T& value) {
    return *this << std::string_view(value.ToString());
  }

 private:
  static constexpr std::size_t kBufferBytes = 2048;

  CheckFailure& Signed(std::int64_t value) noexcept;
  CheckFailure& Unsigned(std::uint64_t value) noexcept;

  std::size_t used_ = 0;
  char buffer_[kBufferBytes];
};

}  // namespace flywheel::inline v0::internal

#define FW_CHECK(condition)     \
  switch (0)                    \
  case 0:                       \
  default:                      \
    if (condition) [[likely]] { \
    } else /* NOLINT */         \
      ::flywheel::internal::CheckFailure(#condition, __FILE__, __LINE__)

#ifdef NDEBUG
#define FW_DCHECK(condition) FW_CHECK(true || (condition))
#else
#define FW_DCHECK(condition) FW_CHECK(condition)
#endif
