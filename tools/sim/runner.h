// Runs scenarios over seeds, and over mutants: what `./run sim` and `./run mutants` call.
//
// Seeds are run as users run theirs (flywheel/testing/simulate.h). Mutants run in processes of their own, because a
// planted bug may well abort; an abort counts as found, unless the seed fails without the bug too.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "flywheel/runtime/sim/scenario.h"
#include "flywheel/testing/simulate.h"

namespace flywheel::sim {

struct RunOptions {
  std::string name;  // prefix of the scenarios' names; empty: all
  testing::SeedRange seeds;
};

// Every scenario that is linked, by name.
std::span<const Scenario> Scenarios();

// 0 if all hold. A broken promise prints the seed and the commands that replay it.
int RunScenarios(const RunOptions& options);
// 0 if every mutant is found within the seeds.
int RunMutants(const RunOptions& options);

}  // namespace flywheel::sim
