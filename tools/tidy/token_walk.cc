#include "tools/tidy/token_walk.h"

#include <algorithm>
#include <array>

namespace flywheel::tidy {
namespace {

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsTypeKeyword(std::string_view text) {
  constexpr std::array<std::string_view, 18> kKeywords = {
      "auto", "bool",  "char",   "char8_t", "const",    "double", "enum",     "float", "int",
      "long", "short", "signed", "struct",  "typename", "union",  "unsigned", "void",  "volatile",
  };
  return std::ranges::find(kKeywords, text) != kKeywords.end();
}

}  // namespace

bool IsMacroName(std::string_view name) {
  return name.size() >= 2 && IsUpper(name[0]) &&
         std::ranges::all_of(name, [](char c) { return IsUpper(c) || IsDigit(c) || c == '_'; });
}

bool IsTypeName(std::string_view name) {
  return name.ends_with("_t") || IsTypeKeyword(name) || (!name.empty() && IsUpper(name[0]));
}

std::string_view TokenWalk::At(std::size_t at) const {
  if (at >= tokens_.size() || tokens_[at].kind == TokenKind::kString) return {};
  return tokens_[at].text;
}

bool TokenWalk::IsLiteral(std::size_t at) const {
  if (at >= tokens_.size()) return false;
  const TokenKind kind = tokens_[at].kind;
  return kind == TokenKind::kNumber || kind == TokenKind::kString || kind == TokenKind::kCharacter;
}

int TokenWalk::Line(std::size_t at) const { return at < tokens_.size() ? tokens_[at].line : 0; }

std::size_t TokenWalk::AfterBrackets(std::size_t at) const {
  int depth = 0;
  for (; at < size(); ++at) {
    const std::string_view text = At(at);
    if (text == "(" || text == "[" || text == "{") {
      ++depth;
    } else if (text == ")" || text == "]" || text == "}") {
      if (--depth == 0) return at + 1;
    }
  }
  return size();
}

std::size_t TokenWalk::AfterAngles(std::size_t at) const {
  int depth = 0;
  for (std::size_t i = at; i < size();) {
    const std::string_view text = At(i);
    if (text == "(" || text == "[" || text == "{") {
      i = AfterBrackets(i);
      continue;
    }
    if (text == ";" || text == ")" || text == "]" || text == "}") break;
    if (text == "<") ++depth;
    if (text == ">" && --depth == 0) return i + 1;
    ++i;
  }
  return std::min(at + 1, size());
}

std::size_t TokenWalk::AfterRequires(std::size_t at) const {
  ++at;
  while (at < size()) {
    while (At(at) == "!") ++at;
    if (At(at) == "(") {
      at = AfterBrackets(at);
    } else if (At(at) == "requires") {
      ++at;
      if (At(at) == "(") at = AfterBrackets(at);
      if (At(at) == "{") at = AfterBrackets(at);
    } else {
      // A name or a literal; two identifiers in a row belong to different things.
      for (bool joined = true; at < size(); ++at) {
        if (At(at) == "::") {
          joined = true;
        } else if ((IsIdentifier(at) || IsLiteral(at)) && joined) {
          joined = false;
          if (At(at + 1) == "<") at = AfterAngles(at + 1) - 1;
        } else {
          break;
        }
      }
    }
    if (At(at) != "&&" && At(at) != "||") break;
    ++at;
  }
  return std::min(at, size());
}

std::size_t TokenWalk::AfterSemicolon(std::size_t at) const {
  while (at < size()) {
    const std::string_view text = At(at);
    if (text == ";") return at + 1;
    if (text == "}") return at;
    at = text == "(" || text == "[" || text == "{" ? AfterBrackets(at) : at + 1;
  }
  return size();
}

std::size_t TokenWalk::ClassBody(std::size_t at) const {
  int names = 0;
  bool bases = false;
  bool macro = false;  // the last name may have been an attribute macro
  for (++at; at < size();) {
    const std::string_view text = At(at);
    if (text == "{") return at;
    if (text == "[") {
      at = AfterBrackets(at);
    } else if (text == "(") {
      // alignas(...), ATTRIBUTE(...), or decltype(...) as a base
      if (!bases && !macro && At(at - 1) != "alignas" && At(at - 1) != "__attribute__") return kNowhere;
      if (!bases) --names;
      at = AfterBrackets(at);
    } else if (text == "<") {
      at = AfterAngles(at);
    } else if (text == ":") {
      bases = true;
      ++at;
    } else if (text == "::" || (bases && (text == "," || text == "..."))) {
      ++at;
    } else if (IsIdentifier(at)) {
      const bool joined = At(at - 1) == "::";
      if (!bases && !joined && text != "final" && ++names > 1 && !macro) return kNowhere;
      macro = IsMacroName(text);
      ++at;
    } else {
      return kNowhere;
    }
  }
  return kNowhere;
}

std::size_t TokenWalk::EnumBody(std::size_t at) const {
  int names = 0;
  bool base = false;
  for (++at; at < size();) {
    const std::string_view text = At(at);
    if (text == "{") return at;
    if (text == "[") {
      at = AfterBrackets(at);
    } else if (text == "::" || text == ":" || IsIdentifier(at)) {
      base |= text == ":";
      if (!base && IsIdentifier(at) && text != "class" && text != "struct" && ++names > 1) return kNowhere;
      ++at;
    } else {
      return kNowhere;
    }
  }
  return kNowhere;
}

bool TokenWalk::LooksLikeInitializer(std::size_t begin, std::size_t end) const {
  if (begin >= end) return false;
  if (IsLiteral(begin)) return true;
  const std::string_view first = At(begin);
  if (first == "..." || first == "[" || IsTypeKeyword(first)) return first == "[" && At(begin + 1) != "[";
  if (first == "nullptr" || first == "true" || first == "false" || first == "this" || first == "sizeof") return true;
  if (first != "::" && !IsIdentifier(begin)) return true;  // an operator, a braced value

  // A name with its qualifiers and template arguments.
  std::size_t at = begin;
  bool angles = false;
  const bool of_std = first == "std" && At(begin + 1) == "::";
  std::string_view last;
  while (at < end) {
    if (At(at) == "::") {
      ++at;
    } else if (IsIdentifier(at) && (last.empty() || At(at - 1) == "::")) {
      last = At(at++);
    } else if (At(at) == "<" && AfterAngles(at) > at + 1) {
      at = AfterAngles(at);
      angles = true;
    } else {
      break;
    }
  }
  const bool type = angles || of_std || IsTypeName(last);
  if (at >= end || At(at) == ",") return !type;
  if (At(at) == "&" || At(at) == "&&" || At(at) == "*" || At(at) == "...") return !type;
  if (At(at) == "(") return !angles;
  return !IsIdentifier(at);
}

}  // namespace flywheel::tidy
