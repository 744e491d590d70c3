#include "tools/tidy/layout.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace flywheel::tidy {
namespace {

void Add(Findings& findings, const File& file, int line, std::string_view rule, std::string what, std::string why,
         std::string instead) {
  findings.push_back({file.path(), line, rule, std::move(what), std::move(why), std::move(instead)});
}

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool HasWord(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !IsWordCharacter(text[at - 1])) && (end == text.size() || !IsWordCharacter(text[end]))) return true;
  }
  return false;
}

// In pieces, because a script is searched line by line and this rule reads its own source too.
constexpr std::array<std::string_view, 4> kMarkers = {
    "TO"
    "DO",
    "FIX"
    "ME",
    "XX"
    "X",
    "HA"
    "CK"};
constexpr std::array<std::string_view, 2> kAuthors = {"@author", "\\author"};

void CheckMarkersIn(const File& file, std::string_view text, int line, Findings& findings) {
  for (const std::string_view marker : kMarkers) {
    if (!HasWord(text, marker)) continue;
    Add(findings, file, line, "marker", "'" + std::string(marker) + "'",
        "an unfinished thought in the code is never finished", "finish it, or open an issue");
  }
  for (const std::string_view author : kAuthors) {
    if (!text.contains(author)) continue;
    Add(findings, file, line, "marker", "an author's name", "the history of the repository knows better", "remove it");
  }
}

bool IsTestData(const File& file) {
  const std::string path = "/" + file.path();
  return path.contains("/testdata/") || path.contains("/corpus/");
}

}  // namespace

void CheckLength(const File& file, Findings& findings) {
  if (!file.IsCpp()) return;
  const int limit = file.IsTest() ? kTestLinesMax : kLinesMax;
  const int count = static_cast<int>(file.lines().size());
  if (count <= limit) return;
  Add(findings, file, limit + 1, "length",
      std::to_string(count) + " lines, " + std::to_string(limit) + " are the limit",
      "a file is one idea, and 60 to 400 lines hold one", "move what has a name of its own into a file of its own");
}

void CheckHeader(const File& file, Findings& findings) {
  if (!file.IsHeader()) return;
  const auto& lines = file.lines();
  const auto is_comment = [](std::string_view line) { return line.starts_with("//"); };
  const auto after = std::ranges::find_if_not(lines, is_comment);
  const int count = static_cast<int>(after - lines.begin());
  if (count < kCommentLinesMin || count > kCommentLinesMax) {
    Add(findings, file, 1, "header",
        "opens with " + std::to_string(count) + " lines of comment, not with " + std::to_string(kCommentLinesMin) +
            " to " + std::to_string(kCommentLinesMax),
        "a reader first needs to know what this is, why it is this way, and what happens at its limits",
        "say that in // lines from the first line on");
  }
  const auto is_blank = [](std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; };
  const auto next = std::find_if_not(after, lines.end(), is_blank);
  if (next == lines.end() || !next->starts_with("#pragma once")) {
    Add(findings, file, static_cast<int>(next - lines.begin()) + 1, "header",
        "no #pragma once after the opening comment", "a header is included twice sooner or later",
        "add it, in place of include guards");
  }
}

void CheckMarkers(const File& file, Findings& findings) {
  if (file.IsMarkdown()) return;
  if (file.IsCpp()) {
    for (const Token& comment : file.comments()) {
      int line = comment.line;
      std::string_view rest = comment.text;
      while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        CheckMarkersIn(file, rest.substr(0, end), line++, findings);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      }
    }
    return;
  }
  int number = 0;
  for (const std::string_view line : file.lines()) CheckMarkersIn(file, line, ++number, findings);
}

void CheckWhitespace(const File& file, Findings& findings) {
  if (file.text().empty() || IsTestData(file)) return;
  const bool no_tabs = file.IsCpp() || file.name() == "CMakeLists.txt" || file.path().ends_with(".cmake");
  int number = 0;
  for (std::string_view line : file.lines()) {
    ++number;
    if (line.ends_with('\r')) {
      Add(findings, file, number, "whitespace", "a carriage return", "lines end with a line feed here", "remove it");
      line.remove_suffix(1);
    }
    if (line.ends_with(' ') || line.ends_with('\t')) {
      Add(findings, file, number, "whitespace", "blanks at the end of the line", "they show up in every later diff",
          "remove them");
    }
    if (no_tabs && line.contains('\t')) {
      Add(findings, file, number, "whitespace", "a tab", "it has another width everywhere", "use blanks");
    }
  }
  if (!file.text().ends_with('\n')) {
    Add(findings, file, number, "whitespace", "no line end at the end of the file", "the next line added changes two",
        "add one");
  }
}

}  // namespace flywheel::tidy
