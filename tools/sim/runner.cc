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

// Every so many seeds a run is repeated with another heap, and must have the same history.
constexpr std::uint64_t kRepeatEvery = 16;

std::vector<const Scenario*> Chosen(std::string_view prefix) {
  std::vector<const Scenario*> chosen;
  for (const Scenario& scenario : Scenarios()) {
    if (scenario.name.starts_with(prefix)) chosen.push_back(&scenario);
  }
  std::ranges::sort(chosen, {}, &Scenario::name);
  return chosen;
}

// Moves what comes after it on the heap, so that an order that follows addresses shows.
class HeapDisturbance {
 public:
  explicit HeapDisturbance(std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < 500; ++i) blocks_.push_back(std::make_unique<char[]>(16 + random.Below(4000)));
    for (auto& block : blocks_) {
      if (random.Chance(0.5)) block.reset();
    }
  }

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
};

void PrintReplay(const Scenario& scenario, std::uint64_t seed, std::uint64_t steps) {
  const std::string name(scenario.name);
  std::printf("  replay:          ./run sim %s --seed %lu\n", name.c_str(), seed);
  std::printf("  stop in gdb:     ./run sim %s --seed %lu --stop-at %lu --gdb\n", name.c_str(), seed,
              steps > 10 ? steps - 10 : 1);
}

// Whether all seeds held; the first that does not is printed.
bool RunSeeds(const Scenario& scenario, const RunOptions& options) {
  std::uint64_t steps = 0;
  for (std::uint64_t seed = options.first_seed; seed < options.first_seed + options.seeds; ++seed) {
    const Outcome outcome = RunSeed(scenario, seed, options.stop_at);
    steps += outcome.steps;
    if (!outcome.status.ok()) {
      std::printf("FAILED %s, seed %lu, after %lu steps: %s\n", std::string(scenario.name).c_str(), seed, outcome.steps,
                  outcome.status.ToString().c_str());
      PrintReplay(scenario, seed, outcome.steps);
      return false;
    }
    if (seed % kRepeatEvery != 0 || options.stop_at.has_value()) continue;
    const HeapDisturbance disturbance(seed);
    if (RunSeed(scenario, seed).history_hash != outcome.history_hash) {
      std::printf(
          "FAILED %s, seed %lu: two runs had different histories; look for an order that follows addresses or\n"
          "time that does not come from the Host\n",
          std::string(scenario.name).c_str(), seed);
      PrintReplay(scenario, seed, outcome.steps);
      return false;
    }
  }
  std::printf("ok     %-32s %6lu seeds %10lu steps  %s\n", std::string(scenario.name).c_str(), options.seeds, steps,
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
  for (std::uint64_t seed = options.first_seed; seed < options.first_seed + options.seeds; ++seed) {
    progress.seed = seed;
    [[maybe_unused]] const auto written = ::write(report, &progress, sizeof(progress));
    const Outcome outcome = RunSeed(scenario, seed);
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

Outcome RunSeed(const Scenario& scenario, std::uint64_t seed, std::optional<std::uint64_t> stop_at) {
  SimWorld world(seed);
  if (stop_at.has_value()) world.StopAt(*stop_at);
  const Status status = scenario.run(world);
  return {.status = status, .steps = world.steps(), .history_hash = world.history_hash()};
}

int RunScenarios(const RunOptions& options) {
  const auto chosen = Chosen(options.name);
  if (chosen.empty()) {
    std::printf("no scenario's name begins with '%s'; those there are:\n", options.name.c_str());
    for (const Scenario* const scenario : Chosen("")) std::printf("  %s\n", std::string(scenario->name).c_str());
    return 2;
  }
  int failed = 0;
  for (const Scenario* const scenario : chosen) failed += RunSeeds(*scenario, options) ? 0 : 1;
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
      if (progress.found && !RunSeed(*scenario, progress.seed).status.ok()) {
        ++missed;
        std::printf("FAILED %s, seed %lu, also without %s; ./run sim %s shows why\n",
                    std::string(scenario->name).c_str(), progress.seed, std::string(mutant).c_str(),
                    std::string(scenario->name).c_str());
        continue;
      }
      missed += progress.found ? 0 : 1;
      std::printf("%-6s %-32s %-36s %s%lu seeds  %s\n", progress.found ? "found" : "MISSED",
                  std::string(scenario->name).c_str(), std::string(mutant).c_str(),
                  progress.found ? "after " : "not within ", progress.seed - options.first_seed + 1,
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
