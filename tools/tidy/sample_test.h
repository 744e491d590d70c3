// Samples: snippets that carry their own expectation.
//
// A line that a rule must find says so itself, with "<- RULE" in a comment; every line without it must be left alone.
// So a snippet shows bad and good side by side, and a rule that finds nothing, or everything, fails.
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/tidy/file.h"
#include "tools/tidy/finding.h"
#include "tools/tidy/tree.h"

namespace flywheel::tidy {

using Places = std::set<std::pair<int, std::string>>;  // line and rule

inline Places PlacesOf(const Findings& findings) {
  Places places;
  for (const Finding& finding : findings) places.insert({finding.line, std::string(finding.rule)});
  return places;
}

inline Places Marked(const File& file) {
  Places places;
  int number = 0;
  for (const std::string_view line : file.lines()) {
    ++number;
    for (std::size_t at = line.find("<- "); at != std::string_view::npos; at = line.find("<- ", at + 1)) {
      const std::string_view rest = line.substr(at + 3);
      places.insert({number, std::string(rest.substr(0, rest.find_first_of(" \\*\r")))});
    }
  }
  return places;
}

// Runs one rule over one file and compares with the marks. A finding that says nothing to its reader fails as well.
inline void ExpectMarked(void (*check)(const File&, Findings&), const std::string& path, const std::string& code) {
  const File file(path, code);
  Findings findings;
  check(file, findings);
  EXPECT_EQ(PlacesOf(findings), Marked(file)) << path << ":\n" << code;
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.path, path);
    EXPECT_FALSE(finding.what.empty());
    EXPECT_FALSE(finding.instead.empty());
  }
}

inline Tree TreeOf(const std::vector<std::pair<std::string, std::string>>& files) {
  Tree tree{.root = "", .files = {}, .paths = {}, .note = {}};
  const std::set<std::pair<std::string, std::string>> sorted(files.begin(), files.end());
  for (const auto& [path, text] : sorted) {
    tree.paths.insert(path);
    tree.files.emplace_back(path, text);
  }
  return tree;
}

// "path:line" of each finding.
inline std::set<std::string> WhereOf(const Findings& findings) {
  std::set<std::string> where;
  for (const Finding& finding : findings) where.insert(finding.path + ":" + std::to_string(finding.line));
  return where;
}

}  // namespace flywheel::tidy
