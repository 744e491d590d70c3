// Rules about what people read: "link" and "room-readme".
//
// A link to a file of the tree must hit it: documents rot first where files move. And each room opens with a README.md
// that fits on a screen.
#pragma once

#include "tools/tidy/file.h"
#include "tools/tidy/finding.h"
#include "tools/tidy/tree.h"

namespace flywheel::tidy {

// Inline links, images and reference definitions of Markdown, outside of code. Links with a scheme are not followed;
// the part behind '#' is not looked at.
void CheckLinks(const Tree& tree, const File& file, Findings& findings);

// Each room has a README.md of fewer than kReadmeLinesEnd lines.
inline constexpr int kReadmeLinesEnd = 40;
void CheckReadmes(const Tree& tree, Findings& findings);

}  // namespace flywheel::tidy
