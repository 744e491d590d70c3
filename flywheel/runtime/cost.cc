#include "flywheel/runtime/cost.h"

#include <algorithm>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace flywheel::inline v0 {
namespace {

// Enough for 1 % with a clock that is read in 50 ns.
constexpr Duration kFirstInterval = std::chrono::microseconds(20);
// Then the error is that of the kernel's own clock.
constexpr Duration kLastInterval = std::chrono::seconds(10);

// Whether the counter runs evenly whatever the CPU does (AMD64 manual 3, CPUID Fn8000_0007: TscInvariant).
bool HasEvenCounter() noexcept {
#if defined(__x86_64__)
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) != 0 && (edx & (1U << 8)) != 0;
#else
  return false;
#endif
}

std::uint64_t ReadCounter() noexcept {
#if defined(__x86_64__)
  return __rdtsc();  // tidy: only where the Host's clock is real
#else
  return 0;
#endif
}

}  // namespace

CostMeter::CostMeter(const Clock& clock) noexcept
    : clock_(clock), counter_(clock.real() && HasEvenCounter()), base_time_(clock.Now()) {
  if (!counter_) return;
  base_ticks_ = ReadCounter();
  Instant now = base_time_;
  while (now - base_time_ < kFirstInterval) now = clock.Now();
  Recalibrate(now);
}

std::uint64_t CostMeter::Ticks() const noexcept {
  return counter_ ? ReadCounter() : static_cast<std::uint64_t>(clock_.Now().time_since_epoch().count());
}

void CostMeter::SwitchSlow(Cost* cost) noexcept {
  const std::uint64_t now = Ticks();
  if (charged_ != nullptr) charged_->cpu += ToDuration(now - since_);
  charged_ = cost;
  since_ = now;
}

void CostMeter::Recalibrate(Instant now) noexcept {
  const Duration length = now - base_time_;
  nanoseconds_per_tick_ = static_cast<double>(length.count()) / static_cast<double>(ReadCounter() - base_ticks_);
  calibrate_at_ = length < kLastInterval ? now + length : kNever;
}

}  // namespace flywheel::inline v0
