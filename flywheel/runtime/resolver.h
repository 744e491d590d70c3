// Resolver: host names to addresses, behind a seam, so that a simulation can answer late, wrongly or not at all.
//
// The real one asks what every other program of the machine asks (getaddrinfo: hosts file, name servers, whatever
// nsswitch.conf says), in Offload, because it blocks; a query that runs is waited for even when its caller has been
// cancelled. Nothing is cached here: how old an answer may be is the business of who uses it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flywheel/base/endpoint.h"
#include "flywheel/base/status_or.h"
#include "flywheel/runtime/task.h"

namespace flywheel::inline v0 {

class Resolver {
 public:
  virtual ~Resolver() = default;

  // Endpoints with this port, the one to try first in front (RFC 6724), never none. An address is its own answer, at
  // once. NOT_FOUND if there is no such name, UNAVAILABLE if no name server could tell, INVALID_ARGUMENT if it is not
  // one.
  virtual Task<StatusOr<std::vector<Endpoint>>> Resolve(std::string host, std::uint16_t port) = 0;
};

// The system's, through Offload.
std::unique_ptr<Resolver> MakeSystemResolver();

namespace internal {

// What resolving `host` came to, from an EAI_ number of getaddrinfo; `system_error` is the errno behind EAI_SYSTEM.
Status ResolveStatus(int error, int system_error, std::string_view host);

}  // namespace internal
}  // namespace flywheel::inline v0
