// Check "format": every C++ file is as clang-format would write it.
//
// The rules are those of .clang-format at the root of the tree and of one version of the program, since versions
// differ. A missing program or a missing .clang-format is an error and not a pass: the program is in packages.debian.
#pragma once

#include <string>

#include "tools/tidy/finding.h"
#include "tools/tidy/tree.h"

namespace flywheel::tidy {

struct FormatOptions {
  std::string program = "clang-format-19";  // found through PATH
  int jobs = 2;
};

Report CheckFormat(const Tree& tree, const FormatOptions& options);

}  // namespace flywheel::tidy
