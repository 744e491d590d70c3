#include "tools/tidy/conditional.h"

#include <cstddef>

namespace flywheel::tidy {
namespace {

constexpr int kNone = -1;

struct Branch {
  int chain;
  int parent;  // the branch around it
  bool dead;   // #if 0
};

struct Structure {
  std::vector<Branch> branches;
  std::vector<int> first;  // per chain, the first branch that is not dead
  std::vector<int> home;   // per token, the innermost branch
};

class Reader {
 public:
  explicit Reader(std::span<const Token> tokens) : tokens_(tokens) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i].kind == TokenKind::kHash) Directive(i + 1);
      out_.home.push_back(open_.empty() ? kNone : open_.back());
    }
  }

  Structure out() && { return std::move(out_); }

 private:
  void Directive(std::size_t name) {
    if (name >= tokens_.size() || !tokens_[name].directive) return;
    const std::string_view text = tokens_[name].text;
    if (text == "if" || text == "ifdef" || text == "ifndef") {
      const int parent = open_.empty() ? kNone : open_.back();
      const int chain = static_cast<int>(out_.first.size());
      out_.first.push_back(kNone);
      const bool zero =
          text == "if" && name + 1 < tokens_.size() && tokens_[name + 1].Is("0") &&
          (name + 2 == tokens_.size() || !tokens_[name + 2].directive || tokens_[name + 2].kind == TokenKind::kHash);
      open_.push_back(Add({.chain = chain, .parent = parent, .dead = zero}));
    } else if (text.starts_with("el") && !open_.empty()) {  // else, elif, elifdef, elifndef
      const Branch before = out_.branches[static_cast<std::size_t>(open_.back())];
      open_.back() = Add({.chain = before.chain, .parent = before.parent, .dead = false});
    } else if (text == "endif" && !open_.empty()) {
      open_.pop_back();
    }
  }

  int Add(Branch branch) {
    const int id = static_cast<int>(out_.branches.size());
    int& first = out_.first[static_cast<std::size_t>(branch.chain)];
    if (first == kNone && !branch.dead) first = id;
    out_.branches.push_back(branch);
    return id;
  }

  std::span<const Token> tokens_;
  std::vector<int> open_;  // the branches around the current token, outermost first
  Structure out_;
};

std::vector<Token> Read(std::span<const Token> tokens, const Structure& structure, const std::vector<int>& chosen) {
  std::vector<bool> active;
  for (std::size_t id = 0; id < structure.branches.size(); ++id) {
    const Branch& branch = structure.branches[id];
    active.push_back(chosen[static_cast<std::size_t>(branch.chain)] == static_cast<int>(id) &&
                     (branch.parent == kNone || active[static_cast<std::size_t>(branch.parent)]));
  }
  std::vector<Token> out;
  out.reserve(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const int home = structure.home[i];
    if (!tokens[i].directive && (home == kNone || active[static_cast<std::size_t>(home)])) out.push_back(tokens[i]);
  }
  return out;
}

}  // namespace

std::vector<std::vector<Token>> Readings(std::span<const Token> tokens) {
  const Structure structure = Reader(tokens).out();
  std::vector<std::vector<Token>> readings;
  readings.push_back(Read(tokens, structure, structure.first));
  for (std::size_t id = 0; id < structure.branches.size(); ++id) {
    const Branch& branch = structure.branches[id];
    const auto chain = static_cast<std::size_t>(branch.chain);
    if (branch.dead || structure.first[chain] == static_cast<int>(id)) continue;
    std::vector<int> chosen = structure.first;
    for (int at = static_cast<int>(id); at != kNone; at = structure.branches[static_cast<std::size_t>(at)].parent) {
      chosen[static_cast<std::size_t>(structure.branches[static_cast<std::size_t>(at)].chain)] = at;
    }
    readings.push_back(Read(tokens, structure, chosen));
  }
  return readings;
}

std::vector<std::vector<Token>> MacroBodies(std::span<const Token> tokens) {
  std::vector<std::vector<Token>> bodies;
  for (std::size_t i = 0; i + 2 < tokens.size(); ++i) {
    if (tokens[i].kind != TokenKind::kHash || !tokens[i + 1].Is("define")) continue;
    std::size_t at = i + 3;
    const std::string_view name = tokens[i + 2].text;
    // A parameter list touches the name; anything else, even in parentheses, is the body.
    if (at < tokens.size() && tokens[at].directive && tokens[at].Is("(") &&
        name.data() + name.size() == tokens[at].text.data()) {
      while (at < tokens.size() && tokens[at].directive && !tokens[at].Is(")")) ++at;
      ++at;
    }
    std::vector<Token>& body = bodies.emplace_back();
    for (; at < tokens.size() && tokens[at].directive && tokens[at].kind != TokenKind::kHash; ++at) {
      body.push_back(tokens[at]);
    }
    if (body.empty()) bodies.pop_back();
  }
  return bodies;
}

}  // namespace flywheel::tidy
