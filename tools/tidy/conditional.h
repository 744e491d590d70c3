// Readings: a file's code as the compiler could see it, one choice of #if branches at a time.
//
// A rule that follows braces is lost where both branches of a conditional open the same one. So it reads the file
// several times: the first reading takes the first branch of every conditional, and each further one takes one more
// branch that no reading has had, with the branches around it. Every branch is read, and within a reading the braces
// match. `#if 0` is never read. The number of readings is one more than the number of #else and #elif.
#pragma once

#include <span>
#include <vector>

#include "tools/tidy/lexer.h"

namespace flywheel::tidy {

// Each reading holds the tokens without those of directives.
std::vector<std::vector<Token>> Readings(std::span<const Token> tokens);

// The bodies of the macros that are defined here; parameters are not part of them.
std::vector<std::vector<Token>> MacroBodies(std::span<const Token> tokens);

}  // namespace flywheel::tidy
