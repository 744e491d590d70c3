// SimWorld: any number of hosts in one thread and in virtual time, all from one seed.
//
// Runs the product's own code on its own seams: a simulated Host has a virtual clock, a reactor that delivers simulated
// events, and simulated blocking threads; loops, tasks, timers and everything above are what runs in production. Time
// moves only when no host has anything to do, then to the next event. Where several hosts could go on, the seed
// decides, so that different seeds try different interleavings and the same seed gives the same history: Note() feeds a
// hash of it, which runs can compare.
// Not thread-safe: one world, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flywheel/base/time.h"
#include "flywheel/runtime/internal/fallible.h"
#include "flywheel/runtime/random.h"
#include "flywheel/runtime/sim/alarm.h"
#include "flywheel/runtime/sim/host.h"
#include "flywheel/runtime/when.h"

namespace flywheel::inline v0::sim {

class SimFabric;

class SimWorld {
 public:
  // A bound on one Run: a thousand times what a scenario takes.
  static constexpr std::uint64_t kStepsMax = 20'000'000;

  explicit SimWorld(std::uint64_t seed);
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;
  // Hosts that still run crash.
  ~SimWorld();

  SimHost& AddHost(SimHostOptions options = {});
  // What lies between the hosts, and its faults (sim/fabric.h).
  SimFabric& network() noexcept { return *network_; }

  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] Instant now() const noexcept { return now_; }
  // For decisions of the scenario itself. Faults and hosts draw from generators of their own.
  Random& random() noexcept { return random_; }
  // A generator for a part of the world, whose draws depend on nothing but the order in which parts were made.
  Random ForkRandom() noexcept { return parts_.Fork(); }

  // For parts of the simulation that have their own alarms; they ring outside every host.
  AlarmQueue& alarms() noexcept { return alarms_; }
  // Calls `event` at `time`, outside every host; equal times in the order of the calls.
  void At(Instant time, std::function<void()> event);
  void After(Duration delay, std::function<void()> event) { At(SaturatingAdd(now_, delay), std::move(event)); }

  // For a debugger: raises SIGTRAP before this step.
  void StopAt(std::uint64_t step) noexcept { stop_at_ = step; }

  // One turn of a host or one event; false when nothing will ever happen again.
  bool Step();
  // Lets `length` of virtual time pass.
  void RunFor(Duration length);
  // Runs `task` as a root task of `host` until it ends and returns its result. FAILED_PRECONDITION if the world comes
  // to rest first (the task waits for something that will never happen) or goes on for kStepsMax steps without an end.
  // UNAVAILABLE if the host crashes.
  template <typename T>
  internal::FallibleOf<T> Run(SimHost& host, Task<T> task,
                              std::source_location where = std::source_location::current());

  // Adds to the history: what happened, for the hash and for whoever looks at a failing seed.
  void Note(std::string_view what);
  [[nodiscard]] std::uint64_t history_hash() const noexcept { return history_hash_; }
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }

 private:
  friend class SimHost;

  static constexpr std::size_t kNotReady = ~std::size_t{0};
  struct Event;

  Status RunUntil(const SimHost& host, const bool& done, std::source_location where);
  // A step of a world that nobody outside of it has touched since the last.
  bool NextStep();
  // When the next thing happens; kNever when nothing does.
  [[nodiscard]] Instant NextTime();
  // Hosts are asked when they go on only after something has happened to them: a turn, a signal from the simulated
  // network, a finished job, a call of SimHost. Code of the scenario may do anything, so after it all are asked.
  void Touch(SimHost& host);
  void TouchAll();
  void AskTouched();
  void MakeReady(SimHost& host);
  void TurnSomeHost();
  void Mix(std::uint64_t value) noexcept;

  const std::uint64_t seed_;
  Random random_;
  Random parts_;
  Random schedule_;  // which host goes on
  Instant now_{std::chrono::seconds(1)};
  std::uint64_t steps_ = 0;
  std::uint64_t stop_at_ = 0;
  std::uint64_t history_hash_;
  AlarmQueue alarms_;
  AlarmQueue wakes_;  // of hosts, which are turned after all that rings at the same time
  std::vector<SimHost*> touched_;
  std::vector<SimHost*> ready_;  // in the order in which they became so
  const std::unique_ptr<SimFabric> network_;
  std::list<Event> events_;
  std::vector<std::unique_ptr<SimHost>> hosts_;
};

template <typename T>
internal::FallibleOf<T> SimWorld::Run(SimHost& host, Task<T> task, std::source_location where) {
  // Shared with the task, which outlives this call where that gives up.
  struct Outcome {
    internal::WhenSlot<T> slot;
    bool done = false;
  };
  const auto outcome = std::make_shared<Outcome>();
  host.Spawn(internal::RunInto(std::move(task), outcome->slot, [outcome] { outcome->done = true; }), where);
  FW_RETURN_IF_ERROR(RunUntil(host, outcome->done, where));
  if constexpr (std::is_void_v<T>) {
    outcome->slot.Take();
    return Status::Ok();
  } else {
    return outcome->slot.Take();
  }
}

}  // namespace flywheel::inline v0::sim
