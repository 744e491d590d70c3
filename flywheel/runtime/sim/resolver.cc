#include "flywheel/runtime/sim/resolver.h"

#include <utility>

#include "flywheel/runtime/sim/fabric.h"
#include "flywheel/runtime/sim/offload.h"
#include "flywheel/runtime/sim/world.h"

namespace flywheel::inline v0::sim {

Task<StatusOr<std::vector<Endpoint>>> SimResolver::Resolve(std::string host, std::uint16_t port) {
  FW_CO_ASSIGN_OR_RETURN(Endpoint endpoint, Endpoint::Of(host, port));
  if (endpoint.is_numeric()) co_return std::vector{std::move(endpoint)};
  co_return co_await Offload([&] { return Query(endpoint.host(), port); });
}

StatusOr<std::vector<Endpoint>> SimResolver::Query(const std::string& host, std::uint16_t port) {
  std::vector<Endpoint> endpoints;
  // The hosts file.
  if (host == "localhost") {
    endpoints.push_back(Endpoint::Of("::1", port).value());
    endpoints.push_back(Endpoint::Of("127.0.0.1", port).value());
    return endpoints;
  }
  const Zone::Answer answer = world_.network().zone().Ask(host, world_.now());
  offload_.Extend(answer.takes);
  if (answer.error != 0) return internal::ResolveStatus(answer.error, 0, host);
  for (const std::string& address : answer.addresses) endpoints.push_back(Endpoint::Of(address, port).value());
  return endpoints;
}

}  // namespace flywheel::inline v0::sim
