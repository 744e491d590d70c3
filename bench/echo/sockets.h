// The few socket calls that the echo programs share.
//
// Written on system calls alone, because what compares a server with the floor may not stand on the server's library.
// IPv4 addresses in numbers only: these programs talk over loopback. Every failure says which address or limit it met.
#pragma once

#include <netinet/in.h>

#include <string>
#include <string_view>

#include "flywheel/base/status_or.h"

namespace flywheel::bench::echo {

// Owns a file descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.Release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void Close() { *this = Fd(); }

 private:
  int fd_;
};

// "127.0.0.1:7000".
StatusOr<sockaddr_in> ParseAddress(std::string_view host_port);

// A non-blocking listening socket on `host_port`; port 0 lets the kernel choose.
StatusOr<Fd> Listen(std::string_view host_port);

// The address that a socket is bound to, as ParseAddress reads it.
StatusOr<std::string> BoundAddress(int fd);

// A non-blocking socket with TCP_NODELAY whose connect to `address` has begun.
StatusOr<Fd> StartConnect(const sockaddr_in& address);

// Raises the soft limit of open files to the hard one; RESOURCE_EXHAUSTED if that is below `wanted`.
Status RaiseFileLimit(std::size_t wanted);

}  // namespace flywheel::bench::echo
