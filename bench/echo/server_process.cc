#include "bench/echo/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "bench/clocks.h"

namespace flywheel::bench::echo {
namespace {

// True if `fd` becomes readable before `end`.
bool AwaitReadable(int fd, Instant end) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - MonotonicTime());
    if (left.count() <= 0) return false;
    pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = poll(&wait, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// What exec wants: pointers into `words`, and a null at the end.
std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Between fork and exec, where only async-signal-safe calls are allowed.
[[noreturn]] void RunChild(char* const* argv, char* const* environment, int output, std::optional<int> cpu,
                           pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(126);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (cpu) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(static_cast<std::size_t>(*cpu), &only);
    if (sched_setaffinity(0, sizeof only, &only) != 0) _exit(125);
  }
  dup2(output, STDOUT_FILENO);
  execve(argv[0], argv, environment);
  _exit(127);
}

}  // namespace

StatusOr<ServerProcess> ServerProcess::Start(const std::vector<std::string>& command, const LaunchOptions& options) {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  std::vector<std::string> words = command;
  const std::vector<char*> argv = Pointers(words);
  std::vector<std::string> variables = options.environment;  // the first of a name wins
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  const std::vector<char*> environment = Pointers(variables);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return ErrnoStatus(errno, "fork");
  if (pid == 0) RunChild(argv.data(), environment.data(), write_end.get(), options.cpu, parent);

  write_end.Close();  // else its end would never be seen

  ServerProcess server(std::filesystem::path(command.front()).filename(), pid, std::move(read_end));
  FW_RETURN_IF_ERROR(server.AwaitAddress(options.patience));
  return server;
}

ServerProcess::ServerProcess(ServerProcess&& other) noexcept
    : name_(std::move(other.name_)),
      pid_(std::exchange(other.pid_, 0)),
      output_(std::move(other.output_)),
      address_(std::move(other.address_)) {}

ServerProcess::~ServerProcess() {
  if (pid_ != 0) Kill();
}

void ServerProcess::Signal(int signal) const {
  if (pid_ != 0) kill(pid_, signal);
}

void ServerProcess::Kill() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

// Reads until the first whole line, which has to be the announcement.
Status ServerProcess::AwaitAddress(Duration patience) {
  constexpr std::size_t kLineMax = 4096;
  constexpr std::string_view kMark = ": listening on ";
  const Instant end = MonotonicTime() + patience;
  std::string line;
  while (!line.contains('\n')) {
    if (!AwaitReadable(output_.get(), end)) {
      return DeadlineExceeded(name_ + " did not print its address within " +
                              std::to_string(patience / std::chrono::milliseconds(1)) + " ms");
    }
    std::array<char, 256> buffer;
    const ssize_t got = read(output_.get(), buffer.data(), buffer.size());
    if (got <= 0 || line.size() > kLineMax) {
      return Unavailable(name_ + " ended or printed something else before its address; run it by hand to see why");
    }
    line.append(buffer.data(), static_cast<std::size_t>(got));
  }
  line.resize(line.find('\n'));
  const std::size_t mark = line.find(kMark);
  if (mark == std::string::npos) return Internal(name_ + " printed '" + line + "' instead of its address");
  address_ = line.substr(mark + kMark.size());
  return Status::Ok();
}

StatusOr<int> ServerProcess::Wait(Duration patience) {
  if (pid_ == 0) return FailedPrecondition(name_ + " has already ended");
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (!process.valid()) return ErrnoStatus(errno, "pidfd_open");
  if (!AwaitReadable(process.get(), MonotonicTime() + patience)) {
    Kill();
    return DeadlineExceeded(name_ + " still ran after " + std::to_string(patience / std::chrono::milliseconds(1)) +
                            " ms and was killed");
  }
  int state = 0;
  waitpid(std::exchange(pid_, 0), &state, 0);
  return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

Status ServerProcess::Stop() {
  Signal(SIGTERM);
  FW_ASSIGN_OR_RETURN(const int code, Wait());
  if (code != 0) return Internal(name_ + " ended with code " + std::to_string(code) + " after SIGTERM; it should be 0");
  return Status::Ok();
}

}  // namespace flywheel::bench::echo
