// The rooms of the house as their CMakeLists.txt declare them: flywheel_room(NAME USES other... LIBRARIES ...).
//
// Read from the text, not from a configured build, so that the rule can name the line to change and works on a tree
// that does not configure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/tidy/tree.h"

namespace flywheel::tidy {

struct CMakeArgument {
  std::string text;  // without quotes or brackets
  int line;
};

struct CMakeCall {
  std::string name;
  int line;
  std::vector<CMakeArgument> arguments;
};

// The commands of a CMake file outside of comments, in order. A call that is not closed ends with the file.
std::vector<CMakeCall> ParseCMake(std::string_view text);

struct Room {
  std::string name;    // "base"
  std::string folder;  // "flywheel/base"
  std::string path;    // of the file that declares it
  int line;
  std::vector<CMakeArgument> uses;
};

std::vector<Room> RoomsOf(const Tree& tree);

// The room in whose folder `path` lies, the innermost one; null outside of all.
const Room* RoomOf(const std::vector<Room>& rooms, std::string_view path);

}  // namespace flywheel::tidy
