// ByteRing: the bytes of a simulated stream that have been written and not yet been read.
//
// Bytes are named by their offset in the stream, from begin() to end(). The sender's buffer, the wire and the
// receiver's buffer of a simulated connection are ranges of one ring, so that a byte is copied in once and out once,
// whatever happens to it in between. The ring grows to what it must hold; its owner bounds that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace flywheel::inline v0::sim {

class ByteRing {
 public:
  [[nodiscard]] std::uint64_t begin() const noexcept { return begin_; }
  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }

  void Append(std::span<const std::byte> bytes);
  // Copies the first bytes to `to`, all of which must be there, and drops them.
  void Take(std::span<std::byte> to) noexcept;

 private:
  static constexpr std::size_t kBytesMin = 512;

  void Grow(std::size_t size);
  // The part of [offset, offset + size) that lies in one piece.
  [[nodiscard]] std::span<std::byte> Piece(std::uint64_t offset, std::size_t size) noexcept;

  std::vector<std::byte> ring_;  // its size is a power of two, or nothing
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
};

}  // namespace flywheel::inline v0::sim
