// FW_MUTANT("room.what"): a planted bug, to show that the tests would find a real one.
//
//   if (FW_MUTANT("event.lost_wakeup")) return;
//
// In the product it is the constant false and leaves no trace. In the build of the simulation's runner
// (FLYWHEEL_MUTANTS) it is true while a scenario is run with that mutant switched on; every scenario names the mutants
// that it must find (flywheel/runtime/sim/scenario.h), and `./run mutants` shows after how many seeds it did.
#pragma once

#ifdef FLYWHEEL_MUTANTS

#include <string_view>

namespace flywheel::inline v0::internal {

// Of the calling thread; a simulation has only one. Empty: no mutant.
void SetActiveMutant(std::string_view name) noexcept;
[[nodiscard]] bool MutantActive(std::string_view name) noexcept;

}  // namespace flywheel::inline v0::internal

#define FW_MUTANT(name) (::flywheel::internal::MutantActive(name))
#else
#define FW_MUTANT(name) false
#endif
