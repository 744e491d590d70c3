#include "tools/tidy/documents.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tools/tidy/sample_test.h"

namespace flywheel::tidy {
namespace {

Places LinksIn(const std::string& path, const std::string& text) {
  const Tree tree = TreeOf({
      {"README.md", ""},
      {"ARCHITECTURE.md", ""},
      {"docs/guide.md", ""},
      {"docs/a b.md", ""},
      {"docs/x(1).md", ""},
      {"flywheel/base/README.md", ""},
  });
  const File file(path, text);
  Findings findings;
  CheckLinks(tree, file, findings);
  return PlacesOf(findings);
}

TEST(LinksTest, LinksThatHit) {
  EXPECT_EQ(LinksIn("README.md",
                    "[a](ARCHITECTURE.md) [b](docs/guide.md#part) ![c](./docs/guide.md) [d](docs) [e](docs/)\n"
                    "[f](#here) [g](https://example.org/x.md) [h](mailto:x@example.org) [i](flywheel/base/)\n"
                    "[j](<docs/a b.md>) [k](docs/a%20b.md) [l](docs/guide.md \"title\") [m](docs/x(1).md) [n](.)\n"
                    "[o]: docs/guide.md\n[p](/docs/guide.md) [q](docs/../README.md) []()\n"),
            Places{});
  EXPECT_EQ(
      LinksIn("docs/guide.md", "[a](../README.md) [b](guide.md) [c](../flywheel/base/README.md) [d](/README.md)\n"),
      Places{});
}

TEST(LinksTest, LinksThatMiss) {
  const Places expected = {{1, "link"}, {2, "link"}, {3, "link"}, {4, "link"}, {5, "link"}, {6, "link"}, {7, "link"}};
  EXPECT_EQ(LinksIn("docs/guide.md",
                    "[a](README.md)\n"
                    "text ![b](missing.png) text\n"
                    "[c](../../README.md)\n"
                    "[d]: nowhere.md\n"
                    "[e](<a  b.md>)\n"
                    "[f](gui) [fine](guide.md)\n"
                    "[g](/guide.md#part)\n"),
            expected);
}

TEST(LinksTest, EachLinkOfALineIsLookedAt) {
  const Tree tree = TreeOf({{"README.md", ""}});
  Findings findings;
  CheckLinks(tree, File("README.md", "[a](README.md), [b](x.md) and [c](y.md)\n"), findings);
  EXPECT_EQ(findings.size(), 2U);
}

TEST(LinksTest, CodeHoldsNoLinks) {
  EXPECT_EQ(LinksIn("README.md",
                    "```cpp\n[a](missing)\n```\n~~~\n```\n[b](missing)\n~~~\n`[c](missing)` ``[d](`missing)``\n"
                    "````md\n```\n[e](missing)\n```\n````\n  ```\n  [f](missing)\n  ```\n"),
            Places{});
  EXPECT_EQ(LinksIn("README.md", "```\ncode\n```\n[a](missing)\n`open [b](missing)\n"),
            (Places{{4, "link"}, {5, "link"}}));
}

TEST(LinksTest, OnlyMarkdownIsRead) { EXPECT_EQ(LinksIn("flywheel/base/x.cc", "a[i](missing)\n"), Places{}); }

std::string Lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "line\n";
  return text;
}

TEST(ReadmeTest, EachRoomHasAShortOne) {
  const std::string room = "\nflywheel_room(base)\n";
  const auto check = [&](const Tree& tree) {
    Findings findings;
    CheckReadmes(tree, findings);
    return WhereOf(findings);
  };
  using Where = std::set<std::string>;
  EXPECT_EQ(check(TreeOf({{"flywheel/base/CMakeLists.txt", room}})), Where{"flywheel/base/CMakeLists.txt:2"});
  EXPECT_EQ(check(TreeOf({{"flywheel/base/CMakeLists.txt", room}, {"flywheel/base/README.md", Lines(39)}})), Where{});
  EXPECT_EQ(check(TreeOf({{"flywheel/base/CMakeLists.txt", room}, {"flywheel/base/README.md", Lines(40)}})),
            Where{"flywheel/base/README.md:40"});
  EXPECT_EQ(check(TreeOf({{"bench/CMakeLists.txt", "add_library(x)\n"}})), Where{});
}

}  // namespace
}  // namespace flywheel::tidy
