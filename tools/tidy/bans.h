// The table of what may not be called, with the reason and what to write instead; and its only escape.
//
// Each row is one idea. A row lists patterns of tokens; what they mean depends on how they begin:
//   sleep (          a call of a free function: bare, global or of std; not of a member, nor of what the file declares
//   . detach ( )     a call of a member, also through ->
//   <iostream>       an include
//   std :: mutex     anything else: these tokens wherever they stand
// Code in macros and in disabled conditionals counts; comments and strings never do.
//
// A rare justified case carries a comment that begins with "tidy:" and goes on with at least three words of reason: at
// the end of its line, or alone on the line above. It silences this table and no other rule, for one line; one that
// silences nothing is a finding itself.
#pragma once

#include <span>
#include <string_view>

#include "tools/tidy/file.h"
#include "tools/tidy/finding.h"

namespace flywheel::tidy {

enum class Where : unsigned char {
  kEverywhere,
  kHeaders,
  kShipped,  // neither tests nor benchmarks nor tools
  kProduct,  // the code of rooms
};

struct Ban {
  std::string_view rule;
  Where where;
  std::string_view allowed;   // path patterns, separated by blanks
  std::string_view patterns;  // separated by " | "
  std::string_view why;
  std::string_view instead;
  // Says that tokens[begin, end), which match, are a harmless use. Null: every use counts.
  bool (*harmless)(std::span<const Token> tokens, std::size_t begin, std::size_t end) = nullptr;
};

std::span<const Ban> BanTable();

void CheckBans(const File& file, Findings& findings);

}  // namespace flywheel::tidy
