// Checks a checkout against the rules of the house. One line a finding; exit code 1 if there is any, 2 if a check
// could not be made.
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tools/tidy/finding.h"
#include "tools/tidy/format.h"
#include "tools/tidy/headers.h"
#include "tools/tidy/rules.h"
#include "tools/tidy/tree.h"

namespace flywheel::tidy {
namespace {

constexpr const char* kUsage = R"(usage: tidy [option...] [check...]
checks:
  text     the rules about text (the default): layering, state, bans, layout, links, machine paths
  headers  every header compiles alone
  format   every C++ file is as clang-format writes it
options:
  --root DIR                the checkout (default: the current folder)
  --compile-commands FILE   for headers (default: build/release/compile_commands.json below the root)
  --cache DIR               for headers: where to remember those that passed (default: nowhere)
  --clang-format PROGRAM    for format (default: clang-format-19)
  --jobs N                  programs to run at once (default: 2)
)";

struct Arguments {
  std::filesystem::path root = ".";
  std::vector<std::string_view> checks;
  HeaderOptions headers;
  FormatOptions format;
  std::string error;
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (!option.starts_with("--")) {
      const bool known = option == "text" || option == "headers" || option == "format";
      if (!known) arguments.error = "there is no check '" + std::string(option) + "'";
      arguments.checks.push_back(option);
      continue;
    }
    if (i + 1 == argc) {
      arguments.error = std::string(option) + " is unknown or lacks its value";
      break;
    }
    const std::string_view value = argv[++i];
    if (option == "--root") {
      arguments.root = value;
    } else if (option == "--compile-commands") {
      arguments.headers.compile_commands = value;
    } else if (option == "--cache") {
      arguments.headers.cache = value;
    } else if (option == "--clang-format") {
      arguments.format.program = value;
    } else if (option == "--jobs") {
      int jobs = 0;
      std::from_chars(value.data(), value.data() + value.size(), jobs);
      if (jobs < 1) arguments.error = "--jobs " + std::string(value) + " is not a positive number";
      arguments.headers.jobs = arguments.format.jobs = jobs;
    } else {
      arguments.error = "there is no option " + std::string(option);
    }
  }
  if (arguments.checks.empty()) arguments.checks.push_back("text");
  std::error_code error;
  arguments.root = std::filesystem::canonical(arguments.root, error);
  if (error) arguments.error = "--root: " + error.message();
  if (arguments.headers.compile_commands.empty()) {
    arguments.headers.compile_commands = arguments.root / "build/release/compile_commands.json";
  }
  if (!arguments.headers.cache.empty()) arguments.headers.cache = std::filesystem::absolute(arguments.headers.cache);
  return arguments;
}

Report Check(std::string_view check, const Tree& tree, const Arguments& arguments) {
  if (check == "headers") return CheckHeadersAlone(tree, arguments.headers);
  if (check == "format") return CheckFormat(tree, arguments.format);
  return {.findings = CheckText(tree), .error = {}, .summary = std::to_string(tree.files.size()) + " files"};
}

int Main(int argc, char** argv) {
  const Arguments arguments = Parse(argc, argv);
  if (!arguments.error.empty()) {
    std::fprintf(stderr, "tidy: %s\n%s", arguments.error.c_str(), kUsage);
    return 2;
  }
  const Tree tree = ReadTree(arguments.root);
  if (!tree.note.empty()) std::fprintf(stderr, "tidy: %s\n", tree.note.c_str());
  if (tree.files.empty()) {
    std::fprintf(stderr, "tidy: no files below %s; name a checkout with --root\n", arguments.root.c_str());
    return 2;
  }
  int exit_code = 0;
  for (const std::string_view check : arguments.checks) {
    const std::string name(check);
    const Report report = Check(check, tree, arguments);
    if (!report.error.empty()) {
      std::fprintf(stderr, "tidy %s: %s\n", name.c_str(), report.error.c_str());
      exit_code = 2;
      continue;
    }
    for (const Finding& finding : report.findings) std::printf("%s\n", ToString(finding).c_str());
    std::fprintf(stderr, "tidy %s: %zu findings in %s\n", name.c_str(), report.findings.size(), report.summary.c_str());
    if (!report.findings.empty() && exit_code == 0) exit_code = 1;
  }
  return exit_code;
}

}  // namespace
}  // namespace flywheel::tidy

int main(int argc, char** argv) { return flywheel::tidy::Main(argc, argv); }
