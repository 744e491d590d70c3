#include "flywheel/base/internal/quote.h"

namespace flywheel::inline v0::internal {

std::string Quote(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string quoted = "'";
  for (const char c : text.substr(0, kQuotedBytesMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\'' && c != '\\') {
      quoted += c;
    } else {
      quoted.append("\\x").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
    }
  }
  if (text.size() > kQuotedBytesMax) quoted += "...";
  return quoted += '\'';
}

}  // namespace flywheel::inline v0::internal
