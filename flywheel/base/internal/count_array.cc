#include "flywheel/base/internal/count_array.h"

#include <algorithm>
#include <limits>
#include <type_traits>

namespace flywheel::inline v0::internal {

void CountArray::Add(std::size_t i, std::uint64_t amount) {
  for (;;) {
    const bool added = std::visit(
        [&](auto& counts) {
          using Count = std::remove_reference_t<decltype(counts[0])>;
          constexpr std::uint64_t kMost = std::numeric_limits<Count>::max();
          const std::uint64_t room = kMost - counts[i];
          if (amount > room && sizeof(Count) < sizeof(std::uint64_t)) return false;
          counts[i] = static_cast<Count>(counts[i] + std::min(amount, room));
          return true;
        },
        counts_);
    if (added) return;
    Widen();
  }
}

void CountArray::Widen() {
  const auto copy = [](const auto& counts, auto wide) {
    wide.assign(counts.begin(), counts.end());
    return wide;
  };
  switch (counts_.index()) {
    case 0:
      counts_ = copy(std::get<0>(counts_), Counts<std::uint16_t>());
      break;
    case 1:
      counts_ = copy(std::get<1>(counts_), Counts<std::uint32_t>());
      break;
    default:
      counts_ = copy(std::get<2>(counts_), Counts<std::uint64_t>());
      break;
  }
}

void CountArray::Extend(std::size_t front, std::size_t back) {
  std::visit(
      [&](auto& counts) {
        counts.insert(counts.begin(), front, 0);
        counts.resize(counts.size() + back);
      },
      counts_);
}

void CountArray::Fold(int shift, std::size_t missing) {
  if (size() == 0) return;
  // In place, from the front: a group is written at or before its first member.
  const std::size_t groups = ((missing + size() - 1) >> shift) + 1;
  for (std::size_t group = 0, i = 0; group < groups; ++group) {
    const std::size_t end = std::min(((group + 1) << shift) - missing, size());
    std::uint64_t sum = 0;
    for (; i < end; ++i) {
      const std::uint64_t count = (*this)[i];
      sum = sum + count < sum ? std::numeric_limits<std::uint64_t>::max() : sum + count;
    }
    std::visit([group](auto& counts) { counts[group] = 0; }, counts_);
    Add(group, sum);
  }
  std::visit([groups](auto& counts) { counts.resize(groups); }, counts_);
}

std::size_t CountArray::HeapBytes() const noexcept {
  return std::visit([](const auto& counts) { return counts.capacity() * sizeof(counts[0]); }, counts_);
}

bool operator==(const CountArray& a, const CountArray& b) noexcept {
  return std::visit([](const auto& x, const auto& y) { return std::ranges::equal(x, y); }, a.counts_, b.counts_);
}

}  // namespace flywheel::inline v0::internal
