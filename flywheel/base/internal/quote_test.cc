#include "flywheel/base/internal/quote.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace flywheel::inline v0::internal {
namespace {

TEST(QuoteTest, KeepsPrintableText) { EXPECT_EQ(Quote("shop.yaml:12 \"x\""), "'shop.yaml:12 \"x\"'"); }

TEST(QuoteTest, EscapesWhatATerminalOrALogWouldActOn) {
  EXPECT_EQ(Quote(std::string_view("a\0\n\x1b[31m\x7f\xff", 10)), "'a\\x00\\x0a\\x1b[31m\\x7f\\xff'");
  EXPECT_EQ(Quote("it's \\x"), "'it\\x27s \\x5cx'") << "so that the quotes are the outer ones";
}

TEST(QuoteTest, CutsWhatIsTooLong) {
  EXPECT_EQ(Quote(std::string(64, 'x')), "'" + std::string(64, 'x') + "'");
  EXPECT_EQ(Quote(std::string(65, 'x')), "'" + std::string(64, 'x') + "...'");
}

}  // namespace
}  // namespace flywheel::inline v0::internal
