#include "flywheel/base/instance_id.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace flywheel::inline v0 {
namespace {

constexpr std::uint64_t kAll = ~std::uint64_t{0};

TEST(InstanceIdTest, IsTheEightyBitsInBase32) {
  EXPECT_EQ(InstanceId::FromRandom(0, 0).text(), "0000000000000000");
  EXPECT_EQ(InstanceId::FromRandom(kAll, kAll).text(), "zzzzzzzzzzzzzzzz");
  EXPECT_EQ(InstanceId::FromRandom(std::uint64_t{1} << 63, 0).text(), "g000000000000000");
  EXPECT_EQ(InstanceId::FromRandom(0, std::uint64_t{1} << 48).text(), "0000000000000001");
  // 5 bits each, in order: 0, 1, 2, ... 15.
  EXPECT_EQ(InstanceId::FromRandom(0x00443214c74254b6, 0x35cf000000000000).text(), "0123456789abcdef");
}

TEST(InstanceIdTest, EveryOneOfTheEightyBitsCounts) {
  const InstanceId zero = InstanceId::FromRandom(0, 0);
  for (int bit = 0; bit < 64; ++bit) {
    EXPECT_NE(InstanceId::FromRandom(std::uint64_t{1} << bit, 0), zero) << bit;
    EXPECT_EQ(InstanceId::FromRandom(0, std::uint64_t{1} << bit) != zero, bit >= 48) << bit;
  }
}

TEST(InstanceIdTest, ReadsWhatAPersonWrote) {
  const InstanceId id = *InstanceId::Parse("01c9k3ztq8w0m5xh");
  EXPECT_EQ(id.text(), "01c9k3ztq8w0m5xh");
  EXPECT_EQ(*InstanceId::Parse("01C9K3ZTQ8W0M5XH"), id);
  EXPECT_EQ(*InstanceId::Parse("oLc9k3ztq8wOm5xh"), id);
  EXPECT_EQ(*InstanceId::Parse("0Ic9k3ztq8w0m5xh"), id);
  EXPECT_EQ(id.ToString(), "01c9k3ztq8w0m5xh");
}

TEST(InstanceIdTest, RefusesTheRest) {
  EXPECT_EQ(InstanceId::Parse("01c9k3ztq8w0m5xu").status(),
            InvalidArgument("instance id: '01c9k3ztq8w0m5xu' has another character at 15; an instance id is "
                            "16 characters of 0-9 and a-z without i, l, o, u"));
  EXPECT_EQ(InstanceId::Parse("").status().code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(InstanceId::Parse("01c9k3ztq8w0m5xhx").ok());
  EXPECT_FALSE(InstanceId::Parse(std::string_view("01c9k3ztq8w0m5x\0", 16)).ok());
  EXPECT_FALSE(InstanceId::Parse("01c9-3ztq8w0m5xh").ok());
}

RC_GTEST_PROP(InstanceIdPropertyTest, ReadsWhatItWritesAndOrdersByValue,
              (std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d)) {
  const InstanceId one = InstanceId::FromRandom(a, b);
  const InstanceId two = InstanceId::FromRandom(c, d);
  RC_ASSERT(*InstanceId::Parse(one.text()) == one);
  RC_ASSERT((one < two) == (a != c ? a < c : b >> 48 < d >> 48));
  RC_ASSERT((one == two) == (std::hash<InstanceId>()(one) == std::hash<InstanceId>()(two)));
}

}  // namespace
}  // namespace flywheel::inline v0
