// Rule "layering": a room includes only what its CMakeLists.txt says that it uses.
//
// The list is direct: a room that includes a header of another names that room itself, even if a third one brings it
// along, so that the list says exactly what the room knows. Hence also: a USES that no file needs is to go, and USES
// form no circle. internal/ of a room is for that room alone. Everybody else (apps, examples, bench, tests, tools)
// includes the public headers of any room. A header of this tree is written with its path from the root, which is how
// the rule, and a reader, see whose it is.
#pragma once

#include "tools/tidy/finding.h"
#include "tools/tidy/tree.h"

namespace flywheel::tidy {

void CheckLayering(const Tree& tree, Findings& findings);

}  // namespace flywheel::tidy
