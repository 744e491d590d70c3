// Quote: text from outside made fit for a message.
//
// Messages end up in logs and terminals, and a peer chooses what they quote: so it is cut, and nothing is left in it
// that a terminal or a log would act on.
#pragma once

#include <string>
#include <string_view>

namespace flywheel::inline v0::internal {

// 'text', with bytes outside of printable ASCII as \xNN, and with "..." in place of what exceeds kQuotedBytesMax.
inline constexpr std::size_t kQuotedBytesMax = 64;
std::string Quote(std::string_view text);

}  // namespace flywheel::inline v0::internal
