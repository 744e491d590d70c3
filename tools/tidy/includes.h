// The #include lines of a file, as every rule about them reads them.
//
// All of them count, whatever conditional they stand in: a layer crossed on one platform is crossed.
#pragma once

#include <string_view>
#include <vector>

#include "tools/tidy/file.h"

namespace flywheel::tidy {

struct Include {
  std::string_view path;  // as written, without its quotes; empty where a macro computes it
  bool quoted;
  int line;
};

std::vector<Include> IncludesOf(const File& file);

}  // namespace flywheel::tidy
