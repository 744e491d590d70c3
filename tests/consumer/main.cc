// Uses the installed package the way a service outside the tree does. tests/consumer/check.cmake compares the output.
#include <cstdio>
#include <string>

#include "flywheel/base/status.h"
#include "flywheel/base/status_or.h"

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

}  // namespace

int main() {
  for (const char* text : {"8080", "80x", "70000"}) {
    if (const flywheel::Status status = Describe(text); !status.ok()) std::printf("%s\n", status.ToString().c_str());
  }
  return 0;
}
