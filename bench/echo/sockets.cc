#include "bench/echo/sockets.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace flywheel::bench::echo {
namespace {

// Connections that may wait for accept: more than any load here opens at once, so that none is dropped and retried.
constexpr int kBacklog = 4096;

Status SetFlag(int fd, int level, int name, const char* what) {
  const int on = 1;
  if (setsockopt(fd, level, name, &on, sizeof on) != 0) return ErrnoStatus(errno, what);
  return Status::Ok();
}

StatusOr<Fd> TcpSocket() {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "socket");
  return fd;
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = other.Release();
  }
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

StatusOr<sockaddr_in> ParseAddress(std::string_view host_port) {
  const std::size_t colon = host_port.rfind(':');
  const std::string_view port_text = colon == std::string_view::npos ? "" : host_port.substr(colon + 1);
  const std::string host(host_port.substr(0, colon));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (port_text.empty() || error != std::errc() || end != port_text.data() + port_text.size() ||
      inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return InvalidArgument("address '" + std::string(host_port) + "': give numbers, such as 127.0.0.1:7000");
  }
  address.sin_port = htons(port);
  return address;
}

StatusOr<Fd> Listen(std::string_view host_port) {
  FW_ASSIGN_OR_RETURN(const sockaddr_in address, ParseAddress(host_port));
  FW_ASSIGN_OR_RETURN(Fd fd, TcpSocket());
  FW_RETURN_IF_ERROR(SetFlag(fd.get(), SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR"));
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return ErrnoStatus(errno, "bind " + std::string(host_port));
  }
  if (listen(fd.get(), kBacklog) != 0) return ErrnoStatus(errno, "listen " + std::string(host_port));
  return fd;
}

StatusOr<std::string> BoundAddress(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return ErrnoStatus(errno, "getsockname");
  char host[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &address.sin_addr, host, sizeof host);
  return std::string(host) + ":" + std::to_string(ntohs(address.sin_port));
}

StatusOr<Fd> StartConnect(const sockaddr_in& address) {
  FW_ASSIGN_OR_RETURN(Fd fd, TcpSocket());
  FW_RETURN_IF_ERROR(SetFlag(fd.get(), IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY"));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS) {
    return ErrnoStatus(errno, "connect");
  }
  return fd;
}

Status RaiseFileLimit(std::size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return ErrnoStatus(errno, "getrlimit");
  if (limit.rlim_max < wanted) {
    return ResourceExhausted("the hard limit of open files is " + std::to_string(limit.rlim_max) + ", " +
                             std::to_string(wanted) + " are needed; raise it (ulimit -Hn) or use fewer connections");
  }
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return ErrnoStatus(errno, "setrlimit");
  return Status::Ok();
}

}  // namespace flywheel::bench::echo
