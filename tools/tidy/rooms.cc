#include "tools/tidy/rooms.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace flywheel::tidy {
namespace {

constexpr std::string_view kSpace = " \t\r\n;";

class CMakeParser {
 public:
  explicit CMakeParser(std::string_view text) : text_(text) {}

  std::vector<CMakeCall> Run() {
    std::vector<CMakeCall> calls;
    while (SkipSpace()) {
      const int line = line_;
      std::string name = Unquoted();
      if (!name.empty() && SkipSpace() && text_[at_] == '(') {
        ++at_;
        calls.push_back({.name = std::move(name), .line = line, .arguments = Arguments()});
      } else if (name.empty() && at_ < text_.size()) {
        Step();
      }
    }
    return calls;
  }

 private:
  void Step() {
    if (text_[at_] == '\n') ++line_;
    ++at_;
  }
  void StepTo(std::size_t end) {
    while (at_ < std::min(end, text_.size())) Step();
  }

  // Over blanks and comments; false at the end.
  bool SkipSpace() {
    while (at_ < text_.size()) {
      if (kSpace.contains(text_[at_])) {
        Step();
      } else if (text_[at_] == '#') {
        ++at_;
        if (const std::size_t open = BracketLength(); open != 0) {
          Bracket(open);
        } else {
          StepTo(text_.find('\n', at_));
        }
      } else {
        return true;
      }
    }
    return false;
  }

  // The length of "[[" or "[==[" here; 0 if there is none.
  std::size_t BracketLength() const {
    if (at_ >= text_.size() || text_[at_] != '[') return 0;
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] == '=') ++end;
    return end < text_.size() && text_[end] == '[' ? end + 1 - at_ : 0;
  }

  std::string Bracket(std::size_t open) {
    std::string close(text_.substr(at_, open));
    std::ranges::replace(close, '[', ']');
    const std::size_t begin = at_ + open;
    const std::size_t end = std::min(text_.find(close, begin), text_.size());
    std::string content(text_.substr(begin, end - begin));
    StepTo(end + close.size());
    return content;
  }

  std::string Quoted() {
    std::string content;
    for (Step(); at_ < text_.size() && text_[at_] != '"'; Step()) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) Step();
      content.push_back(text_[at_]);
    }
    if (at_ < text_.size()) Step();
    return content;
  }

  std::string Unquoted() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && !kSpace.contains(text_[at_]) && !std::string_view("()#\"").contains(text_[at_])) {
      at_ += text_[at_] == '\\' ? 2 : 1;
    }
    at_ = std::min(at_, text_.size());
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::vector<CMakeArgument> Arguments() {
    std::vector<CMakeArgument> arguments;
    int depth = 1;  // of parentheses, which if() has
    while (SkipSpace()) {
      const int line = line_;
      if (text_[at_] == ')') {
        ++at_;
        if (--depth == 0) break;
      } else if (text_[at_] == '(') {
        ++at_;
        ++depth;
      } else if (const std::size_t open = BracketLength(); open != 0) {
        arguments.push_back({Bracket(open), line});
      } else if (text_[at_] == '"') {
        arguments.push_back({Quoted(), line});
      } else {
        arguments.push_back({Unquoted(), line});
      }
    }
    return arguments;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

bool IsKeyword(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

}  // namespace

std::vector<CMakeCall> ParseCMake(std::string_view text) { return CMakeParser(text).Run(); }

std::vector<Room> RoomsOf(const Tree& tree) {
  std::vector<Room> rooms;
  for (const File& file : tree.files) {
    if (file.name() != "CMakeLists.txt" || !file.path().starts_with("flywheel/")) continue;
    for (const CMakeCall& call : ParseCMake(file.text())) {
      if (call.name != "flywheel_room" || call.arguments.empty()) continue;
      Room room{.name = call.arguments[0].text,
                .folder = std::string(file.folder()),
                .path = file.path(),
                .line = call.line,
                .uses = {}};
      bool in_uses = false;
      for (const CMakeArgument& argument : call.arguments) {
        if (IsKeyword(argument.text)) {
          in_uses = argument.text == "USES";
        } else if (in_uses) {
          room.uses.push_back(argument);
        }
      }
      rooms.push_back(std::move(room));
    }
  }
  return rooms;
}

const Room* RoomOf(const std::vector<Room>& rooms, std::string_view path) {
  const Room* best = nullptr;
  for (const Room& room : rooms) {
    const bool inside = path.starts_with(room.folder) && path.substr(room.folder.size()).starts_with('/');
    if (inside && (best == nullptr || room.folder.size() > best->folder.size())) best = &room;
  }
  return best;
}

}  // namespace flywheel::tidy
