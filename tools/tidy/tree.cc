#include "tools/tidy/tree.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "tools/tidy/command.h"

namespace flywheel::tidy {
namespace {

constexpr std::size_t kBinaryBlock = 8192;

// Paths between zero bytes, as `git ls-files -z` writes them.
std::vector<std::string> SplitAtZeros(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = text.find('\0');
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

std::vector<std::string> Walk(const std::filesystem::path& root) {
  std::vector<std::string> paths;
  std::error_code error;
  auto at = std::filesystem::recursive_directory_iterator(root, error);
  for (const auto end = std::filesystem::end(at); at != end; at.increment(error)) {
    const std::string path = at->path().lexically_relative(root).generic_string();
    const bool hidden_folder = at->is_directory(error) && at->path().filename().string().starts_with('.');
    if (path == "build" || (hidden_folder && path != ".ci")) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file(error)) {
      paths.push_back(path);
    }
  }
  return paths;
}

std::vector<std::string> ListFiles(const std::filesystem::path& root, std::string& note) {
  std::error_code error;
  if (!std::filesystem::exists(root / ".git", error)) return Walk(root);
  // Without the variables that a hook of git has around it: they may speak of another checkout.
  const Outcome outcome =
      RunCommand({.arguments = {"env", "-u", "GIT_DIR", "-u", "GIT_WORK_TREE", "-u", "GIT_INDEX_FILE", "git", "-C",
                                root.string(), "ls-files", "-z", "--cached", "--others", "--exclude-standard"},
                  .input = {},
                  .directory = {},
                  .keep_errors = false});
  if (outcome.exit_code == 0) return SplitAtZeros(outcome.output);
  note = "git does not list the files of " + root.string() +
         ", so everything outside of build/ is checked; try: git -C " + root.string() + " status";
  return Walk(root);
}

std::string ReadText(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

bool Tree::Has(std::string_view path) const {
  if (path.empty() || path == ".") return true;
  if (paths.contains(path)) return true;
  const std::string folder = std::string(path) + "/";
  const auto at = paths.lower_bound(folder);
  return at != paths.end() && at->starts_with(folder);
}

const File* Tree::Find(std::string_view path) const {
  const auto at =
      std::ranges::lower_bound(files, path, {}, [](const File& file) { return std::string_view(file.path()); });
  return at != files.end() && at->path() == path ? &*at : nullptr;
}

Tree ReadTree(const std::filesystem::path& root) {
  Tree tree{.root = root, .files = {}, .paths = {}, .note = {}};
  std::vector<std::string> paths = ListFiles(root, tree.note);
  std::ranges::sort(paths);
  paths.erase(std::ranges::unique(paths).begin(), paths.end());
  for (std::string& path : paths) {
    std::error_code error;
    // git also lists what was deleted but not yet staged.
    if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(root / path, error))) continue;
    tree.paths.insert(path);
    std::string text = ReadText(root / path);
    if (std::string_view(text).substr(0, kBinaryBlock).contains('\0')) continue;
    tree.files.emplace_back(std::move(path), std::move(text));
  }
  return tree;
}

std::string Normalize(std::string_view path) {
  std::string text = std::filesystem::path(path).lexically_normal().generic_string();
  if (text.ends_with('/')) text.pop_back();
  return text == "." ? std::string() : text;
}

std::string Join(std::string_view folder, std::string_view path) {
  return folder.empty() ? Normalize(path) : Normalize(std::string(folder) + "/" + std::string(path));
}

}  // namespace flywheel::tidy
