#include "flywheel/base/check.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "flywheel/base/internal/allocation_count.h"
#include "flywheel/base/status.h"

namespace flywheel::inline v0 {
namespace {

// Leaves without a return after a failed check: that this compiles says that the compiler knows it does not come back.
int OnlyOne(int value) {
  if (value == 1) return 1;
  FW_CHECK(false) << "value is " << value;
}

bool Yes() { return true; }

struct Described {
  std::string ToString() const { return "described"; }
};

// The first line of what a dying process says must be exactly `expected`.
class FirstLineIs : public testing::MatcherInterface<const std::string&> {
 public:
  explicit FirstLineIs(std::string expected) : expected_(std::move(expected)) {}
  bool MatchAndExplain(const std::string& text, testing::MatchResultListener* listener) const override {
    const std::string line = text.substr(0, text.find('\n'));
    *listener << "whose first line has " << line.size() << " characters: " << line;
    return line == expected_;
  }
  void DescribeTo(std::ostream* out) const override { *out << "starts with the line " << expected_; }

 private:
  std::string expected_;
};
testing::Matcher<const std::string&> SaysFirst(std::string line) {
  return testing::MakeMatcher(new FirstLineIs(std::move(line)));  // tidy: MakeMatcher owns it
}

TEST(CheckDeathTest, SaysWhereWhatAndTheState) {
  const int count = 3;
  EXPECT_EXIT(FW_CHECK(count == 4) << "count=" << count, testing::KilledBySignal(SIGABRT),
              "^flywheel: check failed: count == 4 at .*base/check_test\\.cc:[0-9]+ count=3\n");
}

TEST(CheckDeathTest, PrintsEveryKindOfState) {
  const int* const null = nullptr;
  const char* const no_text = nullptr;
  EXPECT_DEATH(FW_CHECK(false) << std::numeric_limits<std::int64_t>::min() << ' '
                               << std::numeric_limits<std::uint64_t>::max() << ' ' << std::uint8_t{200} << ' '
                               << std::int8_t{-5} << ' ' << 'c' << ' ' << true << false << ' ' << 0.5 << ' ' << 2.5F
                               << ' ' << null << ' ' << std::string("string") << ' ' << std::string_view("view") << ' '
                               << no_text << ' ' << Described() << ' ' << NotFound("gone"),
               " -9223372036854775808 18446744073709551615 200 -5 c truefalse 0.5 2.5 \\(nil\\) string view \\(null\\) "
               "described NOT_FOUND: gone\n");
}

TEST(CheckDeathTest, PrintsABacktrace) { EXPECT_DEATH(OnlyOne(2), "value is 2\n(.*\n)*.*_test"); }

TEST(CheckDeathTest, CutsALongStateAndStillEndsTheLine) {
  std::string expected = "flywheel: check failed: c at f:1 ";
  expected.append(2047 - expected.size(), 'x');
  EXPECT_DEATH(internal::CheckFailure("c", "f", 1) << std::string(5000, 'x') << "never seen", SaysFirst(expected));
}

// gtest allocates before the statement runs in the child, so the count begins in the condition itself.
bool BeginsToCount(std::uint64_t& before) {
  before = internal::AllocationCount();
  return true;
}

TEST(CheckDeathTest, DoesNotAllocateToPrint) {
  std::uint64_t before = 0;
  EXPECT_DEATH(FW_CHECK(!BeginsToCount(before)) << "text" << 12345678901 << 0.25 << &before
                                                << " allocations=" << internal::AllocationCount() - before,
               " allocations=0\n");
}

TEST(CheckTest, EvaluatesTheConditionOnceAndTheStateNeverIfItHolds) {
  int conditions = 0;
  int states = 0;
  FW_CHECK(++conditions == 1) << ++states;
  EXPECT_EQ(conditions, 1);
  EXPECT_EQ(states, 0);
  EXPECT_EQ(OnlyOne(1), 1);
}

TEST(CheckTest, IsOneStatementThatTakesNoElse) {
  bool reached = false;
  if (Yes())
    FW_CHECK(true);
  else
    reached = true;
  EXPECT_FALSE(reached);
  for (int i = 0; i < 3; ++i) FW_CHECK(i < 3) << i;
}

#ifdef NDEBUG
TEST(CheckTest, DebugCheckCostsNothingInARelease) {
  int evaluated = 0;
  FW_DCHECK(++evaluated == 99) << ++evaluated;
  EXPECT_EQ(evaluated, 0);
}
#else
TEST(CheckDeathTest, DebugCheckIsACheckOtherwise) {
  int evaluated = 0;
  FW_DCHECK(++evaluated == 1) << "never";
  EXPECT_EQ(evaluated, 1);
  EXPECT_DEATH(FW_DCHECK(evaluated == 2) << "evaluated " << evaluated, "evaluated == 2 at .* evaluated 1\n");
}
#endif

}  // namespace
}  // namespace flywheel::inline v0
