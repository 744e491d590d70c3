// Steps over the parts of C++ that nest: brackets, template arguments, requires-clauses, class heads.
//
// What a rule that follows declarations needs from a grammar, and no more. Every function takes a position, returns the
// position after what it stepped over, and stays within the tokens whatever they are; a position past the end reads as
// an empty token.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "tools/tidy/lexer.h"

namespace flywheel::tidy {

inline constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

class TokenWalk {
 public:
  explicit TokenWalk(std::span<const Token> tokens) : tokens_(tokens) {}

  std::size_t size() const { return tokens_.size(); }
  // Empty at the end and for string literals, so that a text never passes for syntax.
  std::string_view At(std::size_t at) const;
  bool IsIdentifier(std::size_t at) const { return at < tokens_.size() && tokens_[at].IsIdentifier(); }
  bool IsLiteral(std::size_t at) const;
  int Line(std::size_t at) const;

  // At '(', '[' or '{': after its partner, all three kinds nesting.
  std::size_t AfterBrackets(std::size_t at) const;
  // At '<' of template arguments: after their '>'. At one that is less-than: the position after it.
  std::size_t AfterAngles(std::size_t at) const;
  // At `requires` of a clause: after the clause, with any requires-expressions in it.
  std::size_t AfterRequires(std::size_t at) const;
  // After the next ';' that is outside brackets; at an unmatched '}', that.
  std::size_t AfterSemicolon(std::size_t at) const;

  // At class, struct or union: the '{' of its members, or kNowhere if this only names a type.
  std::size_t ClassBody(std::size_t at) const;
  // Likewise at enum.
  std::size_t EnumBody(std::size_t at) const;

  // Whether the arguments in [begin, end) initialize a variable, where they could be a function's parameters.
  bool LooksLikeInitializer(std::size_t begin, std::size_t end) const;

 private:
  std::span<const Token> tokens_;
};

// FW_LIKE_THIS: how attribute macros and test macros are written.
bool IsMacroName(std::string_view name);
// LikeThis, like_this_t or int: what the style and the language call types.
bool IsTypeName(std::string_view name);

}  // namespace flywheel::tidy
