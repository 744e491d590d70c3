#include "flywheel/runtime/host.h"

#include <unistd.h>

#include <utility>

namespace flywheel::inline v0 {

Host::Host(Parts parts) : parts_(std::move(parts)), signals_(*this, parts_.exit) {}

Host::~Host() = default;

Host::Parts Host::SystemParts(std::string name, int offload_threads) {
  return {.name = std::move(name),
          .seed = SystemSeed(),
          .clock = MakeSystemClock(),
          .environment = MakeSystemEnvironment(),
          .reports = MakeStderrReportSink(),
          .network = MakeSystemNetwork(),
          .offload = MakeThreadOffload(offload_threads),
          .files = MakeSystemFileSystem(),
          .resolver = MakeSystemResolver(),
          .exit = [](int exit_code) { ::_exit(exit_code); }};
}

}  // namespace flywheel::inline v0
