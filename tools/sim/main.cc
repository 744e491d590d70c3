// flywheel_sim [NAME] [--seeds N] [--seed S] [--stop-at STEP] [--mutants]: see runner.h.
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "tools/sim/runner.h"

namespace flywheel::sim {
namespace {

int Usage(const std::string& why) {
  std::fprintf(stderr,
               "flywheel_sim: %s\n"
               "usage: flywheel_sim [NAME] [--seeds N] [--seed S] [--stop-at STEP] [--mutants]\n"
               "  NAME        scenarios whose name begins with it; all if absent\n"
               "  --seeds N   how many seeds, from 1 on (default 2000)\n"
               "  --seed S    only this one\n"
               "  --stop-at K raise SIGTRAP before step K, under a debugger\n"
               "  --mutants   switch on each planted bug in turn and show that it is found\n",
               why.c_str());
  return 2;
}

int Main(const std::vector<std::string_view>& arguments) {
  RunOptions options;
  options.seeds.count = 2000;
  bool mutants = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--mutants") {
      mutants = true;
      continue;
    }
    if (!argument.starts_with("--")) {
      options.name = argument;
      continue;
    }
    if (i + 1 == arguments.size()) return Usage(std::string(argument) + " needs a number");
    const std::string_view text = arguments[++i];
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value == 0) {
      return Usage(std::string(argument) + " needs a positive number, not '" + std::string(text) + "'");
    }
    if (argument == "--seeds") {
      options.seeds.count = value;
    } else if (argument == "--seed") {
      options.seeds.first = value;
      options.seeds.count = 1;
    } else if (argument == "--stop-at") {
      options.seeds.stop_at = value;
    } else {
      return Usage("unknown option " + std::string(argument));
    }
  }
  return mutants ? RunMutants(options) : RunScenarios(options);
}

}  // namespace
}  // namespace flywheel::sim

int main(int argc, char** argv) { return flywheel::sim::Main(std::vector<std::string_view>(argv + 1, argv + argc)); }
