// CountArray: counts of one, two, four or eight bytes each, whichever the largest of them needs.
//
// Most buckets of most label sets never count to 256. Widening copies everything, but happens three times in a life.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

namespace flywheel::inline v0::internal {

class CountArray {
 public:
  [[nodiscard]] std::size_t size() const noexcept {
    return std::visit([](const auto& counts) { return counts.size(); }, counts_);
  }
  [[nodiscard]] std::uint64_t operator[](std::size_t i) const noexcept {
    return std::visit([i](const auto& counts) { return std::uint64_t{counts[i]}; }, counts_);
  }
  // Sums stay at 2^64 - 1 instead of passing it.
  void Add(std::size_t i, std::uint64_t amount);

  // Adds zeros at the two ends.
  void Extend(std::size_t front, std::size_t back);

  // Adds up groups of 2^shift neighbours. The first group lacks its first `missing` members, which lie before [0].
  void Fold(int shift, std::size_t missing);

  // On the heap.
  [[nodiscard]] std::size_t HeapBytes() const noexcept;

  // Equal counts, whatever their width.
  friend bool operator==(const CountArray& a, const CountArray& b) noexcept;

 private:
  template <typename T>
  using Counts = std::vector<T>;

  void Widen();

  std::variant<Counts<std::uint8_t>, Counts<std::uint16_t>, Counts<std::uint32_t>, Counts<std::uint64_t>> counts_;
};

}  // namespace flywheel::inline v0::internal
