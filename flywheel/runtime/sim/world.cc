#include "flywheel/runtime/sim/world.h"

#include <algorithm>
#include <csignal>

#include "flywheel/runtime/sim/fabric.h"

namespace flywheel::inline v0::sim {
namespace {

// FNV-1a (Fowler, Noll & Vo), a word at a time: a fingerprint, no protection.
constexpr std::uint64_t kHashOffset = 0xcbf29ce484222325;
constexpr std::uint64_t kHashPrime = 0x100000001b3;

}  // namespace

struct SimWorld::Event {
  Event(SimWorld& owner, std::function<void()> function)
      : world(owner), call(std::move(function)), alarm(owner.alarms_, *this) {}
  void Ring() {
    SimWorld& owner = world;
    const std::function<void()> function = std::move(call);
    owner.events_.erase(self);  // and with it this
    function();
    owner.TouchAll();
  }

  SimWorld& world;
  std::function<void()> call;
  std::list<Event>::iterator self;
  AlarmFor<&Event::Ring> alarm;
};

SimWorld::SimWorld(std::uint64_t seed)
    : seed_(seed),
      random_(seed),
      parts_(random_.Fork()),
      schedule_(random_.Fork()),
      history_hash_(kHashOffset),
      network_(std::make_unique<SimFabric>(*this, alarms_)) {}

SimWorld::~SimWorld() = default;

SimHost& SimWorld::AddHost(SimHostOptions options) {
  return *hosts_.emplace_back(std::make_unique<SimHost>(*this, hosts_.size(), std::move(options)));
}

void SimWorld::At(Instant time, std::function<void()> event) {
  Event& added = events_.emplace_back(*this, std::move(event));
  added.self = std::prev(events_.end());
  added.alarm.Set(std::max(time, now_));
}

void SimWorld::Touch(SimHost& host) {
  if (std::exchange(host.touched_, true)) return;
  touched_.push_back(&host);
}

void SimWorld::TouchAll() {
  for (const auto& host : hosts_) Touch(*host);
}

void SimWorld::MakeReady(SimHost& host) {
  host.ready_place_ = ready_.size();
  ready_.push_back(&host);
}

void SimWorld::AskTouched() {
  for (SimHost* const host : touched_) {
    host->touched_ = false;
    const Instant next = host->NextTime();
    const bool was_ready = host->ready_place_ != kNotReady;
    if (next <= now_) {
      host->wake_.Clear();
      if (!was_ready) MakeReady(*host);
      continue;
    }
    if (was_ready) {
      ready_.back()->ready_place_ = host->ready_place_;
      ready_[std::exchange(host->ready_place_, kNotReady)] = ready_.back();
      ready_.pop_back();
    }
    if (host->wake_.time() != next) host->wake_.Set(next);
  }
  touched_.clear();
}

Instant SimWorld::NextTime() {
  AskTouched();
  return ready_.empty() ? std::min(alarms_.next(), wakes_.next()) : now_;
}

void SimWorld::TurnSomeHost() {
  SimHost& host = *ready_[schedule_.Below(ready_.size())];
  Mix(host.index_);
  host.Turn(schedule_());
}

bool SimWorld::Step() {
  TouchAll();
  return NextStep();
}

bool SimWorld::NextStep() {
  Instant next = NextTime();
  if (next > now_) {
#ifndef NDEBUG
    for (const auto& host : hosts_) {
      FW_CHECK(host->NextTime() > now_) << host->name() << " got work from another host's turn; Touch() it there";
    }
#endif
    if (next == kNever) {
      TouchAll();
      next = NextTime();
    }
  }
  if (next == kNever) return false;
  ++steps_;
  if (steps_ == stop_at_) std::raise(SIGTRAP);
  now_ = std::max(now_, next);
  Mix(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  while (wakes_.next() <= now_) wakes_.RingFirst();
  if (alarms_.next() <= now_) {
    alarms_.RingFirst();
  } else {
    TurnSomeHost();
  }
  return true;
}

void SimWorld::RunFor(Duration length) {
  const Instant end = SaturatingAdd(now_, length);
  TouchAll();
  while (NextTime() <= end) {
    if (!NextStep()) break;
  }
  now_ = end;
}

Status SimWorld::RunUntil(const SimHost& host, const bool& done, std::source_location where) {
  const std::uint64_t steps_end = steps_ + kStepsMax;
  TouchAll();
  const std::uint64_t life = host.starts_;
  while (!done) {
    if (steps_ == steps_end) {
      return FailedPrecondition("the task of " + LocationText(where) + " has not ended after " +
                                std::to_string(kStepsMax) + " steps; replay with seed " + std::to_string(seed_));
    }
    if (!host.running() || host.starts_ != life) return Unavailable(host.name() + " crashed");
    if (!NextStep()) {
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
