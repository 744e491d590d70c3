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
#include "flywheel/runtime/sim/alarm.h"
#include "flywheel/runtime/task_group.h"

namespace flywheel::inline v0::sim {

class SimClock;
class SimDisk;
class SimReactor;
class SimWorld;
class Station;

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

enum class CrashKind : unsigned char {
  kProcess,  // the kernel closes its sockets, the page cache of the disk stays
  kMachine,  // the power fails: peers hear nothing, the disk keeps what was synced and perhaps more
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
  // The place in the order in which hosts were added.
  [[nodiscard]] std::size_t index() const noexcept { return index_; }
  // The world's time, and how far this host has got within its turn.
  [[nodiscard]] Instant now() const noexcept;
  // Only while running.
  Host& host() noexcept {
    Touch();
    return process_->host;
  }
  Loop& loop(std::size_t index = 0) noexcept {
    Touch();
    return *process_->loops.at(index);
  }
  // Survives crashes.
  SimDisk& disk() noexcept { return *disk_; }

  // Runs `task` as a child of this host's root group, on its first loop.
  void Spawn(Task<void> task, std::source_location where = std::source_location::current());

  // As SIGTERM and SIGHUP: the first kTerminate begins the drain, the second crashes the host.
  void Signal(HostSignal signal);
  // The process is gone in the middle of what it did: nothing of it runs again, its memory is given back without any
  // of its code deciding anything. Also allowed in a task or an Offload job of this host, where it takes effect at the
  // end of the turn or job.
  void Crash(CrashKind kind = CrashKind::kProcess);
  // Starts the machine if it is off, and the process, empty, with the same name and disk.
  void Restart();

  // The process does not get the CPU for `length`, beginning in the midst of its next turn (SIGSTOP, a long pause).
  void Stall(Duration length) { stall_ += length; }
  // What a turn costs from now on.
  void SetTurnCost(Duration cost);
  // From a task of this host: the turn takes this much longer.
  void Burn(Duration length) noexcept;
  // Moves the calendar of this host; the monotonic clock never jumps.
  void JumpWall(Duration by) noexcept;

  // Something outside of its turns has given this host work. Whatever belongs to the simulation says so by itself;
  // needed only where a task of another host posts to a loop of this one that it has kept a reference to.
  void Touch() noexcept;

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
  };

  void Start();
  void Kill();
  void Wake();
  // Of the loops that have something to do.
  Loop& ChooseLoop(std::uint64_t choice);
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
  std::optional<CrashKind> crash_requested_;
  bool runs_ = false;  // its code is on the stack
  SimClock* clock_ = nullptr;
  Instant busy_until_;
  Station& station_;
  const std::unique_ptr<SimDisk> disk_;
  std::vector<SimReport> reports_;
  // The world's: what it knows of when this host goes on.
  bool touched_ = false;
  std::size_t ready_place_;
  AlarmFor<&SimHost::Wake> wake_;
  std::unique_ptr<Process> process_;
};

}  // namespace flywheel::inline v0::sim
