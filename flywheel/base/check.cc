#include "flywheel/base/check.h"

#include <execinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace flywheel::inline v0::internal {

CheckFailure::CheckFailure(const char* condition, const char* file, int line) noexcept {
  *this << "flywheel: check failed: " << condition << " at " << file << ':' << line << ' ';
}

CheckFailure& CheckFailure::operator<<(std::string_view text) noexcept {
  const std::size_t count = std::min(text.size(), kBufferBytes - used_);
  if (count != 0) std::memcpy(buffer_ + used_, text.data(), count);
  used_ += count;
  return *this;
}

CheckFailure& CheckFailure::operator<<(double value) noexcept {
  std::array<char, 32> text;
  const int length = std::snprintf(text.data(), text.size(), "%g", value);
  return *this << std::string_view(text.data(), static_cast<std::size_t>(length));
}

CheckFailure& CheckFailure::operator<<(const void* pointer) noexcept {
  std::array<char, 24> text;
  const int length = std::snprintf(text.data(), text.size(), "%p", pointer);
  return *this << std::string_view(text.data(), static_cast<std::size_t>(length));
}

CheckFailure& CheckFailure::Signed(std::int64_t value) noexcept {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return *this << std::string_view(text.data(), end);
}

CheckFailure& CheckFailure::Unsigned(std::uint64_t value) noexcept {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return *this << std::string_view(text.data(), end);
}

CheckFailure::~CheckFailure() {
  *this << "\n";
  buffer_[std::min(used_, kBufferBytes) - 1] = '\n';
  // Straight to the descriptor: the heap or stdio may be what is broken.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, buffer_, used_);
  std::array<void*, 64> frames;
  const int depth = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  ::backtrace_symbols_fd(frames.data(), depth, STDERR_FILENO);
  std::abort();
}

}  // namespace flywheel::inline v0::internal
