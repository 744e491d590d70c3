#include "flywheel/runtime/sim/zone.h"

#include <netdb.h>

#include <algorithm>
#include <utility>

namespace flywheel::inline v0::sim {

std::string Zone::Canonical(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string canonical(name);
  std::ranges::transform(canonical, canonical.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return canonical;
}

Duration Zone::Below(Duration bound) noexcept {
  if (bound <= Duration::zero()) return Duration::zero();
  return Duration(static_cast<Duration::rep>(random_.Below(static_cast<std::uint64_t>(bound.count()))));
}

void Zone::Set(std::string_view name, std::vector<std::string> addresses, Instant now) {
  records_[Canonical(name)].versions.push_back({.since = now, .addresses = std::move(addresses)});
}

void Zone::Fail(std::string_view name, NameFault fault) { records_[Canonical(name)].fault = fault; }

Zone::Answer Zone::Ask(std::string_view name, Instant now) {
  Answer answer{.takes = options_.latency + Below(options_.jitter)};
  const auto found = records_.find(Canonical(name));
  const NameFault fault = found == records_.end() ? NameFault::kNotFound : found->second.fault;
  if (fault == NameFault::kTimeout) answer.takes = options_.timeout;
  if (fault != NameFault::kNone) {
    answer.error = fault == NameFault::kNotFound ? EAI_NONAME : EAI_AGAIN;
    return answer;
  }
  const Instant as_of = now - Below(options_.stale);
  for (const Version& version : found->second.versions) {
    if (version.since <= as_of) answer.addresses = version.addresses;
  }
  if (answer.addresses.empty()) answer.error = EAI_NONAME;
  for (std::size_t left = answer.addresses.size(); left > 1; --left) {
    std::swap(answer.addresses[left - 1], answer.addresses[random_.Below(left)]);
  }
  return answer;
}

}  // namespace flywheel::inline v0::sim
