// File: one text file of the tree, read and lexed once, and what its path says about it.
//
// Every rule looks at the same File, so that a tree of a thousand files is read and lexed once. What a path means (a
// test, a header, a room's product code) is decided here and nowhere else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/tidy/lexer.h"

namespace flywheel::tidy {

class File {
 public:
  // `path` is relative to the root, with '/' between folders.
  File(std::string path, std::string text);
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const { return path_; }
  std::string_view text() const { return text_; }
  // Without their line ends; a last line that is not terminated counts.
  const std::vector<std::string_view>& lines() const { return lines_; }
  // Empty unless IsCpp().
  const std::vector<Token>& tokens() const { return lexed_.tokens; }
  const std::vector<Token>& comments() const { return lexed_.comments; }

  std::string_view folder() const;  // "flywheel/base"; empty at the root
  std::string_view name() const;    // "status.h"

  bool IsHeader() const;
  bool IsCpp() const;
  bool IsMarkdown() const;
  // A test, benchmark or fuzz target, or a helper of one: what never ships. Told by the name or by the top folder.
  bool IsTest() const;
  bool IsBench() const;
  // Under flywheel/ and shipped: neither test nor benchmark nor fuzz target.
  bool IsProduct() const;

 private:
  bool HasSuffix(std::string_view suffix) const;

  const std::string path_;
  const std::string text_;
  std::vector<std::string_view> lines_;
  Lexed lexed_;
};

// Whether `path` matches `pattern`, in which '*' stands for any characters, '/' too.
bool MatchesPath(std::string_view pattern, std::string_view path);

}  // namespace flywheel::tidy
