#include "flywheel/base/thread_slot.h"

#include "flywheel/base/mutant.h"

namespace flywheel::inline v0 {

constinit thread_local ThreadSlot thread_slot;

#ifdef FLYWHEEL_MUTANTS
namespace internal {
namespace {

constinit thread_local std::string_view active_mutant;

}  // namespace

void SetActiveMutant(std::string_view name) noexcept { active_mutant = name; }
bool MutantActive(std::string_view name) noexcept { return active_mutant == name; }

}  // namespace internal
#endif

}  // namespace flywheel::inline v0
