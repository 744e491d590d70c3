// The command line that every benchmark program understands, and what it does with the rows at the end.
//
// ./run passes the same options to the programs of all rooms, so --only may match nothing in some of them. Revision and
// date come from outside. A goal that is missed is printed and fails nothing; work that could not be measured does.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/harness.h"

namespace flywheel::bench {

struct Options {
  MeasureOptions measure;
  std::vector<std::string> only;          // ids, or beginnings of ids; empty: all
  std::string goals = "bench/goals.txt";  // the project root is where benchmarks are run
  std::string out;                        // JSON file; empty: table only
  WriteMode mode = WriteMode::kReplace;
  std::string revision = "unknown";
  std::string date = "unknown";
  bool list = false;
  bool help = false;
  std::vector<std::string> rest;  // what this parser does not know, in order

  [[nodiscard]] bool Wants(std::string_view id) const;
};

// The text of --help for these options.
std::string_view OptionsHelp();

// Unknown arguments land in `rest`; a known one with a bad value is INVALID_ARGUMENT.
StatusOr<Options> ParseOptions(const std::vector<std::string>& arguments);

// Prints the table and the failures, writes the JSON where asked for, and returns the exit code: 1 if something that
// was to be measured was not, never for a missed goal. `info` is DescribeMachine() from before the measurement; its
// revision and date are those of the options.
int Finish(const Options& options, RunInfo info, const std::vector<Row>& rows, const std::vector<Status>& failures);

}  // namespace flywheel::bench
