// Zone: the names of a world and what its name servers say of them.
//
// A change is not seen at once: an answer may be as old as ResolverOptions::stale allows, as caches on the way make it.
// Names are compared without regard to case and to a dot at their end.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "flywheel/base/time.h"
#include "flywheel/runtime/random.h"

namespace flywheel::inline v0::sim {

enum class NameFault : unsigned char {
  kNone,
  kNotFound,       // NXDOMAIN
  kServerFailure,  // SERVFAIL
  kTimeout,        // no server answers
};

struct ResolverOptions {
  Duration latency = std::chrono::microseconds(500);
  Duration jitter = std::chrono::milliseconds(2);
  // An answer is up to this old, at random; zero: always the newest.
  Duration stale = Duration::zero();
  // How long a query without an answer takes: two tries of 5 s (resolv.conf(5)).
  Duration timeout = std::chrono::seconds(10);
  bool operator==(const ResolverOptions&) const = default;
};

class Zone {
 public:
  explicit Zone(Random random) noexcept : random_(random) {}

  // No addresses: from `now` on there is no such name.
  void Set(std::string_view name, std::vector<std::string> addresses, Instant now);
  void Fail(std::string_view name, NameFault fault);
  void SetOptions(const ResolverOptions& options) { options_ = options; }

  struct Answer {
    int error = 0;  // EAI_ of <netdb.h>
    Duration takes{};
    std::vector<std::string> addresses = {};  // in no particular order, as name servers rotate them
  };
  [[nodiscard]] Answer Ask(std::string_view name, Instant now);

 private:
  struct Version {
    Instant since;
    std::vector<std::string> addresses;
  };
  struct Record {
    std::vector<Version> versions;  // oldest first
    NameFault fault = NameFault::kNone;
  };

  static std::string Canonical(std::string_view name);
  Duration Below(Duration bound) noexcept;

  Random random_;
  ResolverOptions options_;
  std::map<std::string, Record, std::less<>> records_;
};

}  // namespace flywheel::inline v0::sim
