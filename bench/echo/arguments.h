// The command lines of the echo programs: `--name value` and `--flag`, each at most once, nothing else accepted.
//
// A program asks for what it knows, in any order, and then for status(): a bad value, a word that nobody asked for and
// an argument given twice are errors there, because a load that misread its orders would report the wrong thing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flywheel/base/status.h"

namespace flywheel::bench::echo {

// Ask for every argument that the program knows, then for status().
class Arguments {
 public:
  Arguments(int argc, char** argv) : words_(argv + 1, argv + argc), taken_(words_.size(), false) {}

  std::string Text(std::string_view name, std::string_view fallback);
  std::uint64_t Number(std::string_view name, std::uint64_t fallback, std::uint64_t min, std::uint64_t max);
  double Decimal(std::string_view name, double fallback, double min, double max);
  bool Flag(std::string_view name);
  // True if the argument was given, with whatever value.
  [[nodiscard]] bool Has(std::string_view name) const;

  // The first bad value or, once everything known was asked for, the first word that nobody asked for.
  [[nodiscard]] Status status() const;

 private:
  // The word after `name`, or null.
  const std::string* Take(std::string_view name);
  void Fail(std::string message);

  std::vector<std::string> words_;
  std::vector<bool> taken_;
  Status error_;
};

}  // namespace flywheel::bench::echo
