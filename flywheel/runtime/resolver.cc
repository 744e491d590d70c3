#include "flywheel/runtime/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "flywheel/runtime/offload.h"

namespace flywheel::inline v0 {
namespace {

StatusOr<std::vector<Endpoint>> Query(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;  // else every address comes once per kind of socket
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error != 0) return internal::ResolveStatus(error, errno, host);
  std::vector<Endpoint> endpoints;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    auto endpoint = Endpoint::FromSockaddr(entry->ai_addr, entry->ai_addrlen);
    if (!endpoint.ok()) continue;  // of a family that nothing here could connect to
    Endpoint with_port = endpoint->WithPort(port);
    // A hosts file may name an address twice.
    if (std::ranges::find(endpoints, with_port) == endpoints.end()) endpoints.push_back(std::move(with_port));
  }
  ::freeaddrinfo(list);
  if (endpoints.empty()) return internal::ResolveStatus(EAI_NONAME, 0, host);
  return endpoints;
}

class SystemResolver final : public Resolver {
 public:
  Task<StatusOr<std::vector<Endpoint>>> Resolve(std::string host, std::uint16_t port) override {
    FW_CO_ASSIGN_OR_RETURN(Endpoint endpoint, Endpoint::Of(host, port));
    if (endpoint.is_numeric()) co_return std::vector{std::move(endpoint)};
    co_return co_await Offload([&] { return Query(host, port); });
  }
};

}  // namespace

std::unique_ptr<Resolver> MakeSystemResolver() { return std::make_unique<SystemResolver>(); }

namespace internal {

Status ResolveStatus(int error, int system_error, std::string_view host) {
  const std::string what = "resolving " + std::string(host);
  const auto text = [&](std::string_view next_step) {
    std::string message = what + ": " + ::gai_strerror(error);
    return message.append("; ").append(next_step);
  };
  switch (error) {
    case 0:
      return Status::Ok();
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
      return NotFound(text("check the spelling, and `getent ahosts` on this machine"));
    case EAI_AGAIN:
    case EAI_FAIL:
      return Unavailable(text("check that the name servers in /etc/resolv.conf answer"));
    case EAI_MEMORY:
      return ResourceExhausted(text("give the machine or its cgroup more memory"));
    case EAI_SYSTEM:
      return ErrnoStatus(system_error, what);
    default:
      return Unknown(text("look the name up with `getent ahosts` on this machine"));
  }
}

}  // namespace internal
}  // namespace flywheel::inline v0
