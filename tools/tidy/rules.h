// All rules about text, in one call: what `tidy text` and the test of the real tree run.
//
// A rule is a function that looks at one File, or at the whole Tree where it compares files, and adds findings. There
// is no registry: the list is the body of CheckText.
#pragma once

#include <string_view>

#include "tools/tidy/file.h"
#include "tools/tidy/finding.h"
#include "tools/tidy/tree.h"

namespace flywheel::tidy {

// The rules that need one file only. `checkout` as in machine_paths.h.
void CheckFile(const File& file, std::string_view checkout, Findings& findings);

// Every rule over every file; sorted by place.
Findings CheckText(const Tree& tree);

}  // namespace flywheel::tidy
