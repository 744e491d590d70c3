// Rule "state": nothing mutable outlives the object that owns it.
//
// A process can hold many Hosts, as a simulation does, only if nothing hides outside of them: no mutable variable at
// namespace scope, no mutable static in a function or a class, no thread_local. Two exceptions: the thread slot of
// base, and a test or benchmark file that replaces the allocator of the process, which has nobody to ask for its state.
//
// The check follows scopes and declarations through the tokens, without types: what is declared const or constexpr
// itself (not only behind a pointer) is immutable, whatever its class does inside; where `T name(x);` could be a
// function or a variable, the style's names decide (types are CamelCase, variables snake_case, constants kName).
// It has no suppression comment.
#pragma once

#include "tools/tidy/file.h"
#include "tools/tidy/finding.h"

namespace flywheel::tidy {

void CheckState(const File& file, Findings& findings);

}  // namespace flywheel::tidy
