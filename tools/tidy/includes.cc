#include "tools/tidy/includes.h"

#include <cstddef>

namespace flywheel::tidy {

std::vector<Include> IncludesOf(const File& file) {
  std::vector<Include> includes;
  const std::vector<Token>& tokens = file.tokens();
  for (std::size_t i = 0; i + 2 < tokens.size(); ++i) {
    const bool include = tokens[i + 1].Is("include") || tokens[i + 1].Is("include_next") || tokens[i + 1].Is("import");
    if (tokens[i].kind != TokenKind::kHash || !include) continue;
    const Token& name = tokens[i + 2];
    const bool quoted = name.kind == TokenKind::kString;
    const bool known = (quoted || name.kind == TokenKind::kHeaderName) && name.text.size() >= 2;
    includes.push_back({.path = known ? name.text.substr(1, name.text.size() - 2) : std::string_view(),
                        .quoted = quoted,
                        .line = name.line});
  }
  return includes;
}

}  // namespace flywheel::tidy
