// A server as a child process: started, awaited until it says where it listens, pinned to a CPU, stopped with SIGTERM.
//
// Every echo server here takes `--listen 127.0.0.1:0` and prints `NAME: listening on 127.0.0.1:PORT` once it accepts.
// The child gets SIGKILL when its parent dies, and when this object goes before Stop was called.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "bench/echo/sockets.h"
#include "flywheel/base/status_or.h"
#include "flywheel/base/time.h"

namespace flywheel::bench::echo {

struct LaunchOptions {
  std::optional<int> cpu{};                      // the only one that it may use
  std::vector<std::string> environment{};        // NAME=value, besides those of this process
  Duration patience = std::chrono::seconds(10);  // for its first line
};

class ServerProcess {
 public:
  // `command` is the program and its arguments. DEADLINE_EXCEEDED if it does not say where it listens in time.
  static StatusOr<ServerProcess> Start(const std::vector<std::string>& command, const LaunchOptions& options = {});
  ServerProcess(ServerProcess&& other) noexcept;
  ServerProcess& operator=(ServerProcess&&) = delete;
  ~ServerProcess();

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  void Signal(int signal) const;

  // Awaits the end and returns the exit code, or 128 + the signal that ended it. DEADLINE_EXCEEDED if it still runs
  // after `patience`; it is then killed.
  StatusOr<int> Wait(Duration patience = std::chrono::seconds(10));
  // SIGTERM, then Wait; a code other than 0 is INTERNAL.
  Status Stop();

 private:
  ServerProcess(std::string name, pid_t pid, Fd output)
      : name_(std::move(name)), pid_(pid), output_(std::move(output)) {}
  Status AwaitAddress(Duration patience);
  void Kill();

  std::string name_;
  pid_t pid_;  // 0 once it was reaped
  Fd output_;  // the end of its stdout that we read; kept open so that it may go on printing
  std::string address_;
};

}  // namespace flywheel::bench::echo
