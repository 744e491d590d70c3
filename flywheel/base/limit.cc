#include "flywheel/base/limit.h"

#include <string>

#include "flywheel/base/status.h"

namespace flywheel::inline v0 {

Status Limit::Exceeded(std::uint64_t asked, std::string_view which, std::string_view next_step) const {
  std::string text(name);
  text.append(": ").append(which).append(" asked for ").append(std::to_string(asked)).append(" ").append(unit);
  text.append(", the limit is ").append(std::to_string(value));
  if (!reason.empty()) text.append(" (").append(reason).append(")");
  if (!next_step.empty()) text.append("; ").append(next_step);
  return ResourceExhausted(std::move(text));
}

}  // namespace flywheel::inline v0
