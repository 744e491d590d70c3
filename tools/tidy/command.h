// RunCommand: another program, from its input to its last word.
//
// The compiler, clang-format and git are asked as programs, so that the tidy tool links none of them and reports what
// a person would see who calls them by hand.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace flywheel::tidy {

struct Outcome {
  // The program's own; 128 + N if signal N ended it, 127 if it could not be started.
  int exit_code = 127;
  std::string output;  // standard output, and standard error with it unless it was dropped
};

struct Command {
  std::vector<std::string> arguments;  // the first is the program, found through PATH
  std::string_view input;              // at most kInputBytesMax
  std::string directory;               // empty: the current one
  bool keep_errors = true;
};

// What fits into a pipe before anybody reads it.
inline constexpr std::size_t kInputBytesMax = 4096;

// Waits until the program ends. Safe on several threads at once.
Outcome RunCommand(const Command& command);

}  // namespace flywheel::tidy
