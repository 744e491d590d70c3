#include "bench/harness.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "bench/allocations.h"
#include "bench/background.h"
#include "bench/rounds.h"

namespace flywheel::bench {
namespace {

// A background step that got less than this share of its turns did not go on beside the slice.
constexpr double kBackgroundShareMin = 0.25;
// Far beyond what fits into a slice: reaching it means that the work takes no time at all.
constexpr std::uint64_t kOperationsMax = 1'000'000'000'000;

struct Slice {
  Duration cpu{};
  Duration wall{};
  Allocations allocations{};
  std::uint64_t checksum = 0;
  double background_due = 0;
  std::uint64_t background_steps = 0;
};

Slice RunSlice(const Side& side, std::uint64_t operations, Billing billing, const SliceClocks& clocks) {
  std::optional<BackgroundThread> beside;
  if (side.background.step) {
    beside.emplace(side.background);
    beside->AwaitSteps(1);
  }
  const auto& cpu = billing == Billing::kThread ? clocks.thread_cpu : clocks.process_cpu;
  const auto allocations = billing == Billing::kThread ? ThreadAllocations : ProcessAllocations;

  Slice slice;
  const std::uint64_t steps_before = beside ? beside->steps() : 0;
  const Allocations allocations_before = allocations();
  const Instant start = clocks.wall();
  const Duration cpu_before = cpu();
  slice.checksum = side.run(operations);
  slice.cpu = cpu() - cpu_before;
  slice.wall = clocks.wall() - start;
  slice.allocations = allocations() - allocations_before;
  if (beside) {
    slice.background_steps = beside->steps() - steps_before;
    slice.background_due =
        static_cast<double>(slice.wall.count()) / static_cast<double>(side.background.period.count());
  }
  return slice;
}

// One side on its way through a comparison.
struct Contender {
  const Side* side;
  std::uint64_t operations;
  double background_due = 0;
  double background_steps = 0;
  std::vector<double> cpu{};
  std::vector<double> wall{};
  std::vector<double> calls{};
  std::vector<double> bytes{};

  void Add(const Slice& slice) {
    const auto per_operation = [this](auto total) {
      return static_cast<double>(total) / static_cast<double>(operations);
    };
    background_due += slice.background_due;
    background_steps += static_cast<double>(slice.background_steps);
    cpu.push_back(per_operation(slice.cpu.count()));
    wall.push_back(per_operation(slice.wall.count()));
    calls.push_back(per_operation(slice.allocations.calls));
    bytes.push_back(per_operation(slice.allocations.bytes));
  }
};

class Measurement {
 public:
  Measurement(std::string_view id, const Comparison& comparison, const MeasureOptions& options)
      : comparison_(comparison), options_(options), where_(std::string(id) + " " + comparison.scenario) {
    contenders_.push_back({&comparison.ours, comparison.batch});
    for (const Side& peer : comparison.peers) contenders_.push_back({&peer, comparison.batch});
  }

  Status Run() {
    FW_RETURN_IF_ERROR(Validate());
    for (Contender& contender : contenders_) {
      FW_RETURN_IF_ERROR(options_.only_check ? RunOnce(contender).status() : Calibrate(contender));
    }
    if (options_.only_check) return Status::Ok();
    // A round that is not counted: calibration ran the sides one after the other, and the last one is still warm.
    for (Contender& contender : contenders_) FW_RETURN_IF_ERROR(RunOnce(contender).status());
    for (int round = 0; round < options_.rounds; ++round) {
      for (const std::size_t turn : SidesInOrder(round, contenders_.size())) {
        FW_ASSIGN_OR_RETURN(const Slice slice, RunOnce(contenders_[turn]));
        contenders_[turn].Add(slice);
      }
    }
    return CheckBackgrounds();
  }

  [[nodiscard]] std::vector<Row> Rows(std::string_view id) const {
    std::vector<Row> rows;
    const auto add = [&](std::string name, std::string unit, std::vector<double> Contender::* values) {
      std::vector<SideValues> sides;
      for (const Contender& contender : contenders_) {
        sides.push_back({contender.side->name, contender.side->version, contender.*values});
      }
      const Metric metric{std::string(id), comparison_.scenario, std::move(name), std::move(unit)};
      std::ranges::move(MakeRows(metric, sides), std::back_inserter(rows));
    };
    add("cpu", "ns", &Contender::cpu);
    add("wall", "ns", &Contender::wall);
    if (kCountsAllocations) {
      add("allocs", "calls", &Contender::calls);
      add("alloc_bytes", "B", &Contender::bytes);
    }
    return rows;
  }

 private:
  [[nodiscard]] Status Validate() const {
    const auto has_blank = [](std::string_view name) { return name.empty() || name.contains(' '); };
    if (has_blank(comparison_.scenario)) {
      return InvalidArgument(where_ + ": the scenario is empty or has blanks; goals.txt has to be able to name it");
    }
    if (!comparison_.check) return InvalidArgument(where_ + ": no check; say how to see that the work was done");
    if (comparison_.batch == 0) return InvalidArgument(where_ + ": a batch of 0 operations; the smallest is 1");
    if (!options_.only_check && options_.rounds < kMinRounds) {
      return InvalidArgument(where_ + ": " + std::to_string(options_.rounds) + " rounds; the smallest is " +
                             std::to_string(kMinRounds));
    }
    for (const Contender& contender : contenders_) {
      if (has_blank(contender.side->name)) return InvalidArgument(where_ + ": a side's name is empty or has blanks");
      if (!contender.side->run) return InvalidArgument(where_ + ": " + contender.side->name + " has nothing to run");
    }
    return Status::Ok();
  }

  StatusOr<Slice> RunOnce(const Contender& contender) const {
    const Slice slice = RunSlice(*contender.side, contender.operations, comparison_.billing, options_.clocks);
    if (!comparison_.check(contender.operations, slice.checksum)) {
      return Internal(where_ + ": " + contender.side->name + " did not do the work: the check refuses the checksum " +
                      std::to_string(slice.checksum) + " of " + std::to_string(contender.operations) + " operations");
    }
    return slice;
  }

  // Grows the number of operations until they fill a slice.
  Status Calibrate(Contender& contender) const {
    bool waited = false;
    while (true) {
      FW_ASSIGN_OR_RETURN(const Slice slice, RunOnce(contender));
      if (slice.wall >= options_.slice && slice.cpu >= options_.slice / 2) return Status::Ok();
      // Long, but little of it on the CPU: a neighbour had it, or the work is one that waits. Only work that waits does
      // so again, and no number of operations would ever fill its slice with CPU time.
      if (slice.wall >= 4 * options_.slice) {
        if (std::exchange(waited, true)) return Status::Ok();
        continue;
      }
      waited = false;
      if (contender.operations >= kOperationsMax) {
        return Internal(where_ + ": " + contender.side->name + " does " + std::to_string(contender.operations) +
                        " operations in no time; the compiler has removed the work (DoNotOptimize keeps it)");
      }
      const auto got = static_cast<double>(std::max(slice.cpu, std::chrono::nanoseconds(1)).count());
      const double growth = std::clamp(1.1 * static_cast<double>(options_.slice.count()) / got, 1.2, 10.0);
      const auto wanted = static_cast<std::uint64_t>(static_cast<double>(contender.operations) * growth) + 1;
      contender.operations = (wanted + comparison_.batch - 1) / comparison_.batch * comparison_.batch;
    }
  }

  [[nodiscard]] Status CheckBackgrounds() const {
    for (const Contender& contender : contenders_) {
      if (contender.background_steps < kBackgroundShareMin * contender.background_due) {
        return Unavailable(where_ + ": " + contender.side->name + "'s background got " +
                           std::to_string(static_cast<std::uint64_t>(contender.background_steps)) + " of " +
                           std::to_string(static_cast<std::uint64_t>(contender.background_due)) +
                           " turns, so it was not measured beside it; run again on a machine with an idle core");
      }
    }
    return Status::Ok();
  }

  const Comparison& comparison_;
  const MeasureOptions& options_;
  std::string where_;
  std::vector<Contender> contenders_;
};

}  // namespace

void Bench::Compare(const Comparison& comparison) {
  ++comparisons_;
  Measurement measurement(id_, comparison, options_);
  if (Status status = measurement.Run(); !status.ok()) {
    failures_.push_back(std::move(status));
    return;
  }
  if (!options_.only_check) std::ranges::move(measurement.Rows(id_), std::back_inserter(rows_));
}

}  // namespace flywheel::bench
