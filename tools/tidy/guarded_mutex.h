// Rule "unguarded-mutex": a Mutex that is a member says what it guards.
//
// clang checks what the annotations say, but a Mutex that no annotation names is as silent as a std::mutex. Each member
// of type Mutex must be named by one in its own file: FW_GUARDED_BY on a member, or, where it orders a protocol around
// atomics, FW_REQUIRES or FW_EXCLUDES on a function. Tests may lock for a moment, and the attributes do not reach local
// variables, so their files are not looked at.
#pragma once

#include "tools/tidy/file.h"
#include "tools/tidy/finding.h"

namespace flywheel::tidy {

void CheckGuardedMutex(const File& file, Findings& findings);

}  // namespace flywheel::tidy
