// Check "headers": every header compiles alone.
//
// A header that leans on what its includers happen to include breaks far from its change. Each is compiled as the only
// include of an empty file, with the flags of its room and without the precompiled header. That is one compiler run a
// header, so a run that passed is remembered in the cache folder: the key covers the command and the contents of every
// file that the compiler opened, and a header whose key has not changed is not compiled again.
#pragma once

#include <filesystem>

#include "tools/tidy/finding.h"
#include "tools/tidy/tree.h"

namespace flywheel::tidy {

struct HeaderOptions {
  std::filesystem::path compile_commands;
  std::filesystem::path cache;  // made where it does not exist; empty: nothing is remembered
  int jobs = 2;
};

Report CheckHeadersAlone(const Tree& tree, const HeaderOptions& options);

}  // namespace flywheel::tidy
