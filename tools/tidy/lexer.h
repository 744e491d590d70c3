// Lex: C++ source as the tokens that the rules read.
//
// Rules that grep see calls in comments, in strings and in the rules' own tables, and miss what a backslash splits over
// two lines. This is the part of translation phases 2 and 3 that removes those mistakes, and nothing more: comments are
// apart, a literal is one token (raw strings included), line splices are undone, and a preprocessor directive is marked
// so that a rule can choose to look at it. Nothing is expanded and no conditional is evaluated (see conditional.h).
// It never fails: an unterminated literal ends with its line, an unterminated comment with the file.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace flywheel::tidy {

enum class TokenKind : unsigned char {
  kIdentifier,  // keywords too
  kNumber,
  kString,      // with prefix and quotes; also "a/b.h" after #include
  kCharacter,   // with prefix and quotes
  kHeaderName,  // <a/b.h> after #include
  kPunctuator,  // the longest that matches, except that ">>" and "[[" are two each: templates and attributes nest
  kHash,        // the '#' that begins a directive
  kComment,     // with its delimiters
};

struct Token {
  TokenKind kind;
  bool directive;  // belongs to a preprocessor directive
  int line;        // where it begins, from 1
  std::string_view text;

  bool Is(std::string_view what) const { return text == what && kind != TokenKind::kString; }
  bool IsIdentifier() const { return kind == TokenKind::kIdentifier; }
};

struct Lexed {
  std::vector<Token> tokens;  // without comments
  std::vector<Token> comments;
  // The texts of tokens that a line splice had cut; a deque, because tokens point into it.
  std::deque<std::string> joined;
};

// `text` must outlive the result, whose tokens point into it.
Lexed Lex(std::string_view text);

}  // namespace flywheel::tidy
