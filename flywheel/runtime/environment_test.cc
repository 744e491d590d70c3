#include "flywheel/runtime/environment.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <utility>
#include <vector>

namespace flywheel::inline v0 {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

TEST(EnvironmentTest, FixedContents) {
  const auto environment = MakeFixedEnvironment({{"B", "2"}, {"A", "1"}, {"AB", ""}, {"A=", "x"}});
  EXPECT_EQ(environment->Get("A"), "1");
  EXPECT_EQ(environment->Get("AB"), "");
  EXPECT_EQ(environment->Get("C"), std::nullopt);
  EXPECT_EQ(environment->Get(""), std::nullopt);
  EXPECT_EQ(environment->List("A"), (Variables{{"A", "1"}, {"A=", "x"}, {"AB", ""}}));
  EXPECT_EQ(environment->List("B"), (Variables{{"B", "2"}}));
  EXPECT_EQ(environment->List("").size(), 4u);
  EXPECT_TRUE(environment->List("C").empty());
}

TEST(EnvironmentTest, SystemsIsACopyOfItsTime) {
  ASSERT_EQ(::setenv("FLYWHEEL_ENVIRONMENT_TEST", "before=1", 1), 0);
  const auto environment = MakeSystemEnvironment();
  ASSERT_EQ(::setenv("FLYWHEEL_ENVIRONMENT_TEST", "after", 1), 0);
  EXPECT_EQ(environment->Get("FLYWHEEL_ENVIRONMENT_TEST"), "before=1");
  ASSERT_EQ(::unsetenv("FLYWHEEL_ENVIRONMENT_TEST"), 0);
  EXPECT_EQ(environment->Get("FLYWHEEL_ENVIRONMENT_TEST"), "before=1");
  EXPECT_EQ(MakeSystemEnvironment()->Get("FLYWHEEL_ENVIRONMENT_TEST"), std::nullopt);
}

}  // namespace
}  // namespace flywheel::inline v0
