#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <utility>

#include "flywheel/runtime/descriptor.h"
#include "flywheel/runtime/loop.h"
#include "flywheel/runtime/network.h"

namespace flywheel::inline v0 {
namespace {

// A descriptor that some loop's reactor watches, from the first wait on.
class Watched {
 public:
  explicit Watched(Descriptor descriptor) noexcept : descriptor_(std::move(descriptor)) {}
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() { Unwatch(); }

  [[nodiscard]] int get() const noexcept { return descriptor_.get(); }
  Readiness& readiness() noexcept { return readiness_; }
  StatusOr<Readiness*> Watch() {
    if (reactor_ == nullptr) {
      FW_CHECK(Loop::current() != nullptr) << "a socket is waited for outside a loop";
      Reactor& reactor = Loop::current()->reactor();
      FW_RETURN_IF_ERROR(reactor.Watch(descriptor_.get(), readiness_));
      reactor_ = &reactor;
    }
    FW_DCHECK(reactor_ == &Loop::current()->reactor()) << "a socket is waited for on two loops";
    return &readiness_;
  }

  // The descriptor, no longer watched.
  Descriptor Take() noexcept {
    Unwatch();
    return std::move(descriptor_);
  }

 private:
  // Closing would do, were there no forked child that holds the same description.
  void Unwatch() noexcept {
    if (reactor_ != nullptr) std::exchange(reactor_, nullptr)->Unwatch(descriptor_.get());
  }

  Descriptor descriptor_;
  Readiness readiness_;
  Reactor* reactor_ = nullptr;
};

StatusOr<Endpoint> NameOf(int descriptor, decltype(&::getsockname) query) {
  SocketAddress address{.storage = {}, .length = sizeof(sockaddr_storage)};
  if (query(descriptor, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0) {
    return ErrnoStatus(errno, "asking for the name of a socket");
  }
  return Endpoint::FromSockaddr(address.get(), address.length);
}

class SystemSocket final : public Socket {
 public:
  // `known` is the end that has a name for sure; an end without one, as unix clients are, is called by the other's.
  SystemSocket(Descriptor descriptor, const Endpoint& known)
      : descriptor_(std::move(descriptor)),
        peer_(NameOf(descriptor_.get(), &::getpeername).value_or(known)),
        local_(NameOf(descriptor_.get(), &::getsockname).value_or(known)) {
    // Small replies must not wait for the acknowledgement of earlier ones; no effect on unix sockets.
    const int on = 1;
    ::setsockopt(descriptor_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }

  IoResult TryRead(std::span<std::byte> buffer) noexcept override {
    for (;;) {
      const auto count = ::recv(descriptor_.get(), buffer.data(), buffer.size(), 0);
      if (count >= 0) {
        // A short read has emptied the socket; the next byte makes an edge (epoll(7), question 9).
        if (static_cast<std::size_t>(count) < buffer.size()) descriptor_.readiness().ClearReadable();
        return {.count = static_cast<std::size_t>(count), .error = 0};
      }
      if (errno == EINTR) continue;
      if (errno == EAGAIN) descriptor_.readiness().ClearReadable();
      return {.count = 0, .error = errno};
    }
  }

  IoResult TryWrite(std::span<const iovec> pieces) noexcept override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    for (;;) {
      const auto count = ::sendmsg(descriptor_.get(), &message, MSG_NOSIGNAL);
      if (count >= 0) return {.count = static_cast<std::size_t>(count), .error = 0};
      if (errno == EINTR) continue;
      if (errno == EAGAIN) descriptor_.readiness().ClearWritable();
      return {.count = 0, .error = errno};
    }
  }

  Status ShutdownWrite() override {
    if (::shutdown(descriptor_.get(), SHUT_WR) == 0) return Status::Ok();
    return ErrnoStatus(errno, "ending the stream to " + peer_.ToString());
  }

  void ResetOnClose() noexcept override {
    const linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  }

  StatusOr<Readiness*> Watch() override { return descriptor_.Watch(); }
  [[nodiscard]] const Endpoint& peer() const noexcept override { return peer_; }
  [[nodiscard]] const Endpoint& local() const noexcept override { return local_; }

 private:
  Watched descriptor_;
  Endpoint peer_;
  Endpoint local_;
};

class SystemListener final : public Listener {
 public:
  SystemListener(Descriptor descriptor, Endpoint local) noexcept
      : descriptor_(std::move(descriptor)), local_(std::move(local)) {}

  StatusOr<std::unique_ptr<Socket>> TryAccept() override {
    for (;;) {
      Descriptor accepted(::accept4(descriptor_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (accepted.valid()) {
        return std::unique_ptr<Socket>(std::make_unique<SystemSocket>(std::move(accepted), local_));
      }
      // The connection was reset while it waited, or accept(2) reports an error of the network: take the next one.
      if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO || errno == ENETDOWN || errno == EHOSTUNREACH ||
          errno == ENETUNREACH || errno == EHOSTDOWN || errno == ENOPROTOOPT) {
        continue;
      }
      if (errno == EAGAIN) {
        descriptor_.readiness().ClearReadable();
        return std::unique_ptr<Socket>();
      }
      return ErrnoStatus(errno, "accepting on " + local_.ToString());
    }
  }

  StatusOr<Readiness*> Watch() override { return descriptor_.Watch(); }
  [[nodiscard]] const Endpoint& local() const noexcept override { return local_; }

 private:
  Watched descriptor_;
  Endpoint local_;
};

StatusOr<Descriptor> Open(const Endpoint& endpoint, const SocketAddress& address) {
  Descriptor descriptor(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!descriptor.valid()) return ErrnoStatus(errno, "opening a socket for " + endpoint.ToString());
  return descriptor;
}

class SystemNetwork final : public Network {
 public:
  using Network::Listen;

  StatusOr<std::unique_ptr<Listener>> Listen(const Endpoint& endpoint, const ListenOptions& options) override {
    FW_ASSIGN_OR_RETURN(const SocketAddress address, endpoint.ToSockaddr());
    FW_ASSIGN_OR_RETURN(Descriptor descriptor, Open(endpoint, address));
    const int on = 1;
    ::setsockopt(descriptor.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (::bind(descriptor.get(), address.get(), address.length) != 0) {
      return ErrnoStatus(errno, "binding " + endpoint.ToString());
    }
    if (::listen(descriptor.get(), options.backlog) != 0) {
      return ErrnoStatus(errno, "listening on " + endpoint.ToString());
    }
    FW_ASSIGN_OR_RETURN(Endpoint local, NameOf(descriptor.get(), &::getsockname));
    return std::unique_ptr<Listener>(std::make_unique<SystemListener>(std::move(descriptor), std::move(local)));
  }

  Task<StatusOr<std::unique_ptr<Socket>>> Connect(Endpoint endpoint) override {
    FW_CO_ASSIGN_OR_RETURN(const SocketAddress address, endpoint.ToSockaddr());
    FW_CO_ASSIGN_OR_RETURN(Descriptor descriptor, Open(endpoint, address));
    const int number = descriptor.get();
    if (::connect(number, address.get(), address.length) != 0) {
      if (errno != EINPROGRESS) co_return ErrnoStatus(errno, "connecting to " + endpoint.ToString());
      Watched pending(std::move(descriptor));
      pending.readiness().ClearWritable();
      FW_CO_ASSIGN_OR_RETURN(Readiness* const readiness, pending.Watch());
      FW_CO_RETURN_IF_ERROR(co_await readiness->Writable());
      int error = 0;
      socklen_t length = sizeof(error);
      ::getsockopt(number, SOL_SOCKET, SO_ERROR, &error, &length);
      if (error != 0) co_return ErrnoStatus(error, "connecting to " + endpoint.ToString());
      descriptor = pending.Take();
    }
    co_return std::unique_ptr<Socket>(std::make_unique<SystemSocket>(std::move(descriptor), endpoint));
  }
};

}  // namespace

std::unique_ptr<Network> MakeSystemNetwork() { return std::make_unique<SystemNetwork>(); }

}  // namespace flywheel::inline v0
