// Runs scenarios over seeds, and over mutants: what `./run sim` and `./run mutants` call.
//
// Each seed is a world of its own. Some are run twice with a disturbed heap and must have the same history. Mutants run
// in processes of their own, because a planted bug may well abort; an abort counts as found.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "flywheel/base/status.h"
#include "flywheel/runtime/sim/scenario.h"

namespace flywheel::sim {

struct RunOptions {
  std::string name;  // prefix of the scenarios' names; empty: all
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 200;
  std::optional<std::uint64_t> stop_at;  // raises SIGTRAP before this step, for a debugger
};

// Every scenario that is linked, by name.
std::span<const Scenario> Scenarios();

// What one run of a scenario came to.
struct Outcome {
  Status status;
  std::uint64_t steps = 0;
  std::uint64_t history_hash = 0;
};
Outcome RunSeed(const Scenario& scenario, std::uint64_t seed, std::optional<std::uint64_t> stop_at = {});

// 0 if all hold. A broken promise prints the seed and the commands that replay it.
int RunScenarios(const RunOptions& options);
// 0 if every mutant is found within the seeds.
int RunMutants(const RunOptions& options);

}  // namespace flywheel::sim
