#include "tools/tidy/command.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace flywheel::tidy {
namespace {

class Pipe {
 public:
  // Close-on-exec, so that a program which another thread starts meanwhile does not keep the end open.
  Pipe() { good_ = ::pipe2(ends_.data(), O_CLOEXEC) == 0; }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    CloseRead();
    CloseWrite();
  }

  bool good() const { return good_; }
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void CloseRead() { Close(ends_[0]); }
  void CloseWrite() { Close(ends_[1]); }

 private:
  static void Close(int& end) {
    if (end >= 0) ::close(std::exchange(end, -1));
  }

  std::array<int, 2> ends_ = {-1, -1};
  bool good_ = false;
};

std::string ReadAll(int descriptor) {
  std::string text;
  std::array<char, 8192> block;
  while (true) {
    const ssize_t count = ::read(descriptor, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(block.data(), static_cast<std::size_t>(count));
  }
}

Outcome Failed(const std::string& what, int error) {
  return {.exit_code = 127, .output = what + ": " + ::strerror(error)};
}

}  // namespace

Outcome RunCommand(const Command& command) {
  Pipe input;
  Pipe output;
  if (!input.good() || !output.good()) return Failed("pipe", errno);
  if (command.input.size() > kInputBytesMax) return Failed("input of " + command.arguments[0], E2BIG);
  // Before the program exists: nobody can have closed the other end yet, so this neither blocks nor raises SIGPIPE.
  if (::write(input.write_end(), command.input.data(), command.input.size()) < 0) return Failed("write", errno);
  input.CloseWrite();

  ::posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input.read_end(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output.write_end(), STDOUT_FILENO);
  if (command.keep_errors) {
    ::posix_spawn_file_actions_adddup2(&actions, output.write_end(), STDERR_FILENO);
  } else {
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  if (!command.directory.empty()) ::posix_spawn_file_actions_addchdir_np(&actions, command.directory.c_str());

  std::vector<std::string> arguments = command.arguments;
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), ::environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return Failed(command.arguments[0], error);

  output.CloseWrite();
  Outcome outcome;
  outcome.output = ReadAll(output.read_end());
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

}  // namespace flywheel::tidy
