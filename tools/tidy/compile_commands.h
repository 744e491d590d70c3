// How the build compiles a file, from the compile_commands.json that CMake writes.
//
// A header has no command of its own; it borrows that of a source in its folder, or of the nearest folder above, so
// that it meets the flags and include paths of its room. What belongs to the other file (its name, its output, its
// dependency file) and the precompiled header, which would hide a missing include, are taken out.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace flywheel::tidy {

struct CompileCommand {
  std::string directory;               // where the compiler runs
  std::string file;                    // relative to the tree
  std::vector<std::string> arguments;  // the compiler first
};

// The commands for files below `root`, by file. Empty, with a reason in `error`, where the list cannot be read.
std::vector<CompileCommand> ReadCompileCommands(const std::filesystem::path& list, const std::filesystem::path& root,
                                                std::string& error);

// The arguments that check a header of `folder`: compiler and flags, without input and output.
std::vector<std::string> FlagsFor(const std::vector<CompileCommand>& commands, std::string_view folder);

}  // namespace flywheel::tidy
