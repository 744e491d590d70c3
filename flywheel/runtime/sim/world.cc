#include "flywheel/runtime/sim/world.h"

#include <algorithm>
#include <csignal>

namespace flywheel::inline v0::sim {
namespace {

// FNV-1a (Fowler, Noll & Vo), a word at a time: a fingerprint, no protection.
constexpr std::uint64_t kHashOffset = 0xcbf29ce484222325;
constexpr std::uint64_t kHashPrime = 0x100000001b3;

}  // namespace

SimWorld::SimWorld(std::uint64_t seed)
    : seed_(seed), random_(seed), parts_(random_.Fork()), schedule_(random_.Fork()), history_hash_(kHashOffset) {}

SimWorld::~SimWorld() = default;

SimHost& SimWorld::AddHost(SimHostOptions options) {
  return *hosts_.emplace_back(std::make_unique<SimHost>(*this, hosts_.size(), std::move(options)));
}

void SimWorld::At(Instant time, std::function<void()> event) {
  events_.emplace(EventKey{.time = std::max(time, now_), .sequence = sequence_++}, std::move(event));
}

Instant SimWorld::NextTime() const {
  Instant next = events_.empty() ? kNever : events_.begin()->first.time;
  for (const auto& host : hosts_) next = std::min(next, host->NextTime());
  return next;
}

bool SimWorld::TurnSomeHost() {
  std::vector<SimHost*> ready;
  for (const auto& host : hosts_) {
    if (host->NextTime() <= now_) ready.push_back(host.get());
  }
  if (ready.empty()) return false;
  SimHost& host = *ready[schedule_.Below(ready.size())];
  Mix(host.index_);
  host.Turn(schedule_());
  return true;
}

bool SimWorld::Step() {
  const Instant next = NextTime();
  if (next == kNever) return false;
  ++steps_;
  if (steps_ == stop_at_) std::raise(SIGTRAP);
  now_ = std::max(now_, next);
  Mix(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  if (!events_.empty() && events_.begin()->first.time <= now_) {
    const auto event = events_.extract(events_.begin());
    event.mapped()();
    return true;
  }
  return TurnSomeHost();
}

void SimWorld::RunFor(Duration length) {
  const Instant end = SaturatingAdd(now_, length);
  while (NextTime() <= end) {
    if (!Step()) break;
  }
  now_ = end;
}

Status SimWorld::RunUntil(const SimHost& host, const bool& done, std::source_location where) {
  const std::uint64_t steps_end = steps_ + kStepsMax;
  const std::uint64_t life = host.starts_;
  while (!done) {
    if (steps_ == steps_end) {
      return FailedPrecondition("the task of " + LocationText(where) + " has not ended after " +
                                std::to_string(kStepsMax) + " steps; replay with seed " + std::to_string(seed_));
    }
    if (!host.running() || host.starts_ != life) return Unavailable(host.name() + " crashed");
    if (!Step()) {
      return FailedPrecondition("the simulated world came to rest while the task of " + LocationText(where) +
                                " waits for something that will never happen; replay with seed " +
                                std::to_string(seed_));
    }
  }
  return Status::Ok();
}

void SimWorld::Note(std::string_view what) {
  Mix(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  for (const char byte : what) Mix(static_cast<unsigned char>(byte));
}

void SimWorld::Mix(std::uint64_t value) noexcept { history_hash_ = (history_hash_ ^ value) * kHashPrime; }

}  // namespace flywheel::inline v0::sim
