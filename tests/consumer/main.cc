// Uses the installed package the way a service outside the tree does. tests/consumer/check.cmake compares the output.
#include <cstdio>
#include <string>

#include "flywheel/base/status.h"
#include "flywheel/base/status_or.h"
#include "flywheel/runtime/runtime.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/timeout.h"
#include "flywheel/testing/simulate.h"

namespace {

flywheel::StatusOr<int> ParsePort(const std::string& text) {
  int port = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9')
      return flywheel::InvalidArgument("port '" + text + "' is not a number; use 1..65535");
    port = port * 10 + (digit - '0');
    if (port > 65535) return flywheel::OutOfRange("port '" + text + "' exceeds 65535; use 1..65535");
  }
  return port;
}

flywheel::Status Describe(const std::string& text) {
  FW_ASSIGN_OR_RETURN(const int port, ParsePort(text));
  std::printf("port %d\n", port);
  return flywheel::Status::Ok();
}

flywheel::Task<flywheel::StatusOr<int>> Double(int value) {
  FW_CO_RETURN_IF_ERROR(co_await flywheel::Sleep(std::chrono::milliseconds(1)));
  co_return 2 * value;
}

flywheel::Task<flywheel::Status> DoubleAtOnce() {
  auto [one, two] = co_await flywheel::WhenAll(Double(1), Double(2));
  FW_CO_ASSIGN_OR_RETURN(const int first, std::move(one));
  FW_CO_ASSIGN_OR_RETURN(const int second, std::move(two));
  std::printf("doubled %d and %d\n", first, second);
  co_return co_await flywheel::Timeout(std::chrono::milliseconds(5), []() -> flywheel::Task<flywheel::Status> {
    co_return co_await flywheel::Sleep(std::chrono::hours(1));
  }());
}

}  // namespace

int main() {
  for (const char* text : {"8080", "80x", "70000"}) {
    if (const flywheel::Status status = Describe(text); !status.ok()) std::printf("%s\n", status.ToString().c_str());
  }
  const auto runtime = flywheel::Runtime::Create({.name = "consumer", .loops = 2});
  if (!runtime.ok()) return 1;
  std::printf("%s\n", (*runtime)->BlockOn(DoubleAtOnce()).ToString().c_str());
  const flywheel::Status simulated = flywheel::testing::Simulate(
      [](flywheel::testing::World& world) {
        return world.Run(world.AddHost(), DoubleAtOnce()).code() == flywheel::StatusCode::kDeadlineExceeded
                   ? flywheel::Status::Ok()
                   : flywheel::Internal("the deadline did not pass");
      },
      {.count = 2});
  std::printf("simulated: %s\n", simulated.ToString().c_str());
  return 0;
}
