#include "tools/tidy/rooms.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/tidy/sample_test.h"

namespace flywheel::tidy {
namespace {

// "line name(argument@line ...)"
std::vector<std::string> Describe(std::string_view text) {
  std::vector<std::string> out;
  for (const CMakeCall& call : ParseCMake(text)) {
    std::string& line = out.emplace_back(std::to_string(call.line) + " " + call.name + "(");
    for (const CMakeArgument& argument : call.arguments) {
      line.append(line.ends_with('(') ? "" : " ")
          .append(argument.text)
          .append("@")
          .append(std::to_string(argument.line));
    }
    line.append(")");
  }
  return out;
}

using Calls = std::vector<std::string>;

TEST(CMakeTest, CommandsArgumentsAndTheirLines) {
  EXPECT_EQ(Describe("a(b c)\nd (\n  e\n\tf)\ng()"), (Calls{"1 a(b@1 c@1)", "2 d(e@3 f@4)", "5 g()"}));
}

TEST(CMakeTest, CommentsAndQuotesAreNoArguments) {
  EXPECT_EQ(Describe("# a(b)\nc(d # e)\n  \"f # (g) \\\" h\" i)#[[ j(k)\n l(m) ]]\nn(#[==[ ]] ]==] o)"),
            (Calls{"2 c(d@2 f # (g) \" h@3 i@3)", "5 n(o@5)"}));
}

TEST(CMakeTest, BracketsListsAndNestedParentheses) {
  EXPECT_EQ(Describe("a([[b ) c]] d;e)\nif((f) AND (g OR h))\ni([x]y)"),
            (Calls{"1 a(b ) c@1 d@1 e@1)", "2 if(f@2 AND@2 g@2 OR@2 h@2)", "3 i([x]y@3)"}));
}

TEST(CMakeTest, BrokenTextEnds) {
  EXPECT_EQ(Describe("a(b \"c").size(), 1U);
  EXPECT_EQ(Describe("a(b [[c").size(), 1U);
  EXPECT_EQ(Describe(")))\"(\\").size(), 0U);
  EXPECT_EQ(Describe("a(\\"), (Calls{"1 a(\\@1)"}));
}

TEST(RoomsTest, ARoomIsReadFromItsDeclaration) {
  const Tree tree = TreeOf({
      {"flywheel/base/CMakeLists.txt",
       "# flywheel_room(not USES this)\nflywheel_room(base LIBRARIES Threads::Threads)\n"},
      {"flywheel/net/CMakeLists.txt",
       "set(x y)\nflywheel_room(net\n  USES base\n    runtime  # why\n  LIBRARIES nghttp2)\n"},
      {"flywheel/net/tls/CMakeLists.txt", "flywheel_room(tls USES net)\n"},
      {"tests/CMakeLists.txt", "flywheel_room(not_here)\n"},
  });
  const std::vector<Room> rooms = RoomsOf(tree);
  ASSERT_EQ(rooms.size(), 3U);
  EXPECT_EQ(rooms[0].name, "base");
  EXPECT_EQ(rooms[0].folder, "flywheel/base");
  EXPECT_EQ(rooms[0].line, 2);
  EXPECT_TRUE(rooms[0].uses.empty());
  EXPECT_EQ(rooms[1].line, 2);
  ASSERT_EQ(rooms[1].uses.size(), 2U);
  EXPECT_EQ(rooms[1].uses[1].text, "runtime");
  EXPECT_EQ(rooms[1].uses[1].line, 4);

  EXPECT_EQ(RoomOf(rooms, "flywheel/base/status.h"), &rooms[0]);
  EXPECT_EQ(RoomOf(rooms, "flywheel/base/internal/x.h"), &rooms[0]);
  EXPECT_EQ(RoomOf(rooms, "flywheel/net/tcp.h"), &rooms[1]);
  EXPECT_EQ(RoomOf(rooms, "flywheel/net/tls/tls.h"), &rooms[2]) << "the innermost one";
  EXPECT_EQ(RoomOf(rooms, "flywheel/network/tcp.h"), nullptr);
  EXPECT_EQ(RoomOf(rooms, "flywheel/base"), nullptr);
  EXPECT_EQ(RoomOf(rooms, "apps/flywheel/base/x.h"), nullptr);
}

}  // namespace
}  // namespace flywheel::tidy
