// SimResolver: the Resolver of a simulated process.
//
// It asks the zone of its world, in Offload, as the real one asks getaddrinfo: with the same failures in the same
// words, and a query that runs is waited for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flywheel/runtime/resolver.h"

namespace flywheel::inline v0::sim {

class SimOffload;
class SimWorld;

class SimResolver final : public Resolver {
 public:
  SimResolver(SimWorld& world, SimOffload& offload) noexcept : world_(world), offload_(offload) {}

  Task<StatusOr<std::vector<Endpoint>>> Resolve(std::string host, std::uint16_t port) override;

 private:
  // In an Offload job.
  StatusOr<std::vector<Endpoint>> Query(const std::string& host, std::uint16_t port);

  SimWorld& world_;
  SimOffload& offload_;
};

}  // namespace flywheel::inline v0::sim
