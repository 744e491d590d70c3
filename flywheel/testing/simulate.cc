#include "flywheel/testing/simulate.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace flywheel::inline v0::testing {
namespace {

constexpr std::uint64_t kRepeatEvery = 16;

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

// Empty where the variable is not set.
StatusOr<std::optional<std::uint64_t>> ReadNumber(const Environment& environment, const char* name) {
  const std::optional<std::string> text = environment.Get(name);
  if (!text.has_value()) return std::optional<std::uint64_t>();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value == 0) {
    return InvalidArgument(std::string(name) + "='" + *text + "' is not a positive number; use one, or unset it");
  }
  return std::optional(value);
}

}  // namespace

StatusOr<SeedRange> SeedRange::From(const Environment& environment, const SeedRange& otherwise) {
  FW_ASSIGN_OR_RETURN(const auto seed, ReadNumber(environment, "FLYWHEEL_SEED"));
  FW_ASSIGN_OR_RETURN(const auto seeds, ReadNumber(environment, "FLYWHEEL_SEEDS"));
  FW_ASSIGN_OR_RETURN(const auto stop_at, ReadNumber(environment, "FLYWHEEL_STOP_AT"));
  SeedRange range = otherwise;
  if (seeds.has_value()) range = {.first = 1, .count = *seeds};
  if (seed.has_value()) range = {.first = *seed, .count = 1};
  if (stop_at.has_value()) range.stop_at = stop_at;
  return range;
}

Outcome RunSeed(const Scenario& scenario, std::uint64_t seed, std::optional<std::uint64_t> stop_at) {
  World world(seed);
  if (stop_at.has_value()) world.StopAt(*stop_at);
  Status status = scenario(world);
  return {.status = std::move(status), .seed = seed, .steps = world.steps(), .history_hash = world.history_hash()};
}

Outcome RunSeeds(const Scenario& scenario, const SeedRange& seeds) {
  Outcome last;
  std::uint64_t steps = 0;
  for (std::uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
    last = RunSeed(scenario, seed, seeds.stop_at);
    steps += last.steps;
    if (last.status.ok() && seed % kRepeatEvery == 0 && !seeds.stop_at.has_value()) {
      const HeapDisturbance disturbance(seed);
      if (RunSeed(scenario, seed).history_hash != last.history_hash) {
        last.status = Internal(
            "two runs of the seed had different histories; look for an order that follows addresses, or for time or "
            "randomness that does not come from the Host");
      }
    }
    if (!last.status.ok()) return last;
  }
  last.steps = steps;
  return last;
}

Status Simulate(const Scenario& scenario, const SeedRange& seeds) {
  FW_ASSIGN_OR_RETURN(const SeedRange range, SeedRange::From(*MakeSystemEnvironment(), seeds));
  const Outcome outcome = RunSeeds(scenario, range);
  if (outcome.status.ok()) return Status::Ok();
  return Status(outcome.status.code(), std::string(outcome.status.message()) + " [seed " +
                                           std::to_string(outcome.seed) + ", after " + std::to_string(outcome.steps) +
                                           " steps; replay: FLYWHEEL_SEED=" + std::to_string(outcome.seed) +
                                           ", in a debugger also FLYWHEEL_STOP_AT=" +
                                           std::to_string(std::max<std::uint64_t>(outcome.steps, 11) - 10) + "]");
}

}  // namespace flywheel::inline v0::testing
