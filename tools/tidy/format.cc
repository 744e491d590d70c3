#include "tools/tidy/format.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string_view>
#include <vector>

#include "tools/tidy/command.h"
#include "tools/tidy/parallel.h"

namespace flywheel::tidy {
namespace {

// Few enough for two jobs to share a small tree, many enough for the start of the program not to matter.
constexpr std::size_t kFilesPerRun = 16;

// The first complaint about each file: "path:line:column: error: code should be clang-formatted".
void Collect(std::string_view output, Findings& findings) {
  while (!output.empty()) {
    const std::string_view line = output.substr(0, output.find('\n'));
    output.remove_prefix(std::min(line.size() + 1, output.size()));
    const std::size_t path_end = line.find(':');
    if (path_end == std::string_view::npos || !line.contains("clang-formatted")) continue;
    const std::string_view path = line.substr(0, path_end);
    if (!findings.empty() && findings.back().path == path) continue;
    int number = 1;
    std::from_chars(line.data() + path_end + 1, line.data() + line.size(), number);
    findings.push_back({.path = std::string(path),
                        .line = number,
                        .rule = "format",
                        .what = "clang-format writes this differently",
                        .why = "",
                        .instead = "./run fmt"});
  }
}

}  // namespace

Report CheckFormat(const Tree& tree, const FormatOptions& options) {
  Report report;
  if (tree.Find(".clang-format") == nullptr) {
    report.error = "there is no .clang-format at the root, so clang-format would apply a style of its own";
    return report;
  }
  std::vector<Command> commands;
  std::size_t count = 0;
  for (const File& file : tree.files) {
    if (!file.IsCpp()) continue;
    if (count++ % kFilesPerRun == 0) {
      commands.push_back({.arguments = {options.program, "--dry-run", "-Werror", "--style=file", "--"},
                          .input = {},
                          .directory = tree.root.string()});
    }
    commands.back().arguments.push_back(file.path());
  }
  std::vector<Outcome> outcomes(commands.size());
  ForEachIndex(commands.size(), options.jobs, [&](std::size_t i) { outcomes[i] = RunCommand(commands[i]); });
  for (const Outcome& outcome : outcomes) {
    const std::size_t before = report.findings.size();
    Collect(outcome.output, report.findings);
    if (outcome.exit_code == 0 || report.findings.size() != before) continue;
    report.error = options.program + " failed (exit " + std::to_string(outcome.exit_code) + "): " + outcome.output +
                   "\nit belongs to packages.debian; install it with ./run setup, or apt-get install clang-format-19";
    return report;
  }
  report.summary = std::to_string(count) + " files";
  return report;
}

}  // namespace flywheel::tidy
