// Tree: the text files of a checkout.
//
// In a git checkout these are the files that git tracks or would track, so that a file is checked before it is ever
// committed and build output never is; elsewhere (a release archive) everything but build/ and hidden folders.
// Files that are not text, by a zero byte in their first block, are left out, and so are symbolic links.
#pragma once

#include <deque>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/tidy/file.h"

namespace flywheel::tidy {

struct Tree {
  std::filesystem::path root;
  std::deque<File> files;                    // by path
  std::set<std::string, std::less<>> paths;  // of all files, those that are not text too
  std::string note;                          // what went otherwise than hoped, for the user; mostly empty

  // A file or a folder that holds one; "" and "." are the root.
  bool Has(std::string_view path) const;
  const File* Find(std::string_view path) const;
};

// Aborts nothing: a root without files gives an empty tree.
Tree ReadTree(const std::filesystem::path& root);

// "a/b/../c/./d" to "a/c/d"; a path that climbs above the root keeps its "..".
std::string Normalize(std::string_view path);
// What `path` means where it is written in a file of `folder`.
std::string Join(std::string_view folder, std::string_view path);

}  // namespace flywheel::tidy
