#include "tools/tidy/file.h"

#include <utility>

namespace flywheel::tidy {

File::File(std::string path, std::string text) : path_(std::move(path)), text_(std::move(text)) {
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    lines_.push_back(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  if (IsCpp()) lexed_ = Lex(text_);
}

std::string_view File::folder() const {
  const std::size_t slash = path_.rfind('/');
  return slash == std::string::npos ? std::string_view() : std::string_view(path_).substr(0, slash);
}

std::string_view File::name() const {
  const std::size_t slash = path_.rfind('/');
  return slash == std::string::npos ? std::string_view(path_) : std::string_view(path_).substr(slash + 1);
}

bool File::IsHeader() const { return path_.ends_with(".h"); }
bool File::IsCpp() const { return IsHeader() || path_.ends_with(".cc"); }
bool File::IsMarkdown() const { return path_.ends_with(".md"); }

bool File::HasSuffix(std::string_view suffix) const {
  const std::size_t dot = path_.rfind('.');
  return std::string_view(path_).substr(0, dot).ends_with(suffix);
}

bool File::IsTest() const { return HasSuffix("_test") || HasSuffix("_fuzz") || path_.starts_with("tests/"); }
bool File::IsBench() const { return HasSuffix("_bench") || path_.starts_with("bench/"); }
bool File::IsProduct() const { return path_.starts_with("flywheel/") && !IsTest() && !IsBench(); }

bool MatchesPath(std::string_view pattern, std::string_view path) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == path;
  if (!path.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= path.size(); ++at) {
    if (MatchesPath(rest, path.substr(at))) return true;
  }
  return false;
}

}  // namespace flywheel::tidy
