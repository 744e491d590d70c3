#include "tools/tidy/rules.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tools/tidy/sample_test.h"

namespace flywheel::tidy {
namespace {

TEST(RulesTest, FindingsComeInTheOrderOfTheTree) {
  const Tree tree = TreeOf({
      {"flywheel/base/CMakeLists.txt", "flywheel_room(base)\n"},
      {"b.cc", "int x = 0; \nvoid F() { usleep(1); }\n"},
      {"a.cc", "int y = 0;"},
  });
  const Findings findings = CheckText(tree);
  EXPECT_GE(findings.size(), 6U);
  EXPECT_TRUE(std::ranges::is_sorted(findings, [](const Finding& a, const Finding& b) { return a < b; }));
}

TEST(RulesTest, AFindingReadsAsPlaceRuleAndAdvice) {
  const Finding finding{
      .path = "a/x.cc", .line = 7, .rule = "sleep", .what = "it sleeps", .why = "bad", .instead = "wait"};
  EXPECT_EQ(ToString(finding), "a/x.cc:7: sleep: it sleeps; bad; wait");
}

// Files are checked while they are being written: whatever they hold, every rule ends and stays within them.
RC_GTEST_PROP(RulesProperty, AnySequenceOfTokensIsCheckedToItsEnd, ()) {
  const std::vector<std::string> pieces = {
      "class ",
      "struct ",
      "enum ",
      "union ",
      "namespace ",
      "template ",
      "requires ",
      "operator ",
      "static ",
      "extern ",
      "const ",
      "using ",
      "friend ",
      "new ",
      "delete ",
      "Mutex ",
      "x ",
      "Name ",
      "FW_MACRO ",
      "( ",
      ") ",
      "{ ",
      "} ",
      "[ ",
      "] ",
      "< ",
      "> ",
      "; ",
      ": ",
      ":: ",
      ", ",
      "= ",
      "* ",
      "& ",
      "-> ",
      "... ",
      "\n",
      "\\\n",
      "\n#if x",
      "\n#else",
      "\n#endif",
      "\n#define ",
      "\n#include ",
      "\"s\" ",
      "'c' ",
      "1 ",
      "// c",
      "/* ",
      "*/ ",
      "R\"(",
      ")\" ",
      "thread_local ",
      "std::mt19937 ",
  };
  std::string code;
  for (const std::string& piece : *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(pieces)))
    code += piece;
  Findings findings;
  const File file("flywheel/base/x.h", code);
  CheckFile(file, "", findings);
  const int lines = static_cast<int>(file.lines().size());
  // A file that ends too early is told so on the line that is missing.
  for (const Finding& finding : findings) RC_ASSERT(finding.line >= 1 && finding.line <= lines + 1);
}

RC_GTEST_PROP(RulesProperty, AFileCutAnywhereIsCheckedToItsEnd, ()) {
  const std::string whole = R"(
template <typename T>
  requires requires(const T& t) { { t.size() } -> std::same_as<int>; }
class FW_CAPABILITY("x") A final : public B<T>, C {
 public:
  explicit A(int x = [] { static int y = 0; return y; }()) noexcept : B<T>(x), c_{1, {2}} { throw x; }
  A& operator=(const A&) = delete;
  static constexpr std::array<const char*, 2> kNames = {"a", R"q(b)q"};
  void (*f_)(int) = nullptr;
};
#define M(x) static int x##_y
extern "C" { int z; }
auto [p, q] = std::pair{new int(1), '\''};
)";
  const int size = static_cast<int>(whole.size());
  const auto begin = static_cast<std::size_t>(*rc::gen::inRange(0, size));
  const auto end = static_cast<std::size_t>(*rc::gen::inRange(0, size));
  Findings findings;
  CheckFile(File("flywheel/base/x.h", whole.substr(std::min(begin, end), std::max(begin, end) - std::min(begin, end))),
            "", findings);
}

}  // namespace
}  // namespace flywheel::tidy
