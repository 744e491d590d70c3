// SparseBytes: a row of bytes without an end, all zero until written.
//
// What a simulated disk keeps of a file: only pages that were written take memory, so that a log of many megabytes that
// was allocated in advance costs nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>

namespace flywheel::inline v0::sim {

class SparseBytes {
 public:
  SparseBytes() = default;
  SparseBytes(const SparseBytes& other) { *this = other; }
  SparseBytes& operator=(const SparseBytes& other);
  SparseBytes(SparseBytes&&) noexcept = default;
  SparseBytes& operator=(SparseBytes&&) noexcept = default;

  void Read(std::uint64_t offset, std::span<std::byte> to) const;
  void Write(std::uint64_t offset, std::span<const std::byte> from);
  // Everything from `offset` on is zero again.
  void ZeroFrom(std::uint64_t offset);

 private:
  static constexpr std::size_t kPageBytes = 4096;
  using Page = std::array<std::byte, kPageBytes>;

  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;
};

}  // namespace flywheel::inline v0::sim
