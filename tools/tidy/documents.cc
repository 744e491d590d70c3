#include "tools/tidy/documents.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "tools/tidy/rooms.h"

namespace flywheel::tidy {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string DecodePercent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// `line` with the contents of its `code` blanked; an opening run without a closing one is text.
std::string WithoutCode(std::string_view line) {
  std::string out(line);
  for (std::size_t at = out.find('`'); at != std::string::npos;) {
    const std::size_t text = std::min(out.find_first_not_of('`', at), out.size());
    const std::string run(text - at, '`');
    std::size_t close = out.find(run, text);
    while (close != std::string::npos && close + run.size() < out.size() && out[close + run.size()] == '`') {
      close = out.find(run, std::min(out.find_first_not_of('`', close), out.size()));
    }
    if (close == std::string::npos) {
      at = out.find('`', text);
      continue;
    }
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(at),
              out.begin() + static_cast<std::ptrdiff_t>(close + run.size()), ' ');
    at = out.find('`', close);
  }
  return out;
}

// The destination that begins at `at`: "<a b.md>", "a(1).md", up to a blank or the parenthesis that closes the link.
std::string_view Destination(std::string_view line, std::size_t at) {
  at = std::min(line.find_first_not_of(" \t", at), line.size());
  const std::string_view rest = line.substr(at);
  if (rest.starts_with('<')) return rest.substr(1, rest.find('>') - 1);
  int depth = 0;
  std::size_t end = 0;
  for (; end < rest.size() && rest[end] != ' ' && rest[end] != '\t'; ++end) {
    if (rest[end] == '(') ++depth;
    if (rest[end] == ')' && --depth < 0) break;
  }
  return rest.substr(0, end);
}

std::vector<std::string> DestinationsIn(std::string_view raw) {
  std::vector<std::string> destinations;
  const std::string line = WithoutCode(raw);
  for (std::size_t at = line.find("]("); at != std::string::npos; at = line.find("](", at + 1)) {
    destinations.emplace_back(Destination(line, at + 2));
  }
  const std::size_t bracket = line.find_first_not_of(' ');
  const std::size_t colon = line.find("]:");
  if (bracket != std::string::npos && line[bracket] == '[' && colon != std::string::npos && line.find(']') == colon) {
    destinations.emplace_back(Destination(line, colon + 2));
  }
  return destinations;
}

bool HasScheme(std::string_view target) {
  const std::size_t colon = target.find(':');
  return colon != std::string_view::npos && colon < target.find('/');
}

}  // namespace

void CheckLinks(const Tree& tree, const File& file, Findings& findings) {
  if (!file.IsMarkdown()) return;
  int number = 0;
  std::string fence;  // the run of characters that opened the code block around this line
  for (const std::string_view line : file.lines()) {
    ++number;
    const std::string_view text = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    if (text.starts_with("```") || text.starts_with("~~~")) {
      const std::string_view run = text.substr(0, text.find_first_not_of(text[0]));
      if (fence.empty()) {
        fence = run;
      } else if (run.starts_with(fence)) {
        fence.clear();
      }
      continue;
    }
    if (!fence.empty()) continue;
    for (const std::string& destination : DestinationsIn(line)) {
      const std::string target = DecodePercent(destination.substr(0, destination.find_first_of("#?")));
      if (target.empty() || HasScheme(target)) continue;
      const bool from_root = target.starts_with('/');
      if (tree.Has(from_root ? Normalize(std::string_view(target).substr(1)) : Join(file.folder(), target))) continue;
      findings.push_back({.path = file.path(),
                          .line = number,
                          .rule = "link",
                          .what = "a link to '" + destination + "', which is not in the tree",
                          .why = "a reader who follows it finds nothing",
                          .instead = "correct it; it counts from the folder of this file"});
    }
  }
}

void CheckReadmes(const Tree& tree, Findings& findings) {
  for (const Room& room : RoomsOf(tree)) {
    const std::string path = room.folder + "/README.md";
    const File* const readme = tree.Find(path);
    const std::string instead =
        "say what the room is for, the types that matter, which way data goes, what may not come in";
    if (readme == nullptr) {
      findings.push_back({.path = room.path,
                          .line = room.line,
                          .rule = "room-readme",
                          .what = "room '" + room.name + "' has no README.md",
                          .why = "each room opens with one",
                          .instead = "in fewer than " + std::to_string(kReadmeLinesEnd) + " lines, " + instead});
    } else if (const auto count = static_cast<int>(readme->lines().size()); count >= kReadmeLinesEnd) {
      findings.push_back(
          {.path = path,
           .line = kReadmeLinesEnd,
           .rule = "room-readme",
           .what = std::to_string(count) + " lines, fewer than " + std::to_string(kReadmeLinesEnd) + " are asked",
           .why = "it is the door to the room, not its manual",
           .instead = instead});
    }
  }
}

}  // namespace flywheel::tidy
