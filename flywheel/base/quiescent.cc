#include "flywheel/base/quiescent.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "flywheel/base/check.h"
#include "flywheel/base/thread_slot.h"

namespace flywheel::inline v0 {

void QuiescentNode::Unref() const noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;  // tidy: the count owns it
}

QuiescentParticipant::QuiescentParticipant(QuiescentDomain& domain, std::string name)
    : domain_(domain), name_(std::move(name)) {
  const MutexLock lock(domain_.mutex_);
  domain_.participants_.push_back(this);
}

QuiescentParticipant::~QuiescentParticipant() {
  FW_CHECK(!in_turn()) << "participant '" << name_ << "' is destroyed in a turn; Park() it first";
  const MutexLock lock(domain_.mutex_);
  std::erase(domain_.participants_, this);
}

void QuiescentParticipant::TurnBegin() noexcept {
  thread_slot.participant = this;
  if (!in_turn()) Protocol::Unpark(announcement_, domain_.era_);
}

void QuiescentParticipant::TurnEnd() noexcept {
  // Without the fence of TurnBegin a parked participant must not announce anything.
  FW_CHECK(in_turn()) << "TurnEnd of parked participant '" << name_ << "'; call TurnBegin first";
  ++turn_;
  Protocol::EndTurn(announcement_, domain_.era_);
}

void QuiescentParticipant::Park() noexcept {
  ++turn_;
  Protocol::Park(announcement_);
  if (thread_slot.participant == this) thread_slot.participant = nullptr;
}

QuiescentDomain::~QuiescentDomain() {
  {
    const MutexLock lock(mutex_);
    FW_CHECK(participants_.empty()) << "QuiescentDomain is destroyed before participant '"
                                    << participants_.front()->name() << "'";
  }
  // A waiting value may contain a snapshot, which retires another one as it is destroyed.
  while (Reclaim() != 0) {
  }
  const MutexLock lock(mutex_);
  FW_CHECK(users_ == 0) << "QuiescentDomain is destroyed before " << users_ << " of its snapshots";
}

void QuiescentDomain::AddUser() {
  const MutexLock lock(mutex_);
  ++users_;
}

void QuiescentDomain::RemoveUser() {
  const MutexLock lock(mutex_);
  --users_;
}

void QuiescentDomain::Retire(QuiescentNode* node) {
  QuiescentNode* freed = nullptr;
  {
    const MutexLock lock(mutex_);
    // Under the lock, so that the list is in order of retirement.
    Protocol::Retire(*node, era_);
    *std::exchange(end_, &node->next_) = node;
    stats_.retired_values += 1;
    stats_.retired_bytes += node->bytes_;
    stats_.retired_values_peak = std::max(stats_.retired_values_peak, stats_.retired_values);
    stats_.retired_bytes_peak = std::max(stats_.retired_bytes_peak, stats_.retired_bytes);
    Collect(Effort::kUsual, freed);
  }
  Free(freed);
}

std::size_t QuiescentDomain::Reclaim() {
  QuiescentNode* freed = nullptr;
  {
    const MutexLock lock(mutex_);
    Collect(Effort::kThorough, freed);
  }
  return Free(freed);
}

void QuiescentDomain::Collect(Effort effort, QuiescentNode*& freed) {
  const std::uint64_t oldest = ObserveAll();
  while (first_ != nullptr && first_->retired <= oldest) Take(first_, freed);

  const bool crossed = stats_.retired_values > scan_values_ || stats_.retired_bytes > scan_bytes_;
  if (crossed || effort == Effort::kThorough) {
    for (QuiescentNode** place = &first_; *place != nullptr;) {
      const auto may_hold = [&](const Interval& turn) { return turn.MayHold(**place); };
      if (std::ranges::any_of(observed_, may_hold)) {
        place = &(*place)->next_;
      } else {
        Take(*place, freed);
      }
    }
  }
  const std::size_t values = stats_.retired_values;
  const std::size_t bytes = stats_.retired_bytes;
  if (crossed) {
    stats_.scans += 1;
    if (values > limits_.retired_values_max || bytes > limits_.retired_bytes_max) stats_.scans_over_limit += 1;
    scan_values_ = scan_bytes_ = SIZE_MAX;
  }
  // Doubling makes the scans of values that stay cost a constant per retired value. It falls with what waits, so that
  // a stall that is over does not leave a high threshold behind.
  scan_values_ = std::min(scan_values_, std::max(limits_.retired_values_max, 2 * values));
  scan_bytes_ = std::min(scan_bytes_, std::max(limits_.retired_bytes_max, 2 * bytes));
}

std::uint64_t QuiescentDomain::ObserveAll() {
  Protocol::BeforeObserving(era_);
  std::uint64_t oldest = Protocol::kParked;
  observed_.clear();
  for (const QuiescentParticipant* participant : participants_) {
    const Interval turn = Protocol::Observe(participant->announcement_);
    if (turn.entered == Protocol::kParked) continue;
    oldest = std::min(oldest, turn.entered);
    observed_.push_back(turn);
  }
  return oldest;
}

void QuiescentDomain::Take(QuiescentNode*& place, QuiescentNode*& freed) {
  QuiescentNode* const node = place;
  if (end_ == &node->next_) end_ = &place;
  place = node->next_;
  node->next_ = std::exchange(freed, node);
  stats_.retired_values -= 1;
  stats_.retired_bytes -= node->bytes_;
  stats_.freed_values += 1;
}

std::size_t QuiescentDomain::Free(QuiescentNode* freed) {
  std::size_t count = 0;
  for (; freed != nullptr; ++count) std::exchange(freed, freed->next_)->Unref();
  return count;
}

QuiescentStats QuiescentDomain::Stats() const {
  const MutexLock lock(mutex_);
  QuiescentStats stats = stats_;
  stats.era = era_.load(std::memory_order_relaxed);
  stats.participants = participants_.size();
  return stats;
}

std::vector<QuiescentStall> QuiescentDomain::Stalls() const {
  std::vector<QuiescentStall> stalls;
  const MutexLock lock(mutex_);
  const std::uint64_t era = era_.load(std::memory_order_relaxed);
  for (const QuiescentParticipant* participant : participants_) {
    const Interval turn = Protocol::Observe(participant->announcement_);
    if (turn.entered == Protocol::kParked) continue;
    QuiescentStall stall{.participant = participant->name(), .eras_behind = era - std::min(era, turn.entered)};
    for (const QuiescentNode* node = first_; node != nullptr; node = node->next_) {
      if (!turn.MayHold(*node)) continue;
      stall.values += 1;
      stall.bytes += node->bytes_;
    }
    if (stall.values != 0) stalls.push_back(std::move(stall));
  }
  std::ranges::sort(stalls, std::ranges::greater(), &QuiescentStall::eras_behind);
  return stalls;
}

std::string QuiescentStall::ToString() const {
  return "'" + participant + "' has been in one turn for " + std::to_string(eras_behind) + " publishes and keeps " +
         std::to_string(values) + " of the values replaced meanwhile (" + std::to_string(bytes) +
         " bytes); end the turn, or Hold() what long work needs";
}

}  // namespace flywheel::inline v0
