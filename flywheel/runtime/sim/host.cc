#include "flywheel/runtime/sim/host.h"

#include <algorithm>

#include "flywheel/runtime/sim/clock.h"
#include "flywheel/runtime/sim/offload.h"
#include "flywheel/runtime/sim/reactor.h"
#include "flywheel/runtime/sim/world.h"

namespace flywheel::inline v0::sim {

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
    : world_(world), options_(std::move(options)), index_(index), busy_until_(world.now()) {
  if (options_.name.empty()) options_.name = "host-" + std::to_string(index);
  Start();
}

SimHost::~SimHost() { Kill(); }

void SimHost::Start() {
  ++starts_;
  reports_.clear();
  auto clock = std::make_unique<SimClock>(world_, wall_offset_);
  clock_ = clock.get();
  process_ = std::make_unique<Process>(Host::Parts{
      .name = options_.name,
      .seed = Random(world_.seed() ^ (index_ << 32) ^ starts_)(),
      .clock = std::move(clock),
      .environment = MakeFixedEnvironment(options_.environment),
      .reports = std::make_unique<Reports>(*this),
      .network = nullptr,
      .offload = std::make_unique<SimOffload>(world_, *this),
      .files = nullptr,
      .exit = [this](int) { Crash(); },
  });
  for (int index = 0; index < options_.loops; ++index) {
    auto reactor = std::make_unique<SimReactor>();
    process_->reactors.push_back(reactor.get());
    process_->loops.push_back(
        std::make_unique<Loop>(process_->host, std::move(reactor), options_.name + "/loop-" + std::to_string(index)));
  }
  Loop& first = *process_->loops.front();
  first.Post([this, &first] { process_->roots.emplace(first.context()); });
  first.Turn(Duration::zero());
}

void SimHost::Kill() {
  if (process_ == nullptr) return;
  // A frame may hold what lives on other loops, and what is queued there too.
  for (const auto& loop : process_->loops) loop->Abandon([] {});
  process_->loops.front()->Abandon([this] { process_->roots.reset(); });
  for (const auto& loop : process_->loops) loop->Abandon([&] { loop->DropQueued(); });
  process_.reset();
  clock_ = nullptr;
}

void SimHost::Crash() {
  if (runs_) {
    crash_requested_ = true;
    return;
  }
  world_.Note("crash " + options_.name);
  Kill();
}

void SimHost::Restart() {
  FW_CHECK(!running()) << options_.name << " runs already";
  world_.Note("start " + options_.name);
  busy_until_ = world_.now();
  Start();
}

void SimHost::Spawn(Task<void> task, std::source_location where) {
  FW_CHECK(running()) << options_.name << " has crashed; Restart() it first";
  loop().Post([this, task = std::move(task), where]() mutable { process_->roots->Spawn(std::move(task), where); });
}

void SimHost::Signal(HostSignal signal) {
  process_->host.signals().Deliver(signal, signal == HostSignal::kReload ? "reload" : "terminate");
}

void SimHost::Burn(Duration length) noexcept { clock_->ahead += length; }

void SimHost::JumpWall(Duration by) noexcept {
  wall_offset_ += by;
  if (clock_ != nullptr) clock_->wall_offset += by;
}

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

void SimHost::Turn(std::uint64_t choice) {
  std::vector<Loop*> ready;
  for (std::size_t index = 0; index < process_->loops.size(); ++index) {
    if (NextTimeOf(index) <= world_.now()) ready.push_back(process_->loops[index].get());
  }
  Loop& loop = *ready[choice % ready.size()];
  // The host's clock runs ahead within the turn and waits for the world after it.
  runs_ = true;
  clock_->ahead = Duration::zero();
  if (const Duration stall = std::exchange(stall_, Duration::zero()); stall > Duration::zero()) {
    loop.Post([this, stall] { Burn(stall); });
  }
  loop.Turn(Duration::zero());
  busy_until_ = world_.now() + std::exchange(clock_->ahead, Duration::zero()) + options_.turn_cost;
  EndRun();
}

void SimHost::RunJob(OffloadJob& job) {
  runs_ = true;
  job.Run();
}

void SimHost::EndRun() {
  runs_ = false;
  if (std::exchange(crash_requested_, false)) Crash();
}

}  // namespace flywheel::inline v0::sim
