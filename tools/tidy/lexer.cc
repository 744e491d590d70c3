#include "tools/tidy/lexer.h"

#include <algorithm>
#include <array>
#include <utility>

namespace flywheel::tidy {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 128;
}
bool IsName(char c) { return IsNameStart(c) || IsDigit(c); }
bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

// Longest first. Without ">>" and "[[": templates and attributes nest.
constexpr std::array<std::string_view, 24> kPunctuators = {
    "<=>", "<<=", "...", "->*", "::", "->", "++", "--", "<<", "<=", ">=", "==",
    "!=",  "&&",  "||",  "+=",  "-=", "*=", "/=", "%=", "&=", "|=", "^=", "##",
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) { SkipSplices(); }

  Lexed Run() {
    bool line_start = true;
    while (!AtEnd()) {
      const char c = Peek();
      if (c == '\n') {
        line_start = true;
        directive_ = false;
        include_ = false;
        Bump();
      } else if (IsBlank(c)) {
        Bump();
      } else if (c == '/' && (PeekAt(1) == '/' || PeekAt(1) == '*')) {
        Comment();
      } else {
        if (line_start && c == '#') {
          directive_ = true;
          Begin();
          Bump();
          End(TokenKind::kHash);
        } else {
          OneToken();
        }
        line_start = false;
      }
    }
    return std::move(out_);
  }

 private:
  bool AtEnd() const { return pos_ >= text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[pos_]; }

  // The length of a line splice at `at`: a backslash and the end of its line. 0 if there is none.
  std::size_t SpliceAt(std::size_t at) const {
    if (at >= text_.size() || text_[at] != '\\') return 0;
    if (at + 1 < text_.size() && text_[at + 1] == '\n') return 2;
    if (at + 2 < text_.size() && text_[at + 1] == '\r' && text_[at + 2] == '\n') return 3;
    return 0;
  }

  // The character `ahead` places on, across splices.
  char PeekAt(std::size_t ahead) const {
    std::size_t at = pos_;
    for (std::size_t i = 0; i < ahead; ++i) {
      ++at;
      while (const std::size_t splice = SpliceAt(at)) at += splice;
    }
    return at < text_.size() ? text_[at] : '\0';
  }

  void SkipSplices() {
    while (const std::size_t splice = SpliceAt(pos_)) {
      pos_ += splice;
      ++line_;
      ++splices_;
    }
  }

  void BumpRaw() {
    if (text_[pos_] == '\n') ++line_;
    ++pos_;
  }
  void Bump() {
    BumpRaw();
    SkipSplices();
  }
  void Bump(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) Bump();
  }

  void Begin() {
    begin_ = pos_;
    begin_line_ = line_;
    begin_splices_ = splices_;
  }

  // The text since Begin, whole even where a splice cut it.
  std::string_view Text() {
    const std::string_view raw = text_.substr(begin_, pos_ - begin_);
    if (splices_ == begin_splices_) return raw;
    std::string& joined = out_.joined.emplace_back();
    for (std::size_t at = begin_; at < pos_;) {
      if (const std::size_t splice = SpliceAt(at)) {
        at += splice;
      } else {
        joined.push_back(text_[at++]);
      }
    }
    return joined;
  }

  void End(TokenKind kind) {
    auto& list = kind == TokenKind::kComment ? out_.comments : out_.tokens;
    list.push_back({.kind = kind, .directive = directive_, .line = begin_line_, .text = Text()});
  }

  void Comment() {
    Begin();
    if (PeekAt(1) == '/') {
      while (!AtEnd() && Peek() != '\n') Bump();
    } else {
      Bump(2);
      while (!AtEnd() && !(Peek() == '*' && PeekAt(1) == '/')) Bump();
      if (!AtEnd()) Bump(2);
    }
    End(TokenKind::kComment);
  }

  void OneToken() {
    Begin();
    const char c = Peek();
    if (include_ && c == '<') {
      HeaderName();
    } else if (IsNameStart(c)) {
      Name();
    } else if (IsDigit(c) || (c == '.' && IsDigit(PeekAt(1)))) {
      Number();
    } else if (c == '"') {
      Quoted('"', TokenKind::kString);
    } else if (c == '\'') {
      Quoted('\'', TokenKind::kCharacter);
    } else {
      Punctuator();
    }
  }

  void Name() {
    while (IsName(Peek())) Bump();
    const std::string_view name = Text();
    const std::string_view prefix = name.ends_with('R') ? name.substr(0, name.size() - 1) : name;
    const bool is_prefix = prefix == "u8" || prefix == "u" || prefix == "U" || prefix == "L";
    if (Peek() == '"' && (name == "R" || (is_prefix && prefix.size() < name.size()))) {
      RawString();
    } else if (Peek() == '"' && is_prefix) {
      Quoted('"', TokenKind::kString);
    } else if (Peek() == '\'' && is_prefix) {
      Quoted('\'', TokenKind::kCharacter);
    } else {
      End(TokenKind::kIdentifier);
      if (directive_ && (name == "include" || name == "include_next" || name == "import")) {
        const auto& tokens = out_.tokens;
        include_ = tokens.size() >= 2 && tokens[tokens.size() - 2].kind == TokenKind::kHash;
        return;
      }
    }
    include_ = false;
  }

  void Number() {
    while (true) {
      const char c = Peek();
      const bool exponent = c == 'e' || c == 'E' || c == 'p' || c == 'P';
      if (exponent && (PeekAt(1) == '+' || PeekAt(1) == '-')) {
        Bump(2);
      } else if (IsName(c) || c == '.' || (c == '\'' && IsName(PeekAt(1)))) {
        Bump();
      } else {
        break;
      }
    }
    End(TokenKind::kNumber);
  }

  void Quoted(char quote, TokenKind kind) {
    Bump();
    while (!AtEnd() && Peek() != quote && Peek() != '\n') {
      if (Peek() == '\\') Bump();
      if (!AtEnd() && Peek() != '\n') Bump();
    }
    if (Peek() == quote) Bump();
    include_ = false;
    End(kind);
  }

  // Splices mean nothing between the quotes of a raw string, so this walks the text as it stands.
  void RawString() {
    BumpRaw();
    const std::size_t open = text_.find('(', pos_);
    if (open == std::string_view::npos) {
      pos_ = text_.size();
      End(TokenKind::kString);
      return;
    }
    std::string close = ")";
    close.append(text_.substr(pos_, open - pos_)).push_back('"');
    const std::size_t found = text_.find(close, open);
    const std::size_t end = found == std::string_view::npos ? text_.size() : found + close.size();
    while (pos_ < end) BumpRaw();
    End(TokenKind::kString);
    SkipSplices();
  }

  void HeaderName() {
    while (!AtEnd() && Peek() != '>' && Peek() != '\n') Bump();
    if (Peek() == '>') Bump();
    include_ = false;
    End(TokenKind::kHeaderName);
  }

  void Punctuator() {
    const std::array<char, 3> next = {Peek(), PeekAt(1), PeekAt(2)};
    const std::string_view ahead(next.data(), next.size());
    const auto* const found = std::ranges::find_if(kPunctuators, [&](auto text) { return ahead.starts_with(text); });
    Bump(found == kPunctuators.end() ? 1 : found->size());
    include_ = false;
    End(TokenKind::kPunctuator);
  }

  const std::string_view text_;
  std::size_t pos_ = 0;
  int line_ = 1;
  int splices_ = 0;  // seen so far
  std::size_t begin_ = 0;
  int begin_line_ = 1;
  int begin_splices_ = 0;
  bool directive_ = false;
  bool include_ = false;  // the next token may be a <header>
  Lexed out_;
};

}  // namespace

Lexed Lex(std::string_view text) { return Lexer(text).Run(); }

}  // namespace flywheel::tidy
