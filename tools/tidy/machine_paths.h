// Rule "machine-path": no path or user of the machine on which somebody worked.
//
// Such a path works for one person and tells everybody else where that person sits. Found are absolute paths below the
// folders where people and build services keep their work (home folders, temporary folders, mounted workspaces), and
// the place of this very checkout. A folder alone is fine, and so is one whose rest is a variable. The names of the
// folders stand in the table without their slashes, so that the rule's own source is as clean as it asks others to be.
#pragma once

#include <string_view>

#include "tools/tidy/file.h"
#include "tools/tidy/finding.h"

namespace flywheel::tidy {

// `checkout` is the absolute path of the tree; empty to look for folders of the table only. It is looked for only if it
// has two parts or more and does not lie where systems install: below /usr, /opt, /srv, /var or /etc.
void CheckMachinePaths(const File& file, std::string_view checkout, Findings& findings);

}  // namespace flywheel::tidy
