#include "tools/tidy/headers.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "tools/tidy/command.h"
#include "tools/tidy/compile_commands.h"
#include "tools/tidy/parallel.h"

namespace flywheel::tidy {
namespace {

std::string ReadWhole(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// FNV-1a: a cache key against accidents, not against an adversary.
class Hash {
 public:
  void Add(std::string_view text) {
    for (const char c : text) value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    value_ = (value_ ^ 0xffU) * 0x100000001b3U;  // so that "ab","c" is not "a","bc"
  }
  std::string Text() const { return std::to_string(value_); }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325U;
};

// The prerequisites of the one rule in a dependency file: blanks separate, a backslash escapes one or joins lines.
std::vector<std::string> ParseDependencies(std::string_view text) {
  std::vector<std::string> paths;
  std::string path;
  text.remove_prefix(std::min(text.find(':'), text.size() - 1) + 1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ' ' || text[i + 1] == '#')) {
      path.push_back(text[++i]);
    } else if (text[i] == ' ' || text[i] == '\n' || (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '\n')) {
      if (!path.empty()) paths.push_back(std::exchange(path, {}));
    } else {
      path.push_back(text[i]);
    }
  }
  if (!path.empty()) paths.push_back(std::move(path));
  return paths;
}

// One header to compile.
struct Probe {
  const File* header;
  Command command;
  std::string input;
  std::filesystem::path dependencies;  // written by the compiler
  std::filesystem::path key;           // of the last run that passed
  Outcome outcome;
};

class Checker {
 public:
  Checker(const Tree& tree, const HeaderOptions& options) : tree_(tree), options_(options) {}

  Report Run() {
    Report report;
    const auto commands = ReadCompileCommands(options_.compile_commands, tree_.root, report.error);
    if (!report.error.empty()) return report;
    if (!options_.cache.empty()) std::filesystem::create_directories(options_.cache);

    std::size_t headers = 0;
    std::vector<Probe> stale;
    for (const File& file : tree_.files) {
      if (!file.IsHeader()) continue;
      ++headers;
      Probe probe = ProbeFor(file, commands);
      const std::optional<std::string> key = KeyOf(probe);
      if (!key || ReadWhole(probe.key) != *key) stale.push_back(std::move(probe));
    }

    const auto begun = std::filesystem::file_time_type::clock::now();
    ForEachIndex(stale.size(), options_.jobs, [&](std::size_t i) {
      stale[i].command.input = stale[i].input;
      stale[i].outcome = RunCommand(stale[i].command);
    });

    contents_.clear();  // a file may have changed since
    for (const Probe& probe : stale) {
      if (probe.outcome.exit_code == 0) {
        Remember(probe, begun);
      } else {
        report.findings.push_back(Explain(probe));
      }
    }
    report.summary = std::to_string(headers) + " headers, " + std::to_string(stale.size()) + " compiled, " +
                     std::to_string(headers - stale.size()) + " unchanged since they passed";
    return report;
  }

 private:
  Probe ProbeFor(const File& header, const std::vector<CompileCommand>& commands) const {
    Probe probe{.header = &header,
                .command = {.arguments = FlagsFor(commands, header.folder()),
                            .input = {},
                            .directory = commands.front().directory},
                .input = "#include \"" + header.path() + "\"\n",
                .dependencies = {},
                .key = {},
                .outcome = {}};
    auto& arguments = probe.command.arguments;
    arguments.insert(arguments.end(), {"-I" + tree_.root.string(), "-fsyntax-only", "-fno-color-diagnostics"});
    if (!options_.cache.empty()) {
      std::string name = header.path();
      std::ranges::replace(name, '/', '+');
      probe.dependencies = options_.cache / (name + ".d");
      probe.key = options_.cache / (name + ".key");
      arguments.insert(arguments.end(), {"-MD", "-MF", probe.dependencies.string()});
    }
    arguments.insert(arguments.end(), {"-x", "c++", "-"});
    return probe;
  }

  // Nothing where no earlier run left its dependencies, or one of them is gone.
  std::optional<std::string> KeyOf(const Probe& probe) {
    if (probe.key.empty()) return std::nullopt;
    const std::string dependencies = ReadWhole(probe.dependencies);
    if (dependencies.empty()) return std::nullopt;
    Hash hash;
    for (const std::string& argument : probe.command.arguments) hash.Add(argument);
    hash.Add(probe.input);
    for (const std::string& path : ParseDependencies(dependencies)) {
      if (path == "-" || path == "<stdin>") continue;
      const std::string& content = HashOf(Place(probe, path));
      if (content.empty()) return std::nullopt;
      hash.Add(path);
      hash.Add(content);
    }
    return hash.Text();
  }

  static std::filesystem::path Place(const Probe& probe, const std::string& path) {
    return std::filesystem::path(probe.command.directory) / path;
  }

  // Of the content; empty where there is no such file. System headers are in nearly every list, so each is read once.
  const std::string& HashOf(const std::filesystem::path& path) {
    const auto [at, added] = contents_.try_emplace(path.string());
    std::error_code error;
    if (added && std::filesystem::is_regular_file(path, error)) {
      Hash hash;
      hash.Add(ReadWhole(path));
      at->second = hash.Text();
    }
    return at->second;
  }

  // A run proves nothing about a file that somebody saved meanwhile.
  void Remember(const Probe& probe, std::filesystem::file_time_type begun) {
    const std::optional<std::string> key = KeyOf(probe);
    if (!key) return;
    for (const std::string& path : ParseDependencies(ReadWhole(probe.dependencies))) {
      std::error_code error;
      const auto written = std::filesystem::last_write_time(Place(probe, path), error);
      if (!error && written >= begun) return;
    }
    std::ofstream(probe.key, std::ios::binary) << *key;
  }

  // From the compiler's first error: "place:line:column: error: text".
  Finding Explain(const Probe& probe) const {
    const std::string& output = probe.outcome.output;
    const std::size_t error = output.find("error: ");
    const std::size_t begin = error == std::string::npos ? 0 : output.rfind('\n', error) + 1;
    const std::string first = output.substr(begin, output.find('\n', begin) - begin);
    int line = 1;
    if (const std::size_t at = first.find(probe.header->path() + ":"); at != std::string::npos) {
      const char* const number = first.data() + at + probe.header->path().size() + 1;
      std::from_chars(number, first.data() + first.size(), line);
    }
    const std::size_t text = first.find("error: ");
    return {.path = probe.header->path(),
            .line = line,
            .rule = "self-contained",
            .what = "does not compile alone: " +
                    (text == std::string::npos ? first + " (exit " + std::to_string(probe.outcome.exit_code) + ")"
                                               : first.substr(text + 7)),
            .why = "whoever includes it first would have to know what it needs",
            .instead = "include what it uses, or declare it"};
  }

  const Tree& tree_;
  const HeaderOptions& options_;
  std::map<std::string, std::string> contents_;
};

}  // namespace

Report CheckHeadersAlone(const Tree& tree, const HeaderOptions& options) { return Checker(tree, options).Run(); }

}  // namespace flywheel::tidy
