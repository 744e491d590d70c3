// SimHost: one simulated process, and the faults that befall it.
//
// It has a Host and loops like a real one, all turned by the world. It can crash at any await and start again, be
// paused, take long turns, see its calendar jump, and receive signals. What it reports is kept for the scenario to look
// at.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/runtime/host.h"
#include "flywheel/runtime/loop.h"
#include "flywheel/runtime/task_group.h"

namespace flywheel::inline v0::sim {

class SimWorld;
class SimClock;
class SimReactor;

struct SimHostOptions {
  std::string name = {};  // empty: "host-N"
  int loops = 1;
  std::vector<std::pair<std::string, std::string>> environment = {};
  // What a turn costs in virtual time; a slow host takes longer.
  Duration turn_cost = std::chrono::microseconds(1);
};

struct SimReport {
  Instant when;
  ReportKind kind;
  std::string text;
};

class SimHost {
 public:
  SimHost(SimWorld& world, std::size_t index, SimHostOptions options);
  SimHost(const SimHost&) = delete;
  SimHost& operator=(const SimHost&) = delete;
  ~SimHost();

  [[nodiscard]] const std::string& name() const noexcept { return options_.name; }
  [[nodiscard]] bool running() const noexcept { return process_ != nullptr; }
  SimWorld& world() noexcept { return world_; }
  // Only while running.
  Host& host() noexcept { return process_->host; }
  Loop& loop(std::size_t index = 0) noexcept { return *process_->loops.at(index); }

  // Runs `task` as a child of this host's root group, on its first loop.
  void Spawn(Task<void> task, std::source_location where = std::source_location::current());

  // As SIGTERM and SIGHUP: the first kTerminate begins the drain, the second crashes the host.
  void Signal(HostSignal signal);
  // The process is gone in the middle of what it did: nothing of it runs again, its memory is given back without any
  // of its code deciding anything. What it had synced to disk stays. Also allowed in a task or an Offload job of this
  // host, where it takes effect at the end of the turn or job.
  void Crash();
  // Starts the process again, empty, with the same name and disk.
  void Restart();

  // The process does not get the CPU for `length`, beginning in the midst of its next turn (SIGSTOP, a long pause).
  void Stall(Duration length) { stall_ += length; }
  // From a task of this host: the turn takes this much longer.
  void Burn(Duration length) noexcept;
  // Moves the calendar of this host; the monotonic clock never jumps.
  void JumpWall(Duration by) noexcept;

  // What the host has reported since it started.
  [[nodiscard]] const std::vector<SimReport>& reports() const noexcept { return reports_; }

 private:
  friend class SimOffload;
  friend class SimWorld;
  class Reports;

  // What a crash takes away.
  struct Process {
    explicit Process(Host::Parts parts) : host(std::move(parts)) {}
    Host host;
    std::vector<std::unique_ptr<Loop>> loops;
    std::vector<SimReactor*> reactors;  // of the loops
    std::optional<TaskGroup> roots;
  };

  void Start();
  void Kill();
  // When some loop of this host has something to do; kNever if none ever has.
  [[nodiscard]] Instant NextTime() const;
  [[nodiscard]] Instant NextTimeOf(std::size_t loop) const;
  // One turn of a loop that has something to do.
  void Turn(std::uint64_t choice);
  // A job of SimOffload, which calls EndRun when it has been sent home.
  void RunJob(OffloadJob& job);
  // The code of this host has returned: a crash that it asked for takes effect.
  void EndRun();

  SimWorld& world_;
  SimHostOptions options_;
  const std::size_t index_;
  std::uint64_t starts_ = 0;
  Duration wall_offset_{};
  Duration stall_{};
  bool crash_requested_ = false;
  bool runs_ = false;  // its code is on the stack
  SimClock* clock_ = nullptr;
  Instant busy_until_;
  std::vector<SimReport> reports_;
  std::unique_ptr<Process> process_;
};

}  // namespace flywheel::inline v0::sim
