#include "tools/tidy/rules.h"

#include <algorithm>
#include <string>

#include "tools/tidy/bans.h"
#include "tools/tidy/documents.h"
#include "tools/tidy/guarded_mutex.h"
#include "tools/tidy/layering.h"
#include "tools/tidy/layout.h"
#include "tools/tidy/machine_paths.h"
#include "tools/tidy/state.h"

namespace flywheel::tidy {

void CheckFile(const File& file, std::string_view checkout, Findings& findings) {
  CheckBans(file, findings);
  CheckGuardedMutex(file, findings);
  CheckState(file, findings);
  CheckLength(file, findings);
  CheckHeader(file, findings);
  CheckMarkers(file, findings);
  CheckWhitespace(file, findings);
  CheckMachinePaths(file, checkout, findings);
}

Findings CheckText(const Tree& tree) {
  Findings findings;
  const std::string checkout = tree.root.string();
  for (const File& file : tree.files) {
    CheckFile(file, checkout, findings);
    CheckLinks(tree, file, findings);
  }
  CheckLayering(tree, findings);
  CheckReadmes(tree, findings);
  std::ranges::sort(findings, [](const Finding& a, const Finding& b) { return a < b; });
  return findings;
}

}  // namespace flywheel::tidy
