#include "tools/tidy/state.h"

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "tools/tidy/conditional.h"
#include "tools/tidy/token_walk.h"

namespace flywheel::tidy {
namespace {

enum class Scope { kNamespace, kClass, kFunction, kMacro };

// What a declaration has said so far.
struct Declaration {
  bool is_static = false;
  bool is_extern = false;
  bool is_thread_local = false;
  bool is_constant = false;  // constexpr, or const after the last '*'
  bool is_constexpr = false;
  bool is_operator = false;
  bool reported = false;
  int names = 0;  // type and name make two
  std::string_view name;
  std::string_view before;  // the name before that, in case this one is an attribute
  int line = 0;
};

bool IsSpecifier(std::string_view text) {
  constexpr std::array<std::string_view, 13> kSpecifiers = {
      "inline",   "constinit", "volatile", "mutable", "virtual", "explicit", "friend",
      "register", "typename",  "class",    "struct",  "union",   "enum",
  };
  return std::ranges::find(kSpecifiers, text) != kSpecifiers.end();
}

bool TakesParentheses(std::string_view text) {
  constexpr std::array<std::string_view, 7> kOperators = {
      "decltype", "alignas", "noexcept", "explicit", "__attribute__", "typeof", "__typeof__",
  };
  return std::ranges::find(kOperators, text) != kOperators.end();
}

class Walker {
 public:
  explicit Walker(std::span<const Token> tokens) : walk_(tokens) {}

  void Namespace() {
    while (at_ < walk_.size()) Block(Scope::kNamespace);
  }
  void Macro() { Code(0, walk_.size(), Scope::kMacro); }

  const std::set<std::pair<int, std::string_view>>& found() const { return found_; }
  // The file defines what operator new or malloc does in its whole process.
  bool replaces_allocator() const { return replaces_allocator_; }

 private:
  std::string_view Text(std::size_t ahead = 0) const { return walk_.At(at_ + ahead); }

  // Declarations up to and with the '}' that closes them.
  void Block(Scope scope) {
    while (at_ < walk_.size()) {
      if (Text() == "}") {
        ++at_;
        return;
      }
      const std::size_t before = at_;
      if (!Skipped(scope)) Declare(scope);
      at_ = std::max(at_, before + 1);
    }
  }

  // Steps over what declares no variable.
  bool Skipped(Scope scope) {
    const std::string_view text = Text();
    if (text == ";") {
      ++at_;
    } else if (text == "namespace" || (text == "inline" && Text(1) == "namespace")) {
      while (at_ < walk_.size() && Text() != "{" && Text() != ";") ++at_;
      const bool alias = Text() != "{";
      ++at_;
      if (!alias) Block(Scope::kNamespace);
    } else if (text == "extern" && walk_.IsLiteral(at_ + 1) && Text(2) == "{") {
      at_ += 3;
      Block(Scope::kNamespace);
    } else if (text == "using" || text == "typedef" || text == "static_assert" || text == "concept" ||
               (text == "extern" && Text(1) == "template")) {
      at_ = walk_.AfterSemicolon(at_);
    } else if (scope == Scope::kClass && Text(1) == ":" &&
               (text == "public" || text == "private" || text == "protected")) {
      at_ += 2;
    } else if (text == "template") {
      if (Text(1) == "<") {
        at_ = walk_.AfterAngles(at_ + 1);
      } else {
        at_ = walk_.AfterSemicolon(at_);  // an explicit instantiation
      }
    } else {
      return false;
    }
    return true;
  }

  // One declaration from its first specifier to after its ';' or body.
  void Declare(Scope scope) {
    Declaration d;
    while (at_ < walk_.size()) {
      const std::string_view text = Text();
      if (text == ";" || text == "=") {
        if (d.names >= 2) Report(scope, d);
        const std::size_t end = walk_.AfterSemicolon(at_);
        Code(at_ + 1, end, Scope::kFunction);
        at_ = end;
        return;
      }
      if (text == "}") return;
      if (text == "{") {
        if (d.names >= 2) Report(scope, d);
        const std::size_t end = walk_.AfterBrackets(at_);
        Code(at_ + 1, end, Scope::kFunction);
        at_ = end;
        if (d.names < 2) return;  // a macro with a body
      } else if (text == "(") {
        if (Parentheses(scope, d)) return;
      } else {
        Specifier(d);
      }
    }
  }

  // One token (or bracket) of a declaration that does not end it.
  void Specifier(Declaration& d) {
    const std::string_view text = Text();
    if (text == "[") {
      if (walk_.At(at_ + 1) != "[" && d.names == 1) Name(d, "a structured binding", walk_.Line(at_));
      at_ = walk_.AfterBrackets(at_);
    } else if (text == "<") {
      at_ = walk_.AfterAngles(at_);
    } else if (text == "*") {
      d.is_constant = false;
      ++at_;
    } else if (text == "requires") {
      at_ = walk_.AfterRequires(at_);
    } else if (text == "operator") {
      Operator(d);
    } else if ((text == "class" || text == "struct" || text == "union") && walk_.ClassBody(at_) != kNowhere) {
      at_ = walk_.ClassBody(at_) + 1;
      Block(Scope::kClass);
      ++d.names;
    } else if (text == "enum" && walk_.EnumBody(at_) != kNowhere) {
      at_ = walk_.AfterBrackets(walk_.EnumBody(at_));
      ++d.names;
    } else if (walk_.IsIdentifier(at_)) {
      Word(d, text);
      ++at_;
    } else {
      ++at_;
    }
  }

  void Word(Declaration& d, std::string_view text) {
    if (text == "static") {
      d.is_static = true;
    } else if (text == "extern") {
      d.is_extern = true;
    } else if (text == "thread_local") {
      d.is_thread_local = true;
    } else if (text == "const") {
      d.is_constant = true;
    } else if (text == "constexpr" || text == "consteval") {
      d.is_constexpr = true;
    } else if (!IsSpecifier(text) && !TakesParentheses(text)) {
      const bool joined = at_ > 0 && walk_.At(at_ - 1) == "::" && d.names > 0;
      if (joined) --d.names;
      Name(d, text, walk_.Line(at_));
    } else if (text == "decltype") {
      ++d.names;
    }
  }

  static void Name(Declaration& d, std::string_view name, int line) {
    ++d.names;
    d.before = std::exchange(d.name, name);
    d.line = line;
  }

  // operator==, operator(), operator new[], operator bool: up to the parameters.
  void Operator(Declaration& d) {
    d.is_operator = true;
    Name(d, "operator", walk_.Line(at_));
    ++at_;
    if (Text() == "new") d.name = "operator new";
    if (Text() == "(") at_ = walk_.AfterBrackets(at_);
    while (at_ < walk_.size() && Text() != "(" && Text() != ";") {
      const bool conversion = Text() == "<" && walk_.IsIdentifier(at_ - 1) && walk_.At(at_ - 1) != "operator";
      at_ = conversion ? walk_.AfterAngles(at_) : at_ + 1;
    }
  }

  // At '(': true if that ended the declaration.
  bool Parentheses(Scope scope, Declaration& d) {
    const std::string_view before = at_ > 0 ? walk_.At(at_ - 1) : std::string_view();
    const std::size_t end = walk_.AfterBrackets(at_);
    const bool attribute = d.names >= 3 && IsMacroName(before);
    if (!d.is_operator && (attribute || TakesParentheses(before))) {
      if (attribute) --d.names, d.name = d.before;
      at_ = end;
      return false;
    }
    if (!d.is_operator && d.names >= 1 && FunctionPointer(d, end)) {
      at_ = end;
      if (Text() == "(") at_ = walk_.AfterBrackets(at_);
      return false;
    }
    if (!d.is_operator && d.names >= 2 && scope != Scope::kClass) {
      const bool ends = walk_.At(end) == ";" || walk_.At(end) == ",";
      if ((scope == Scope::kFunction && d.is_static) || (ends && walk_.LooksLikeInitializer(at_ + 1, end - 1))) {
        Report(scope, d);
        Code(at_ + 1, end, Scope::kFunction);
        at_ = walk_.AfterSemicolon(end);
        return true;
      }
    }
    Code(at_ + 1, end, Scope::kFunction);
    at_ = end;
    FunctionTail(scope, d);
    return true;
  }

  // `(*name)(...)`, `(&name)[3]`, `(Class::*name)(...)`: takes the name over.
  bool FunctionPointer(Declaration& d, std::size_t end) {
    if (walk_.At(end) != "(" && walk_.At(end) != "[") return false;
    std::size_t at = at_ + 1;
    while (walk_.At(at) == "::" || (walk_.IsIdentifier(at) && walk_.At(at + 1) == "::")) ++at;
    if (walk_.At(at) != "*" && walk_.At(at) != "&") return false;
    bool constant = false;
    for (; at + 1 < end; ++at) {
      if (walk_.At(at) == "(") return false;  // a function that returns one
      if (walk_.At(at) == "*") constant = false;
      if (walk_.At(at) == "const") {
        constant = true;
      } else if (walk_.IsIdentifier(at)) {
        d.name = walk_.At(at);
        d.line = walk_.Line(at);
      }
    }
    d.is_constant = constant;
    d.names = 2;
    return true;
  }

  // After a function's parameters: its qualifiers, its constructor's initializers, its body.
  void FunctionTail(Scope scope, const Declaration& d) {
    while (at_ < walk_.size()) {
      const std::string_view text = Text();
      if (text == ";" || text == "=") {
        at_ = walk_.AfterSemicolon(at_);
        return;
      }
      if (text == "}") return;
      if (text == "{") {
        if (scope == Scope::kNamespace && (d.name == "malloc" || d.name == "operator new")) replaces_allocator_ = true;
        const std::size_t end = walk_.AfterBrackets(at_);
        Code(at_ + 1, end, Scope::kFunction);
        at_ = end;
        return;
      }
      if (d.names == 1 && IsMacroName(d.name) && (walk_.IsIdentifier(at_) || text == "[")) return;  // MACRO(x) int y;
      if (text == ":") {
        Initializers();
      } else if (text == "requires") {
        at_ = walk_.AfterRequires(at_);
      } else if (text == "(" || text == "[") {
        const std::size_t end = walk_.AfterBrackets(at_);
        Code(at_ + 1, end, Scope::kFunction);
        at_ = end;
      } else if (text == "<") {
        at_ = walk_.AfterAngles(at_);
      } else {
        ++at_;
      }
    }
  }

  // `: a_(1), Base<T>{2}, c_(3)...` up to the body.
  void Initializers() {
    do {
      ++at_;
      while (walk_.IsIdentifier(at_) || Text() == "::" || Text() == "<") {
        at_ = Text() == "<" ? walk_.AfterAngles(at_) : at_ + 1;
      }
      if (Text() != "(" && Text() != "{") return;
      const std::size_t end = walk_.AfterBrackets(at_);
      Code(at_ + 1, end, Scope::kFunction);
      at_ = end;
      if (Text() == "...") ++at_;
    } while (Text() == ",");
  }

  // Statements and expressions: only `static`, `extern` and local classes matter. The `static` of a lambda has a body
  // where a variable has its name, and so declares nothing.
  void Code(std::size_t begin, std::size_t end, Scope scope) {
    const std::size_t outer = std::exchange(at_, begin);
    std::size_t statement = begin;  // where the current one begins, for the specifiers before `static`
    while (at_ < end) {
      const std::string_view text = Text();
      if (text == ";" || text == "{" || text == "}" || text == ")" || text == ":" || text == "=") {
        statement = ++at_;
      } else if (text == "static" || text == "extern") {
        const std::size_t here = at_;
        at_ = statement;
        Declare(scope);
        statement = at_ = std::max(at_, here + 1);
      } else if ((text == "class" || text == "struct" || text == "union") && walk_.ClassBody(at_) != kNowhere) {
        at_ = walk_.ClassBody(at_) + 1;
        Block(Scope::kClass);
      } else {
        ++at_;
      }
    }
    at_ = outer;
  }

  void Report(Scope scope, Declaration& d) {
    if (scope == Scope::kClass && !d.is_static) return;
    if (d.is_constant || d.is_constexpr || d.is_thread_local || d.reported) return;
    d.reported = true;
    found_.insert({d.line, d.name});
  }

  TokenWalk walk_;
  std::size_t at_ = 0;
  bool replaces_allocator_ = false;
  std::set<std::pair<int, std::string_view>> found_;
};

}  // namespace

void CheckState(const File& file, Findings& findings) {
  if (!file.IsCpp() || file.path() == "flywheel/base/thread_slot.h" || file.path() == "flywheel/base/thread_slot.cc") {
    return;
  }
  std::set<std::pair<int, std::string>> found;
  bool replaces_allocator = false;
  const auto collect = [&](const Walker& walker) {
    for (const auto& [line, name] : walker.found())
      found.insert({line, "'" + std::string(name) + "' is mutable and static"});
    replaces_allocator |= walker.replaces_allocator();
  };
  for (const std::vector<Token>& reading : Readings(file.tokens())) {
    Walker walker(reading);
    walker.Namespace();
    collect(walker);
  }
  for (const std::vector<Token>& body : MacroBodies(file.tokens())) {
    Walker walker(body);
    walker.Macro();
    collect(walker);
  }
  for (const Token& token : file.tokens()) {
    if (token.Is("thread_local")) found.insert({token.line, "a thread_local"});
  }
  if (replaces_allocator && (file.IsTest() || file.IsBench())) return;
  for (const auto& [line, what] : found) {
    findings.push_back({.path = file.path(),
                        .line = line,
                        .rule = "state",
                        .what = what,
                        .why = "state outside of a Host keeps two of them from living in one process",
                        .instead = "make it const or constexpr, a member of the object that needs it, or a field of "
                                   "ThreadSlot"});
  }
}

}  // namespace flywheel::tidy
