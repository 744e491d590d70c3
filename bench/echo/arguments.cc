#include "bench/echo/arguments.h"

#include <algorithm>
#include <charconv>

namespace flywheel::bench::echo {
namespace {

// The whole of `text` as a number, or false.
template <typename Number>
bool Read(const std::string& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string Arguments::Text(std::string_view name, std::string_view fallback) {
  const std::string* const value = Take(name);
  return value == nullptr ? std::string(fallback) : *value;
}

std::uint64_t Arguments::Number(std::string_view name, std::uint64_t fallback, std::uint64_t min, std::uint64_t max) {
  const std::string* const value = Take(name);
  std::uint64_t number = fallback;
  if (value != nullptr && (!Read(*value, number) || number < min || number > max)) {
    Fail(std::string(name) + " " + *value + ": give a number from " + std::to_string(min) + " to " +
         std::to_string(max));
    return fallback;
  }
  return number;
}

double Arguments::Decimal(std::string_view name, double fallback, double min, double max) {
  const std::string* const value = Take(name);
  double number = fallback;
  // Written so that a NaN fails.
  if (value != nullptr && !(Read(*value, number) && number >= min && number <= max)) {
    Fail(std::string(name) + " " + *value + ": give a number from " + std::to_string(min) + " to " +
         std::to_string(max));
    return fallback;
  }
  return number;
}

bool Arguments::Flag(std::string_view name) {
  const auto word = std::ranges::find(words_, name);
  if (word == words_.end()) return false;
  taken_[static_cast<std::size_t>(word - words_.begin())] = true;
  return true;
}

bool Arguments::Has(std::string_view name) const { return std::ranges::find(words_, name) != words_.end(); }

Status Arguments::status() const {
  if (!error_.ok()) return error_;
  const auto unknown = std::ranges::find(taken_, false);
  if (unknown == taken_.end()) return Status::Ok();
  return InvalidArgument("unknown or repeated argument " + words_[static_cast<std::size_t>(unknown - taken_.begin())]);
}

const std::string* Arguments::Take(std::string_view name) {
  const auto word = std::ranges::find(words_, name);
  if (word == words_.end()) return nullptr;
  const auto at = static_cast<std::size_t>(word - words_.begin());
  taken_[at] = true;
  if (at + 1 == words_.size()) {
    Fail(std::string(name) + " needs a value");
    return nullptr;
  }
  taken_[at + 1] = true;
  return &words_[at + 1];
}

void Arguments::Fail(std::string message) {
  if (error_.ok()) error_ = InvalidArgument(std::move(message));
}

}  // namespace flywheel::bench::echo
