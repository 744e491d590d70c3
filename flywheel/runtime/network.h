// Network: stream sockets behind a seam, so that a simulation can delay, cut and reset what passes through them.
//
// A Socket has two faces: Try calls that never wait, for code that batches by itself and waits on readiness(), and
// tasks. It registers with the reactor of the loop on which it is first waited for and stays there; until then it
// may be handed to another loop. Errors carry the peer and the kernel's reason.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>

#include "flywheel/base/endpoint.h"
#include "flywheel/base/status_or.h"
#include "flywheel/runtime/reactor.h"
#include "flywheel/runtime/task.h"

namespace flywheel::inline v0 {

// What a non-blocking call did: `count` bytes, or an errno (EAGAIN: nothing now).
struct IoResult {
  std::size_t count = 0;
  int error = 0;
};

class Socket {
 public:
  // Closes; must not run while a task waits for it.
  virtual ~Socket() = default;

  // A count of 0 with no error is the end of the stream.
  virtual IoResult TryRead(std::span<std::byte> buffer) noexcept = 0;
  // Writes what fits.
  virtual IoResult TryWrite(std::span<const iovec> pieces) noexcept = 0;
  // Sends the end of the stream after what was written; reading goes on.
  virtual Status ShutdownWrite() = 0;
  // Makes the destructor send a reset instead of an orderly end.
  virtual void ResetOnClose() noexcept = 0;
  // The reactor of the current loop watches from the first call on.
  virtual StatusOr<Readiness*> Watch() = 0;
  [[nodiscard]] virtual const Endpoint& peer() const noexcept = 0;
  [[nodiscard]] virtual const Endpoint& local() const noexcept = 0;

  // At least one byte, or 0 at the end of the stream.
  Task<StatusOr<std::size_t>> Read(std::span<std::byte> buffer);
  // All of `bytes`; after a failure an unknown part of it has been sent.
  Task<Status> WriteAll(std::span<const std::byte> bytes);
};

class Listener {
 public:
  // Closes: connections that were not accepted are reset.
  virtual ~Listener() = default;

  // Null when nobody waits to be accepted.
  virtual StatusOr<std::unique_ptr<Socket>> TryAccept() = 0;
  virtual StatusOr<Readiness*> Watch() = 0;
  // With the port that the kernel chose where 0 was asked for.
  [[nodiscard]] virtual const Endpoint& local() const noexcept = 0;

  Task<StatusOr<std::unique_ptr<Socket>>> Accept();
};

struct ListenOptions {
  int backlog = 4096;  // the kernel bounds it by net.core.somaxconn, whose default this is
  bool operator==(const ListenOptions&) const = default;
};

class Network {
 public:
  virtual ~Network() = default;
  // A numeric or unix endpoint; names are resolved by a resolver first. Any thread.
  virtual StatusOr<std::unique_ptr<Listener>> Listen(const Endpoint& endpoint, const ListenOptions& options) = 0;
  virtual Task<StatusOr<std::unique_ptr<Socket>>> Connect(Endpoint endpoint) = 0;

  StatusOr<std::unique_ptr<Listener>> Listen(const Endpoint& endpoint) { return Listen(endpoint, ListenOptions{}); }
};

// The kernel's TCP and unix sockets.
std::unique_ptr<Network> MakeSystemNetwork();

}  // namespace flywheel::inline v0
