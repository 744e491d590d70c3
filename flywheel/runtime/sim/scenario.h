// Scenarios: simulations with a name, registered by being linked, run by `./run sim` over thousands of seeds.
//
// A scenario builds its world, lets faults happen, and says in a Status which promise was broken. It is a pure function
// of the seed: the runner repeats some seeds with a disturbed heap and compares the hash of the history. It also lists
// mutants (flywheel/base/mutant.h), planted in the code under test or in the scenario's own services, and is
// itself tested by finding each of them: a scenario that a broken program passes is a defect.
//
//   FW_SCENARIO(Counter, "runtime.counter", "acknowledged increments survive crashes", "counter.early_ack", ...) {
//     sim::SimHost& server = world.AddHost();
//     ...
//     return Status::Ok();
//   }
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "flywheel/base/status.h"
#include "flywheel/runtime/sim/world.h"

namespace flywheel::inline v0::sim {

inline constexpr std::size_t kMutantsMax = 16;

struct alignas(512) Scenario {
  std::string_view name;  // room.what
  std::string_view promise;
  std::array<std::string_view, kMutantsMax> mutants;  // unused ones are empty
  Status (*run)(SimWorld& world);
};
static_assert(sizeof(Scenario) == 512);  // an array in its linker section, whatever padding the linker inserts

}  // namespace flywheel::inline v0::sim

// The body of a scenario; `world` is fresh.
#define FW_SCENARIO(scenario, name, promise, ...)                                \
  static ::flywheel::Status scenario(::flywheel::sim::SimWorld& world);          \
  [[gnu::section("flywheel_scenario"), gnu::used,                                \
    gnu::retain]] static constexpr ::flywheel::sim::Scenario scenario##Scenario{ \
      name, promise, {__VA_ARGS__}, &scenario};                                  \
  static ::flywheel::Status scenario([[maybe_unused]] ::flywheel::sim::SimWorld& world)
