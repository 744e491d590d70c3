#include "flywheel/runtime/sim/host.h"

#include <algorithm>

#include "flywheel/runtime/sim/clock.h"
#include "flywheel/runtime/sim/disk.h"
#include "flywheel/runtime/sim/fabric.h"
#include "flywheel/runtime/sim/file_system.h"
#include "flywheel/runtime/sim/network.h"
#include "flywheel/runtime/sim/offload.h"
#include "flywheel/runtime/sim/reactor.h"
#include "flywheel/runtime/sim/resolver.h"
#include "flywheel/runtime/sim/station.h"
#include "flywheel/runtime/sim/world.h"

namespace flywheel::inline v0::sim {

namespace {

SimHostOptions WithName(SimHostOptions options, std::size_t index) {
  if (options.name.empty()) options.name = "host-" + std::to_string(index);
  return options;
}

}  // namespace

class SimHost::Reports final : public ReportSink {
 public:
  explicit Reports(SimHost& owner) noexcept : owner_(owner) {}
  void Report(ReportKind kind, std::string_view text) override {
    owner_.reports_.push_back({.when = owner_.world_.now(), .kind = kind, .text = std::string(text)});
  }

 private:
  SimHost& owner_;
};

SimHost::SimHost(SimWorld& world, std::size_t index, SimHostOptions options)
    : world_(world),
      options_(WithName(std::move(options), index)),
      index_(index),
      busy_until_(world.now()),
      station_(world.network().AddStation(*this)),
      disk_(std::make_unique<SimDisk>(world, options_.name)),
      ready_place_(SimWorld::kNotReady),
      wake_(world.wakes_, *this) {
  Start();
}

SimHost::~SimHost() {
  station_.PowerOff();
  Kill();
}

Instant SimHost::now() const noexcept { return clock_ == nullptr ? world_.now() : clock_->Now(); }

void SimHost::Start() {
  ++starts_;
  reports_.clear();
  auto clock = std::make_unique<SimClock>(world_, wall_offset_);
  clock_ = clock.get();
  auto offload = std::make_unique<SimOffload>(world_, *this);
  SimOffload& jobs = *offload;
  process_ = std::make_unique<Process>(Host::Parts{
      .name = options_.name,
      .seed = Random(world_.seed() ^ (index_ << 32) ^ starts_)(),
      .clock = std::move(clock),
      .environment = MakeFixedEnvironment(options_.environment),
      .reports = std::make_unique<Reports>(*this),
      .network = std::make_unique<SimNetwork>(station_),
      .offload = std::move(offload),
      .files = std::make_unique<SimFileSystem>(*disk_, jobs),
      .resolver = std::make_unique<SimResolver>(world_, jobs),
      .exit = [this](int) { Crash(); },
  });
  for (int index = 0; index < options_.loops; ++index) {
    auto reactor = std::make_unique<SimReactor>(*this);
    process_->reactors.push_back(reactor.get());
    process_->loops.push_back(
        std::make_unique<Loop>(process_->host, std::move(reactor), options_.name + "/loop-" + std::to_string(index)));
  }
  Touch();
}

void SimHost::Kill() {
  if (process_ == nullptr) return;
  // A frame may hold what lives on other loops, and what is queued there too.
  for (const auto& loop : process_->loops) loop->Abandon([] {});
  for (const auto& loop : process_->loops) loop->Abandon([&] { loop->EndRoots(); });
  for (const auto& loop : process_->loops) loop->Abandon([&] { loop->DropQueued(); });
  process_.reset();
  clock_ = nullptr;
  Touch();
}

void SimHost::Crash(CrashKind kind) {
  if (runs_) {
    crash_requested_ = crash_requested_ == CrashKind::kMachine ? CrashKind::kMachine : kind;
    return;
  }
  world_.Note((kind == CrashKind::kMachine ? "power off " : "crash ") + options_.name);
  // First, because the frames that own the sockets have nothing to say in this.
  if (kind == CrashKind::kMachine) {
    station_.PowerOff();
    disk_->LosePower();
  } else {
    station_.ProcessDied();
  }
  Kill();
}

void SimHost::Restart() {
  FW_CHECK(!running()) << options_.name << " runs already";
  world_.Note("start " + options_.name);
  busy_until_ = world_.now();
  station_.PowerOn();
  Start();
}

void SimHost::Spawn(Task<void> task, std::source_location where) {
  FW_CHECK(running()) << options_.name << " has crashed; Restart() it first";
  loop().Post(
      [&first = loop(), task = std::move(task), where]() mutable { first.roots().Spawn(std::move(task), where); });
}

void SimHost::Signal(HostSignal signal) {
  host().signals().Deliver(signal, signal == HostSignal::kReload ? "reload" : "terminate");
}

void SimHost::SetTurnCost(Duration cost) {
  world_.Note("turn cost of " + options_.name);
  options_.turn_cost = cost;
}

void SimHost::Burn(Duration length) noexcept { clock_->ahead += length; }

void SimHost::JumpWall(Duration by) noexcept {
  wall_offset_ += by;
  if (clock_ != nullptr) clock_->wall_offset += by;
}

void SimHost::Touch() noexcept { world_.Touch(*this); }

void SimHost::Wake() { world_.MakeReady(*this); }

Instant SimHost::NextTime() const {
  if (process_ == nullptr) return kNever;
  Instant next = kNever;
  for (std::size_t index = 0; index < process_->loops.size(); ++index) next = std::min(next, NextTimeOf(index));
  return std::max(next, busy_until_);
}

Instant SimHost::NextTimeOf(std::size_t index) const {
  if (process_->reactors[index]->pending()) return world_.now();
  return SaturatingAdd(world_.now(), process_->loops[index]->IdleTime());
}

Loop& SimHost::ChooseLoop(std::uint64_t choice) {
  const auto& loops = process_->loops;
  if (loops.size() == 1) return *loops.front();
  const auto is_ready = [&](std::size_t index) { return NextTimeOf(index) <= world_.now(); };
  std::uint64_t ready = 0;
  for (std::size_t index = 0; index < loops.size(); ++index) ready += is_ready(index) ? 1 : 0;
  std::uint64_t skip = choice % ready;
  for (std::size_t index = 0;; ++index) {
    if (is_ready(index) && skip-- == 0) return *loops[index];
  }
}

void SimHost::Turn(std::uint64_t choice) {
  Loop& loop = ChooseLoop(choice);
  // The host's clock runs ahead within the turn and waits for the world after it.
  runs_ = true;
  clock_->ahead = Duration::zero();
  if (const Duration stall = std::exchange(stall_, Duration::zero()); stall > Duration::zero()) {
    loop.Post([this, stall] { Burn(stall); });
  }
  loop.Turn(Duration::zero());
  Touch();
  busy_until_ = world_.now() + std::exchange(clock_->ahead, Duration::zero()) + options_.turn_cost;
  EndRun();
}

void SimHost::RunJob(OffloadJob& job) {
  runs_ = true;
  job.Run();
}

void SimHost::EndRun() {
  runs_ = false;
  if (const auto kind = std::exchange(crash_requested_, std::nullopt)) Crash(*kind);
}

}  // namespace flywheel::inline v0::sim
