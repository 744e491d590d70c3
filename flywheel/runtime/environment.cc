#include "flywheel/runtime/environment.h"

#include <unistd.h>

#include <algorithm>
#include <map>

namespace flywheel::inline v0 {
namespace {

class FixedEnvironment final : public Environment {
 public:
  explicit FixedEnvironment(std::vector<std::pair<std::string, std::string>> variables)
      : variables_(variables.begin(), variables.end()) {}

  [[nodiscard]] std::optional<std::string> Get(std::string_view name) const override {
    const auto found = variables_.find(name);
    return found == variables_.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> List(std::string_view prefix) const override {
    std::vector<std::pair<std::string, std::string>> matches;
    for (auto it = variables_.lower_bound(prefix); it != variables_.end() && it->first.starts_with(prefix); ++it) {
      matches.emplace_back(*it);
    }
    return matches;
  }

 private:
  const std::map<std::string, std::string, std::less<>> variables_;
};

}  // namespace

std::unique_ptr<Environment> MakeSystemEnvironment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return MakeFixedEnvironment(std::move(variables));
}

std::unique_ptr<Environment> MakeFixedEnvironment(std::vector<std::pair<std::string, std::string>> variables) {
  return std::make_unique<FixedEnvironment>(std::move(variables));
}

}  // namespace flywheel::inline v0
