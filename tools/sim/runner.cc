#include "tools/sim/runner.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "flywheel/base/mutant.h"

// The linker defines both for a section whose name is a C identifier.
extern "C" {
[[gnu::weak]] extern const flywheel::sim::Scenario __start_flywheel_scenario[];
[[gnu::weak]] extern const flywheel::sim::Scenario __stop_flywheel_scenario[];
}

namespace flywheel::sim {
namespace {

std::vector<const Scenario*> Chosen(std::string_view prefix) {
  std::vector<const Scenario*> chosen;
  for (const Scenario& scenario : Scenarios()) {
    if (scenario.name.starts_with(prefix)) chosen.push_back(&scenario);
  }
  std::ranges::sort(chosen, {}, &Scenario::name);
  return chosen;
}

void PrintReplay(const Scenario& scenario, std::uint64_t seed, std::uint64_t steps) {
  const std::string name(scenario.name);
  std::printf("  replay:          ./run sim %s --seed %lu\n", name.c_str(), seed);
  std::printf("  stop in gdb:     ./run sim %s --seed %lu --stop-at %lu --gdb\n", name.c_str(), seed,
              steps > 10 ? steps - 10 : 1);
}

// Whether all seeds held; the first that does not is printed.
bool HoldsFor(const Scenario& scenario, const RunOptions& options) {
  const testing::Outcome outcome = testing::RunSeeds(scenario.run, options.seeds);
  const std::string name(scenario.name);
  if (!outcome.status.ok()) {
    std::printf("FAILED %s, seed %lu, after %lu steps: %s\n", name.c_str(), outcome.seed, outcome.steps,
                outcome.status.ToString().c_str());
    PrintReplay(scenario, outcome.seed, outcome.steps);
    return false;
  }
  std::printf("ok     %-32s %6lu seeds %10lu steps  %s\n", name.c_str(), options.seeds.count, outcome.steps,
              std::string(scenario.promise).c_str());
  std::fflush(stdout);
  return true;
}

#ifdef FLYWHEEL_MUTANTS

// How a child process tells how far it has got.
struct Progress {
  std::uint64_t seed = 0;
  bool found = false;
  std::array<char, 160> how{};
};

Progress RunMutantSeeds(const Scenario& scenario, std::string_view mutant, const RunOptions& options, int report) {
  flywheel::internal::SetActiveMutant(mutant);
  Progress progress;
  for (std::uint64_t seed = options.seeds.first; seed < options.seeds.first + options.seeds.count; ++seed) {
    progress.seed = seed;
    [[maybe_unused]] const auto written = ::write(report, &progress, sizeof(progress));
    const testing::Outcome outcome = testing::RunSeed(scenario.run, seed);
    if (outcome.status.ok()) continue;
    progress.found = true;
    const std::string text = outcome.status.ToString();
    std::memcpy(progress.how.data(), text.data(), std::min(text.size(), progress.how.size() - 1));
    break;
  }
  return progress;
}

// In a process of its own, because a planted bug may well abort.
Progress FindMutant(const Scenario& scenario, std::string_view mutant, const RunOptions& options) {
  std::array<int, 2> channel{};
  if (::pipe(channel.data()) != 0) return {};
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(channel[0]);
    if (std::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(3);
    const Progress progress = RunMutantSeeds(scenario, mutant, options, channel[1]);
    [[maybe_unused]] const auto written = ::write(channel[1], &progress, sizeof(progress));
    ::_exit(0);
  }
  ::close(channel[1]);
  Progress last;
  Progress next;
  while (::read(channel[0], &next, sizeof(next)) == sizeof(next)) last = next;
  ::close(channel[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) {
    last.found = true;
    std::snprintf(last.how.data(), last.how.size(), "aborted: %s", ::strsignal(WTERMSIG(status)));
  }
  return last;
}

#endif

}  // namespace

std::span<const Scenario> Scenarios() {
  if (&__start_flywheel_scenario[0] == nullptr) return {};
  return {&__start_flywheel_scenario[0], &__stop_flywheel_scenario[0]};
}

int RunScenarios(const RunOptions& options) {
  const auto chosen = Chosen(options.name);
  if (chosen.empty()) {
    std::printf("no scenario's name begins with '%s'; those there are:\n", options.name.c_str());
    for (const Scenario* const scenario : Chosen("")) std::printf("  %s\n", std::string(scenario->name).c_str());
    return 2;
  }
  int failed = 0;
  for (const Scenario* const scenario : chosen) failed += HoldsFor(*scenario, options) ? 0 : 1;
  return failed == 0 ? 0 : 1;
}

#ifdef FLYWHEEL_MUTANTS
int RunMutants(const RunOptions& options) {
  int missed = 0;
  for (const Scenario* const scenario : Chosen(options.name)) {
    std::size_t planted = 0;
    for (const std::string_view mutant : scenario->mutants) {
      if (mutant.empty()) continue;
      ++planted;
      const Progress progress = FindMutant(*scenario, mutant, options);
      // A seed that fails without the bug says nothing about the bug.
      if (progress.found && !testing::RunSeed(scenario->run, progress.seed).status.ok()) {
        ++missed;
        std::printf("FAILED %s, seed %lu, also without %s; ./run sim %s shows why\n",
                    std::string(scenario->name).c_str(), progress.seed, std::string(mutant).c_str(),
                    std::string(scenario->name).c_str());
        continue;
      }
      missed += progress.found ? 0 : 1;
      std::printf("%-6s %-32s %-36s %s%lu seeds  %s\n", progress.found ? "found" : "MISSED",
                  std::string(scenario->name).c_str(), std::string(mutant).c_str(),
                  progress.found ? "after " : "not within ", progress.seed - options.seeds.first + 1,
                  progress.how.data());
      std::fflush(stdout);
    }
    if (planted < 5) {
      ++missed;
      std::printf("FAILED %s plants %zu mutants; a scenario plants at least 5\n", std::string(scenario->name).c_str(),
                  planted);
    }
  }
  return missed == 0 ? 0 : 1;
}
#else
int RunMutants(const RunOptions&) {
  std::printf("this build has no mutants; use ./run mutants\n");
  return 2;
}
#endif

}  // namespace flywheel::sim
