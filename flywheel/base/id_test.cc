#include "flywheel/base/id.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace flywheel::inline v0 {
namespace {

// The example of W3C trace context.
constexpr std::string_view kTraceId = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr std::string_view kSpanId = "00f067aa0ba902b7";

static_assert(!Id64().valid() && !Id128().valid());
static_assert(!std::is_convertible_v<std::uint64_t, Id64>, "a number is no id by accident");
static_assert(Id64::FromRandom(0).valid() && Id128::FromRandom(0, 0).valid());
static_assert(Id64::FromRandom(7).value() == 7);
static_assert(Id128::FromRandom(0, 7) == Id128(0, 7) && Id128::FromRandom(7, 0) == Id128(7, 0));

TEST(IdTest, ReadsAndWritesTheExampleOfTheStandard) {
  const StatusOr<Id128> trace = Id128::Parse(kTraceId);
  const StatusOr<Id64> span = Id64::Parse(kSpanId);
  ASSERT_TRUE(trace.ok());
  ASSERT_TRUE(span.ok());
  EXPECT_EQ(trace->high(), 0x4bf92f3577b34da6u);
  EXPECT_EQ(trace->low(), 0xa3ce929d0e0e4736u);
  EXPECT_EQ(span->value(), 0x00f067aa0ba902b7u);
  EXPECT_EQ(trace->ToString(), kTraceId);
  EXPECT_EQ(span->ToString(), kSpanId);
}

TEST(IdTest, FormatsIntoTheCallersBufferAndNowhereElse) {
  std::array<char, 34> buffer;
  buffer.fill('#');
  Id128(1, 0xabcdef).Format(std::span<char, 32>(buffer.data() + 1, 32));
  EXPECT_EQ(std::string_view(buffer.data(), 34), "#00000000000000010000000000abcdef#");
}

TEST(IdTest, OnlyLowerCaseIsStrict) {
  const std::string upper = "4BF92F3577B34DA6A3CE929D0E0E4736";
  EXPECT_FALSE(Id128::Parse(upper).ok());
  EXPECT_FALSE(Id64::Parse("00F067AA0BA902B7").ok());
  EXPECT_EQ(Id128::ParseAnyCase(upper)->ToString(), kTraceId);
  EXPECT_EQ(Id64::ParseAnyCase("00F067aa0ba902b7")->ToString(), kSpanId);
}

TEST(IdTest, RefusesEveryOtherByteAtEveryPlace) {
  for (std::size_t place = 0; place < kTraceId.size(); ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text(kTraceId);
      text[place] = static_cast<char>(byte);
      const bool lower = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
      const bool upper = byte >= 'A' && byte <= 'F';
      ASSERT_EQ(Id128::Parse(text).ok(), lower) << place << " " << byte;
      ASSERT_EQ(Id128::ParseAnyCase(text).ok(), lower || upper) << place << " " << byte;
      ASSERT_EQ(Id64::Parse(text.substr(16)).ok(), place < 16 || lower) << place << " " << byte;
    }
  }
}

TEST(IdTest, RefusalsSayWhatIsWrongAndWhatIsRight) {
  EXPECT_EQ(Id64::Parse("").status(),
            InvalidArgument("id: '' has 0 characters; an id is 16 lower-case hex digits, not all zero"));
  EXPECT_EQ(Id64::Parse("00f067aa0ba902b7\n").status().message(),
            "id: '00f067aa0ba902b7\\x0a' has 17 characters; an id is 16 lower-case hex digits, not all zero");
  EXPECT_EQ(Id64::Parse("00F067aa0ba902b7").status().message(),
            "id: '00F067aa0ba902b7' has another character at 2; an id is 16 lower-case hex digits, not all zero");
  EXPECT_EQ(Id128::ParseAnyCase(std::string(32, '0')).status().message(),
            "id: '00000000000000000000000000000000' is all zero; an id is 32 hex digits, not all zero");
  EXPECT_EQ(Id128::Parse(kSpanId).status().code(), StatusCode::kInvalidArgument);
  EXPECT_LT(Id128::Parse(std::string(100'000, 'x')).status().message().size(), 200);
}

TEST(IdTest, OrdersLikeItsText) {
  const std::vector<Id128> ids = {Id128(), Id128(0, 1), Id128(0, ~0ull), Id128(1, 0), Id128(1, 5), Id128(~0ull, 0)};
  for (const Id128& a : ids) {
    for (const Id128& b : ids) {
      EXPECT_EQ(a <=> b, a.ToString() <=> b.ToString());
      EXPECT_EQ(a == b, a.ToString() == b.ToString());
    }
  }
  EXPECT_LT(Id64(1), Id64(2));
}

// What a table with a power of two of buckets sees: the low bits.
TEST(IdTest, HashesOfIdsThatAreNotRandomDifferInTheLowBits) {
  std::unordered_set<std::size_t> low_64;
  std::unordered_set<std::size_t> low_128;
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    low_64.insert(std::hash<Id64>()(Id64(i << 40)) % 4096);
    low_128.insert(std::hash<Id128>()(Id128(i << 40, 7)) % 4096);
  }
  // Of 1000 balls in 4096 bins, 887 bins are hit on average, with a standard deviation of about 9.
  EXPECT_GT(low_64.size(), 850);
  EXPECT_GT(low_128.size(), 850);
  EXPECT_NE(std::hash<Id128>()(Id128(1, 2)), std::hash<Id128>()(Id128(2, 1)));
}

RC_GTEST_PROP(IdPropertyTest, ReadsWhatItWrites, (std::uint64_t high, std::uint64_t low)) {
  RC_PRE((high | low) != 0);
  const Id128 id(high, low);
  RC_ASSERT(id.ToString().size() == Id128::kHexChars);
  RC_ASSERT(*Id128::Parse(id.ToString()) == id);
  RC_PRE(low != 0);
  RC_ASSERT(*Id64::Parse(Id64(low).ToString()) == Id64(low));
}

}  // namespace
}  // namespace flywheel::inline v0
