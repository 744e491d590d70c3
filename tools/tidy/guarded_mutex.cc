#include "tools/tidy/guarded_mutex.h"

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

namespace flywheel::tidy {
namespace {

// The names in the arguments of annotations that say what a lock is for.
std::set<std::string_view> NamedMutexes(const std::vector<Token>& tokens) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    const bool annotation = tokens[i].Is("FW_GUARDED_BY") || tokens[i].Is("FW_PT_GUARDED_BY") ||
                            tokens[i].Is("FW_REQUIRES") || tokens[i].Is("FW_EXCLUDES");
    if (!annotation || tokens[i].directive || !tokens[i + 1].Is("(")) continue;
    for (std::size_t at = i + 2; at < tokens.size() && !tokens[at].Is(")"); ++at) names.insert(tokens[at].text);
  }
  return names;
}

}  // namespace

void CheckGuardedMutex(const File& file, Findings& findings) {
  if (!file.IsCpp() || file.IsTest() || file.path() == "flywheel/base/mutex.h") return;
  const std::vector<Token>& tokens = file.tokens();
  const std::set<std::string_view> named = NamedMutexes(tokens);
  for (std::size_t i = 0; i + 2 < tokens.size(); ++i) {
    const bool declares = tokens[i].Is("Mutex") && tokens[i + 1].IsIdentifier() &&
                          (tokens[i + 2].Is(";") || tokens[i + 2].Is("{") || tokens[i + 2].Is("="));
    const bool is_class = i > 0 && (tokens[i - 1].Is("class") || tokens[i - 1].Is("struct"));
    if (!declares || is_class || named.contains(tokens[i + 1].text)) continue;
    findings.push_back(
        {.path = file.path(),
         .line = tokens[i].line,
         .rule = "unguarded-mutex",
         .what = "Mutex '" + std::string(tokens[i + 1].text) + "' guards nothing that the compiler knows",
         .why = "a forgotten lock is then found by luck",
         .instead = "put FW_GUARDED_BY on the members, or FW_REQUIRES on the functions, that need it, or FW_EXCLUDES "
                    "on those that take it"});
  }
}

}  // namespace flywheel::tidy
