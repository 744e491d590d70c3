#include "bench/allocation_meter.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace flywheel::bench {
namespace {

std::string Beside(const std::string& name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

AllocationMeter CreateMeter() { return AllocationMeter::Create(Beside("libflywheel_bench_allocations.so")).value(); }

// Runs `command` with the meter's environment; the shell that starts it has it not.
int RunMetered(const AllocationMeter& meter, const std::string& command) {
  std::string line = "env";
  for (const std::string& variable : meter.environment()) line += " '" + variable + "'";
  return std::system((line + " " + command).c_str());
}

TEST(AllocationMeterTest, CountsEveryAllocationOfAnotherProcessOnAllItsThreads) {
  const auto allocations_of = [](int times) {
    const AllocationMeter meter = CreateMeter();
    EXPECT_EQ(RunMetered(meter, Beside("allocating_program") + " " + std::to_string(times)), 0);
    return meter.Read().value();
  };
  // Starting a process and a thread allocates as well, each time the same.
  const Allocations difference = allocations_of(31'000) - allocations_of(1'000);
  EXPECT_EQ(difference, (Allocations{30'000, 3'000'000}));
}

TEST(AllocationMeterTest, AProgramThatDoesNotCountIsAnErrorAndNotZero) {
  const AllocationMeter meter = CreateMeter();
  EXPECT_EQ(meter.Read().status().code(), StatusCode::kFailedPrecondition) << "before it was started";
  ASSERT_EQ(std::system("true"), 0);
  EXPECT_EQ(meter.Read().status().code(), StatusCode::kFailedPrecondition) << "started without the environment";
  ASSERT_EQ(RunMetered(meter, Beside("harness_bench") + " --list 2>&1 | grep -q 'counting nothing'"), 0);
  EXPECT_EQ(meter.Read().status().code(), StatusCode::kFailedPrecondition) << "a program with its own malloc";
  ASSERT_EQ(RunMetered(meter, "true"), 0);
  EXPECT_GT(meter.Read().value().calls, 0U);
}

TEST(AllocationMeterTest, AMissingLibraryIsAnError) {
  const Status status = AllocationMeter::Create("/no/such/library.so").status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_TRUE(status.message().contains("/no/such/library.so"));
}

}  // namespace
}  // namespace flywheel::bench
