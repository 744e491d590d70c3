#include "tools/tidy/compile_commands.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

namespace flywheel::tidy {
namespace {

// The list as CMake writes it: an array of flat objects whose values are strings.
class ListParser {
 public:
  explicit ListParser(std::string_view text) : text_(text) {}

  std::vector<std::map<std::string, std::string>> Run() {
    std::vector<std::map<std::string, std::string>> objects;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '{') {
        objects.emplace_back();
        ++at_;
      } else if (c == '"' && !objects.empty()) {
        std::string name = String();
        at_ = std::min(text_.find('"', at_), text_.size());
        if (at_ < text_.size()) objects.back()[std::move(name)] = String();
      } else {
        ++at_;
      }
    }
    return objects;
  }

 private:
  // At a quote. CMake escapes quotes and backslashes only; paths are UTF-8 as they stand.
  std::string String() {
    std::string value;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value.push_back(text_[at_]);
    }
    ++at_;
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// A command line into its words, as a shell would, without expansions.
std::vector<std::string> SplitCommand(std::string_view command) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (quote == '\0' && (c == ' ' || c == '\t')) {
      if (std::exchange(in_word, false)) words.push_back(std::exchange(word, {}));
      continue;
    }
    in_word = true;
    if (c == '\\' && quote != '\'' && i + 1 < command.size()) {
      word.push_back(command[++i]);
    } else if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = '\0';
    } else {
      word.push_back(c);
    }
  }
  if (in_word) words.push_back(std::move(word));
  return words;
}

// env, its assignments, and ccache may stand before the compiler.
std::size_t CompilerAt(const std::vector<std::string>& words) {
  std::size_t at = 0;
  for (; at + 1 < words.size(); ++at) {
    const std::string name = std::filesystem::path(words[at]).filename().string();
    if (name != "env" && name != "ccache" && name != "sccache" && name != "distcc" && !words[at].contains('=')) break;
  }
  return at;
}

bool TakesNext(std::string_view flag) {
  constexpr std::array<std::string_view, 6> kFlags = {"-o", "-MF", "-MT", "-MQ", "-include", "-include-pch"};
  return std::ranges::find(kFlags, flag) != kFlags.end();
}

std::vector<std::string> WithoutInputAndOutput(const std::vector<std::string>& words) {
  std::vector<std::string> flags;
  for (std::size_t i = CompilerAt(words); i < words.size(); ++i) {
    const std::string& word = words[i];
    const std::string_view next = i + 1 < words.size() ? std::string_view(words[i + 1]) : std::string_view();
    if (word == "-c") {
      ++i;  // and the input
    } else if (word == "-Xclang" && TakesNext(next)) {
      i += 3;  // -Xclang -include-pch -Xclang FILE
    } else if (word == "-Xclang" && next == "-fno-pch-timestamp") {
      ++i;
    } else if (TakesNext(word)) {
      ++i;
    } else if (word != "-MD" && word != "-MMD" && word != "-Winvalid-pch" && word != "-fpch-instantiate-templates") {
      flags.push_back(word);
    }
  }
  return flags;
}

bool IsTest(std::string_view file) {
  return file.contains("_test.") || file.contains("_bench.") || file.contains("_fuzz.");
}

}  // namespace

std::vector<CompileCommand> ReadCompileCommands(const std::filesystem::path& list, const std::filesystem::path& root,
                                                std::string& error) {
  std::ifstream in(list, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  std::vector<CompileCommand> commands;
  for (auto& object : ListParser(text).Run()) {
    const std::string file = std::filesystem::path(object["file"]).lexically_relative(root).generic_string();
    if (file.empty() || file.starts_with("..") || object["command"].empty()) continue;
    commands.push_back({std::move(object["directory"]), file, WithoutInputAndOutput(SplitCommand(object["command"]))});
  }
  if (commands.empty()) {
    error = list.string() + " holds no command for a file of " + root.string() +
            "; configure the build first (./run build), or name another list with --compile-commands";
  }
  // The commands of rooms' products first: they have the fewest flags of their own.
  std::ranges::sort(commands, {}, [](const CompileCommand& command) {
    return std::tuple(IsTest(command.file), !command.file.starts_with("flywheel/"), command.file);
  });
  return commands;
}

std::vector<std::string> FlagsFor(const std::vector<CompileCommand>& commands, std::string_view folder) {
  if (commands.empty()) return {};
  for (std::string above(folder);; above = above.substr(0, std::min(above.rfind('/'), above.size()))) {
    const auto found = std::ranges::find_if(commands, [&](const CompileCommand& command) {
      const std::size_t slash = command.file.rfind('/');
      return slash != std::string::npos && std::string_view(command.file).substr(0, slash) == above;
    });
    if (found != commands.end()) return found->arguments;
    if (!above.contains('/')) break;
  }
  // A folder without a source of its own: the flags of the tree, which all sources share.
  return commands.front().arguments;
}

}  // namespace flywheel::tidy
