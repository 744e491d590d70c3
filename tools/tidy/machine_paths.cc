#include "tools/tidy/machine_paths.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

namespace flywheel::tidy {
namespace {

constexpr std::array<std::string_view, 14> kFolders = {
    "home", "root",      "Users",      "tmp",    "var/tmp", "var/folders", "run/user",
    "work", "workspace", "workspaces", "builds", "mnt",     "__w",         "github",
};
constexpr std::array<std::string_view, 5> kSystemFolders = {"usr", "opt", "srv", "var", "etc"};

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

// Whether the '/' at `at` begins a path: not where something that ends a name or an expansion stands before it.
bool BeginsPath(std::string_view line, std::size_t at) {
  if (at == 0) return true;
  const std::string_view before = line.substr(0, at);
  const char last = before.back();
  if (before.ends_with("-I") || before.ends_with("-L") || before.ends_with("-isystem")) return true;
  if (last == '/') return before.ends_with("file://");
  // A quote that closes: "$dir"/...
  if (last == '"') return std::ranges::count(before, '"') % 2 == 1;
  return !IsNameCharacter(last) && !std::string_view("})]$~*%").contains(last);
}

// The length of the path in `line` at `at`.
std::size_t PathLength(std::string_view line, std::size_t at) {
  std::size_t end = at;
  while (end < line.size() && (IsNameCharacter(line[end]) || line[end] == '/')) ++end;
  return end - at;
}

// Whether a name goes on at `at`; a dot that ends a sentence does not.
bool GoesOn(std::string_view line, std::size_t at) {
  if (at < line.size() && line[at] == '.') ++at;
  return at < line.size() && IsNameCharacter(line[at]);
}

void Add(const File& file, int line, std::string_view path, Findings& findings) {
  findings.push_back(
      {.path = file.path(),
       .line = line,
       .rule = "machine-path",
       .what = "the path '" + std::string(path) + "'",
       .why = "it exists on somebody's machine only",
       .instead = "a path relative to the repository, a variable, or a folder that the system hands out"});
}

void CheckFolders(const File& file, std::string_view line, int number, Findings& findings) {
  for (std::size_t at = line.find('/'); at != std::string_view::npos; at = line.find('/', at + 1)) {
    const std::string_view rest = line.substr(at + 1);
    const bool known = std::ranges::any_of(kFolders, [&](std::string_view folder) {
      return rest.size() > folder.size() + 1 && rest.starts_with(folder) && rest[folder.size()] == '/' &&
             IsNameCharacter(rest[folder.size() + 1]);
    });
    if (known && BeginsPath(line, at)) Add(file, number, line.substr(at, PathLength(line, at)), findings);
  }
  const std::size_t drive = line.find(":\\Users\\");
  if (drive != std::string_view::npos && drive > 0) Add(file, number, line.substr(drive - 1, 16), findings);
}

bool IsTelling(std::string_view checkout) {
  if (!checkout.starts_with('/') || std::ranges::count(checkout, '/') < 2) return false;
  return std::ranges::none_of(kSystemFolders, [&](std::string_view folder) {
    return checkout.substr(1).starts_with(folder) && checkout.substr(1 + folder.size()).starts_with('/');
  });
}

}  // namespace

void CheckMachinePaths(const File& file, std::string_view checkout, Findings& findings) {
  const bool telling = IsTelling(checkout);
  int number = 0;
  for (const std::string_view line : file.lines()) {
    ++number;
    const std::size_t before = findings.size();
    CheckFolders(file, line, number, findings);
    const std::size_t at = telling ? line.find(checkout) : std::string_view::npos;
    if (at == std::string_view::npos || findings.size() != before) continue;
    const std::size_t end = at + checkout.size();
    if (BeginsPath(line, at) && !GoesOn(line, end)) Add(file, number, checkout, findings);
  }
}

}  // namespace flywheel::tidy
