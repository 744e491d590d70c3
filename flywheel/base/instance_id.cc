#include "flywheel/base/instance_id.h"

#include <utility>

#include "flywheel/base/internal/quote.h"

namespace flywheel::inline v0 {
namespace {

constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";

char Canonical(char c) noexcept {
  if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (c == 'o') return '0';
  if (c == 'i' || c == 'l') return '1';
  return c;
}

}  // namespace

InstanceId InstanceId::FromRandom(std::uint64_t first, std::uint64_t second) noexcept {
  unsigned __int128 bits = static_cast<unsigned __int128>(first) << 16 | second >> 48;
  InstanceId id;
  for (std::size_t i = kChars; i-- > 0; bits >>= 5) id.chars_[i] = kAlphabet[static_cast<std::size_t>(bits & 31)];
  return id;
}

StatusOr<InstanceId> InstanceId::Parse(std::string_view text) {
  const auto refuse = [&](std::string why) {
    return InvalidArgument("instance id: " + internal::Quote(text) + why +
                           "; an instance id is 16 characters of 0-9 and a-z without i, l, o, u");
  };
  if (text.size() != kChars) return refuse(" has " + std::to_string(text.size()) + " characters");
  InstanceId id;
  for (std::size_t i = 0; i < kChars; ++i) {
    id.chars_[i] = Canonical(text[i]);
    if (!kAlphabet.contains(id.chars_[i])) return refuse(" has another character at " + std::to_string(i));
  }
  return id;
}

}  // namespace flywheel::inline v0
