// Environment: the variables a process was started with.
//
// Behind the Host, so that simulated processes have their own. Read once, when the Host is made: getenv races with
// every setenv of the process, and a value that changes later would be seen by some and not by others.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flywheel::inline v0 {

class Environment {
 public:
  virtual ~Environment() = default;
  // Any thread.
  [[nodiscard]] virtual std::optional<std::string> Get(std::string_view name) const = 0;
  // All variables whose name starts with `prefix`, sorted by name.
  [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> List(std::string_view prefix) const = 0;
};

// A copy of the process's environment, taken once: later setenv calls of other code are neither seen nor raced with.
std::unique_ptr<Environment> MakeSystemEnvironment();
// Fixed contents.
std::unique_ptr<Environment> MakeFixedEnvironment(std::vector<std::pair<std::string, std::string>> variables);

}  // namespace flywheel::inline v0
