// Simulate: a scenario over many seeds.
//
// Each seed is a fresh World. A scenario lets it run, breaks things, and says in a Status which promise did not hold.
// It must be a pure function of the world: every 16th seed is run twice, with other things in other places on the heap,
// and two histories that differ are a failure too. (Such a scenario reads a real clock, or decides by an address.)
// One thread; nothing is kept between calls.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "flywheel/base/status.h"
#include "flywheel/base/status_or.h"
#include "flywheel/runtime/environment.h"
#include "flywheel/testing/world.h"

namespace flywheel::inline v0::testing {

using Scenario = std::function<Status(World& world)>;

struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t count = 200;
  std::optional<std::uint64_t> stop_at = {};  // a step before which SIGTRAP is raised, for a debugger

  // What the variables say. FLYWHEEL_SEED: this one alone. FLYWHEEL_SEEDS: so many from 1 on. FLYWHEEL_STOP_AT: the
  // step. Else `otherwise`. INVALID_ARGUMENT if one is not a positive number.
  static StatusOr<SeedRange> From(const Environment& environment, const SeedRange& otherwise);
};

// What one seed, or all of them, came to.
struct Outcome {
  Status status;           // the first that is not OK
  std::uint64_t seed = 0;  // that seed, else the last
  std::uint64_t steps = 0;
  std::uint64_t history_hash = 0;
};

Outcome RunSeed(const Scenario& scenario, std::uint64_t seed, std::optional<std::uint64_t> stop_at = {});
// Up to the first that fails; `steps` of all.
Outcome RunSeeds(const Scenario& scenario, const SeedRange& seeds);

// RunSeeds over what the environment of the process says; a failure's message ends with how to replay it.
Status Simulate(const Scenario& scenario, const SeedRange& seeds = {});

}  // namespace flywheel::inline v0::testing
