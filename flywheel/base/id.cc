#include "flywheel/base/id.h"

#include <optional>

#include "flywheel/base/internal/quote.h"

namespace flywheel::inline v0 {
namespace {

constexpr std::size_t kWordChars = 16;

std::optional<std::uint64_t> Digit(char c, bool any_case) noexcept {
  if (c >= '0' && c <= '9') return static_cast<std::uint64_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint64_t>(c - 'a' + 10);
  if (any_case && c >= 'A' && c <= 'F') return static_cast<std::uint64_t>(c - 'A' + 10);
  return std::nullopt;
}

// Both words of an id of 16 or 32 digits, the only one or the low one last.
StatusOr<std::array<std::uint64_t, 2>> ParseWords(std::string_view text, std::size_t chars, bool any_case) {
  const auto refuse = [&](std::string_view why) {
    std::string message = "id: " + internal::Quote(text);
    message.append(why).append("; an id is ").append(std::to_string(chars));
    message.append(any_case ? " hex digits, not all zero" : " lower-case hex digits, not all zero");
    return InvalidArgument(std::move(message));
  };
  if (text.size() != chars) return refuse(" has " + std::to_string(text.size()) + " characters");
  std::array<std::uint64_t, 2> words{};
  for (std::size_t i = 0; i < chars; ++i) {
    const std::optional<std::uint64_t> digit = Digit(text[i], any_case);
    if (!digit) return refuse(" has another character at " + std::to_string(i));
    std::uint64_t& word = words[i < chars - kWordChars ? 0 : 1];
    word = word << 4 | *digit;
  }
  if ((words[0] | words[1]) == 0) return refuse(" is all zero");
  return words;
}

void FormatWord(std::uint64_t word, char* to) noexcept {
  for (std::size_t i = kWordChars; i-- > 0; word >>= 4) to[i] = "0123456789abcdef"[word & 15];
}

StatusOr<Id64> ParseId64(std::string_view text, bool any_case) {
  FW_ASSIGN_OR_RETURN(const auto words, ParseWords(text, Id64::kHexChars, any_case));
  return Id64(words[1]);
}

StatusOr<Id128> ParseId128(std::string_view text, bool any_case) {
  FW_ASSIGN_OR_RETURN(const auto words, ParseWords(text, Id128::kHexChars, any_case));
  return Id128(words[0], words[1]);
}

}  // namespace

StatusOr<Id64> Id64::Parse(std::string_view text) { return ParseId64(text, /*any_case=*/false); }
StatusOr<Id64> Id64::ParseAnyCase(std::string_view text) { return ParseId64(text, /*any_case=*/true); }
void Id64::Format(std::span<char, kHexChars> to) const noexcept { FormatWord(value_, to.data()); }
std::string Id64::ToString() const {
  std::string text(kHexChars, '0');
  Format(std::span<char, kHexChars>(text));
  return text;
}

StatusOr<Id128> Id128::Parse(std::string_view text) { return ParseId128(text, /*any_case=*/false); }
StatusOr<Id128> Id128::ParseAnyCase(std::string_view text) { return ParseId128(text, /*any_case=*/true); }
void Id128::Format(std::span<char, kHexChars> to) const noexcept {
  FormatWord(high_, to.data());
  FormatWord(low_, to.data() + kWordChars);
}
std::string Id128::ToString() const {
  std::string text(kHexChars, '0');
  Format(std::span<char, kHexChars>(text));
  return text;
}

}  // namespace flywheel::inline v0
