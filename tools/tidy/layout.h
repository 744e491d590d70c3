// Rules about the shape of files: "length", "header", "marker", "whitespace".
//
// What style.md asks of a file and a machine can see: one idea a file (so few lines), a header that opens with its why,
// no unfinished-work markers, and text that diffs cleanly. Lines and characters only; clang-format does the rest.
#pragma once

#include "tools/tidy/file.h"
#include "tools/tidy/finding.h"

namespace flywheel::tidy {

// A .h or .cc file of at most kLinesMax lines, a test of at most kTestLinesMax.
inline constexpr int kLinesMax = 500;
inline constexpr int kTestLinesMax = 700;
void CheckLength(const File& file, Findings& findings);

// A header begins with a comment of kCommentLinesMin to kCommentLinesMax lines, then #pragma once.
inline constexpr int kCommentLinesMin = 3;
inline constexpr int kCommentLinesMax = 16;
void CheckHeader(const File& file, Findings& findings);

// No comment of code (nor any line of a script) promises work that is not done, or names an author.
void CheckMarkers(const File& file, Findings& findings);

// No trailing blanks, no carriage returns, a line end at the end; in C++ and CMake no tabs. Test data is exempt.
void CheckWhitespace(const File& file, Findings& findings);

}  // namespace flywheel::tidy
