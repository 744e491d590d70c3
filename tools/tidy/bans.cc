#include "tools/tidy/bans.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tools/tidy/token_walk.h"

namespace flywheel::tidy {
namespace {

constexpr int kReasonWords = 3;

// A pattern, taken apart.
struct Pattern {
  const Ban* ban;
  enum class Kind : unsigned char { kCall, kMember, kInclude, kTokens } kind;
  std::vector<std::string_view> tokens;
};

std::vector<std::string_view> Split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + separator.size());
  }
  return parts;
}

Pattern Parse(const Ban& ban, std::string_view text) {
  Pattern pattern{.ban = &ban, .kind = Pattern::Kind::kTokens, .tokens = Split(text, " ")};
  if (pattern.tokens[0].starts_with('<')) {
    pattern.kind = Pattern::Kind::kInclude;
  } else if (pattern.tokens[0] == ".") {
    pattern.kind = Pattern::Kind::kMember;
  } else if (pattern.tokens.size() >= 2 && pattern.tokens[1] == "(") {
    pattern.kind = Pattern::Kind::kCall;
  }
  return pattern;
}

// All patterns by the token that they begin with.
using Index = std::unordered_multimap<std::string_view, Pattern>;

bool IsAllowed(const Ban& ban, const File& file) {
  const bool applies =
      ban.where == Where::kEverywhere || (ban.where == Where::kHeaders && file.IsHeader()) ||
      (ban.where == Where::kProduct && file.IsProduct()) ||
      (ban.where == Where::kShipped && !file.IsTest() && !file.IsBench() && !file.path().starts_with("tools/"));
  return !applies || std::ranges::any_of(Split(ban.allowed, " "),
                                         [&](std::string_view pattern) { return MatchesPath(pattern, file.path()); });
}

Index IndexFor(const File& file) {
  Index index;
  for (const Ban& ban : BanTable()) {
    if (IsAllowed(ban, file)) continue;
    for (const std::string_view text : Split(ban.patterns, " | ")) {
      Pattern pattern = Parse(ban, text);
      const std::string_view first = pattern.tokens[0];
      if (pattern.kind == Pattern::Kind::kMember) index.emplace("->", pattern);
      index.emplace(first, std::move(pattern));
    }
  }
  return index;
}

// Whether the tokens up to `at`, a '*', '&' or '>', end a type: then a declaration follows, and not a call.
bool EndsType(std::span<const Token> tokens, std::size_t at) {
  while (at > 0 && (tokens[at].Is("*") || tokens[at].Is("&") || tokens[at].Is("&&") || tokens[at].Is("const"))) --at;
  if (!tokens[at].Is(">")) return tokens[at].IsIdentifier() && IsTypeName(tokens[at].text);
  return at > 0 && (tokens[at - 1].Is(">") || tokens[at - 1].Is("<") || EndsType(tokens, at - 1));
}

// Words that stand before a call; any other one before a name makes it a declaration.
bool LeadsToCall(std::string_view word) {
  constexpr std::array<std::string_view, 9> kWords = {
      "return", "co_return", "co_await", "co_yield", "else", "do", "case", "throw", "not",
  };
  return std::ranges::find(kWords, word) != kWords.end();
}

// What the file itself declares: a bare call of such a name, say of a local lambda, is not one of the system's.
std::set<std::string_view> DeclaredNames(std::span<const Token> tokens) {
  std::set<std::string_view> names;
  for (std::size_t i = 1; i + 1 < tokens.size(); ++i) {
    if (!tokens[i].IsIdentifier()) continue;
    const Token& before = tokens[i - 1];
    const bool typed = before.IsIdentifier() ? !LeadsToCall(before.text) : EndsType(tokens, i - 1);
    const Token& after = tokens[i + 1];
    if (typed && (after.Is("=") || after.Is("(") || after.Is("{") || after.Is(";"))) names.insert(tokens[i].text);
  }
  return names;
}

// Whether the name at `at` is that of a free function of the system or of std where it is called.
bool IsFreeCall(std::span<const Token> tokens, std::size_t at, const std::set<std::string_view>& declared) {
  constexpr std::array<std::string_view, 3> kQualifiers = {"std", "this_thread", "chrono"};
  if (at == 0) return true;
  const Token& before = tokens[at - 1];
  if (before.directive != tokens[at].directive) return true;
  if (before.Is(".") || before.Is("->") || before.Is("~")) return false;
  if (before.Is("::")) {
    if (at < 2 || !tokens[at - 2].IsIdentifier()) return true;
    return std::ranges::find(kQualifiers, tokens[at - 2].text) != kQualifiers.end() || LeadsToCall(tokens[at - 2].text);
  }
  if (declared.contains(tokens[at].text)) return false;
  return before.IsIdentifier() ? LeadsToCall(before.text) : !EndsType(tokens, at - 1);
}

bool Matches(const Pattern& pattern, std::span<const Token> tokens, std::size_t at,
             const std::set<std::string_view>& declared) {
  if (pattern.kind == Pattern::Kind::kInclude) return tokens[at].kind == TokenKind::kHeaderName;
  for (std::size_t i = 0; i < pattern.tokens.size(); ++i) {
    const bool arrow = i == 0 && pattern.kind == Pattern::Kind::kMember;
    if (at + i >= tokens.size() || (!arrow && !tokens[at + i].Is(pattern.tokens[i]))) return false;
  }
  if (pattern.kind == Pattern::Kind::kCall && !IsFreeCall(tokens, at, declared)) return false;
  const auto harmless = pattern.ban->harmless;
  return harmless == nullptr || !harmless(tokens, at, at + pattern.tokens.size());
}

// What the pattern says, without the brackets that only tell a call.
std::string Name(const Pattern& pattern) {
  std::string name;
  for (const std::string_view token : pattern.tokens) {
    if (token == "(" || token == ")") break;
    if (token == "namespace") name.push_back(' ');
    if (token != ".") name.append(token);
  }
  return "'" + name + "'";
}

// The reason of a "tidy:" comment; nothing where the comment is another one.
std::optional<std::string_view> Reason(std::string_view comment) {
  comment.remove_prefix(2);
  const std::size_t begin = comment.find_first_not_of(" \t");
  if (begin == std::string_view::npos || !comment.substr(begin).starts_with("tidy:")) return std::nullopt;
  comment.remove_prefix(begin + 5);
  return comment.substr(0, comment.find('\n'));
}

int WordCount(std::string_view text) {
  int words = 0;
  int letters = 0;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    letters = letter ? letters + 1 : 0;
    if (letters == 2) ++words;
  }
  return words;
}

struct Suppression {
  int line;  // of the comment
  bool good;
  bool used = false;
};

// By the line that they speak of: their own, or the next one where they stand alone.
std::map<int, Suppression> SuppressionsOf(const File& file) {
  std::map<int, Suppression> suppressions;
  for (const Token& comment : file.comments()) {
    const auto reason = Reason(comment.text);
    if (!reason) continue;
    const std::string_view line = file.lines()[static_cast<std::size_t>(comment.line) - 1];
    const std::size_t begin = line.find_first_not_of(" \t");
    const bool alone = line.substr(begin).starts_with("//");
    suppressions[alone ? comment.line + 1 : comment.line] = {.line = comment.line,
                                                             .good = WordCount(*reason) >= kReasonWords};
  }
  return suppressions;
}

}  // namespace

void CheckBans(const File& file, Findings& findings) {
  if (!file.IsCpp()) return;
  std::map<int, Suppression> suppressions = SuppressionsOf(file);
  const auto add = [&](int line, std::string_view rule, std::string what, std::string_view why,
                       std::string_view instead) {
    findings.push_back({file.path(), line, rule, std::move(what), std::string(why), std::string(instead)});
  };

  const Index index = IndexFor(file);
  const std::span<const Token> tokens = file.tokens();
  const std::set<std::string_view> declared = DeclaredNames(tokens);
  for (std::size_t at = 0; at < tokens.size(); ++at) {
    const auto [begin, end] = index.equal_range(tokens[at].text);
    for (auto found = begin; found != end; ++found) {
      const Pattern& pattern = found->second;
      if (!Matches(pattern, tokens, at, declared)) continue;
      const int line = tokens[at].line;
      const auto suppression = suppressions.find(line);
      if (suppression != suppressions.end()) {
        suppression->second.used = true;
        if (suppression->second.good) continue;
      }
      add(line, pattern.ban->rule, Name(pattern) + " is used", pattern.ban->why, pattern.ban->instead);
    }
  }

  for (const auto& [line, suppression] : suppressions) {
    if (!suppression.good) {
      add(suppression.line, "suppression", "a tidy comment without a reason",
          "the next reader must be able to judge it", "at least three words of why");
    } else if (!suppression.used) {
      add(suppression.line, "suppression", "a tidy comment where no ban is broken",
          "it silences only the table of bans, for one line", "remove it, or its 'tidy:'");
    }
  }
}

}  // namespace flywheel::tidy
